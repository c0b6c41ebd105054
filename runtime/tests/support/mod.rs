//! What the tests share: where a body runs, a watchdog, a seeded generator, values that count their drops.
#![allow(dead_code, unreachable_pub, missing_docs, missing_debug_implementations)] // every test file uses some of it

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Where a body runs, and what its [`spawn`](Place::spawn) starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Plain threads, outside any runtime.
    Threads,
    /// Goroutines in bound mode.
    Bound,
    /// Goroutines in migrating mode.
    Migrating,
    /// Goroutines and threads by turns.
    Mixed,
}

/// Runs `body` in every place. Bodies wait only by calls of this crate or, like [`Place::pause`], without blocking.
pub fn everywhere(name: &'static str, body: impl Fn(Place) + Send + Sync) {
    let _watchdog = watchdog(name);
    body(Place::Threads);
    in_runtimes(name, body);
}

/// As [`everywhere`], without the place outside any runtime.
pub fn in_runtimes(name: &'static str, body: impl Fn(Place) + Send + Sync) {
    let _watchdog = watchdog(name);
    let builder = threadle::Builder::new().procs(3);
    for place in [Place::Bound, Place::Migrating, Place::Mixed] {
        let started = match place {
            // SAFETY: the bodies hold nothing that is bound to its thread over a switching call (what they share is `Arc`, atomics
            // and channels), and name no thread-local.
            Place::Migrating => unsafe { builder.clone().run_migrating(|| body(place)) },
            _ => builder.clone().run(|| body(place)),
        };
        started.unwrap_or_else(|error| panic!("{name}: {place:?}: {error}"));
    }
}

impl Place {
    pub fn spawn<T: Send + 'static>(self, f: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        let on_thread = match self {
            Place::Threads => true,
            Place::Bound | Place::Migrating => false,
            Place::Mixed => TURN.fetch_add(1, Ordering::Relaxed).is_multiple_of(2),
        };
        if on_thread { Task::Thread(std::thread::spawn(f)) } else { Task::Goroutine(threadle::go(f)) }
    }

    /// Lets others run.
    pub fn pause(self) {
        threadle::yield_now();
    }

    /// Lets others run until `condition` holds; the watchdog bounds it.
    pub fn until(self, condition: impl Fn() -> bool) {
        while !condition() {
            self.pause();
        }
    }
}

pub enum Task<T> {
    Thread(std::thread::JoinHandle<T>),
    Goroutine(threadle::JoinHandle<T>),
}

impl<T> Task<T> {
    pub fn is_finished(&self) -> bool {
        match self {
            Task::Thread(thread) => thread.is_finished(),
            Task::Goroutine(goroutine) => goroutine.is_finished(),
        }
    }
}

impl<T: Send> Task<T> {
    pub fn join(self) -> T {
        match self {
            Task::Thread(thread) => threadle::blocking(|| thread.join()).expect("a thread of the test panicked"),
            Task::Goroutine(goroutine) => goroutine.join().expect("a goroutine of the test failed"),
        }
    }
}

/// Ends the process with a dump when the test is not over in time: a hang is a failure with a name.
pub struct Watchdog {
    _alive: mpsc::Sender<()>,
}

pub fn watchdog(name: &'static str) -> Watchdog {
    let (alive, over) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if over.recv_timeout(LIMIT) != Err(mpsc::RecvTimeoutError::Timeout) {
            return;
        }
        let mut report = format!("{name}: not over after {LIMIT:?}\n").into_bytes();
        if let Err(error) = threadle::dump(&mut report) {
            report.extend_from_slice(format!("no dump: {error}\n").as_bytes());
        }
        // Nobody is left to tell if stderr is gone.
        let _ = std::io::stderr().write_all(&report);
        std::process::abort();
    });
    Watchdog { _alive: alive }
}

/// Marsaglia's xorshift64*.
pub struct Random(u64);

impl Random {
    /// Seeded by `THREADLE_SEED` or the clock; the seed is printed.
    pub fn new(name: &str) -> Self {
        let given = std::env::var("THREADLE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            now.as_nanos() as u64
        });
        println!("{name}: THREADLE_SEED={seed}");
        Random(seed | 1)
    }

    pub fn fork(&mut self) -> Self {
        Random(self.next() | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}

/// Every value that was sent was received, by one.
#[track_caller]
pub fn assert_received_once(mut received: Vec<usize>, sent: usize, what: &str) {
    let total = received.len();
    received.sort_unstable();
    received.dedup();
    assert_eq!(received.len(), total, "{what}: a value was received twice");
    assert_eq!(total, sent, "{what}: sent and received differ");
}

/// Counts live values; each value notes a second drop of itself.
#[derive(Clone, Default)]
pub struct Census {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

pub struct Counted {
    pub id: usize,
    census: Census,
    dropped: bool,
}

impl Census {
    pub fn make(&self) -> Counted {
        let id = self.made.fetch_add(1, Ordering::SeqCst);
        Counted { id, census: self.clone(), dropped: false }
    }

    pub fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(!std::mem::replace(&mut self.dropped, true), "value {} dropped twice", self.id);
        self.census.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
