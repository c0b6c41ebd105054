//! What the tests share: a watchdog, a seeded generator, values that count their drops.
#![allow(dead_code, unreachable_pub, missing_docs, missing_debug_implementations)] // every test file uses some of it

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Ends the process when the test is not over in time: a hang is a failure with a name.
pub struct Watchdog(Arc<AtomicBool>);

pub fn watchdog(name: &'static str, limit: Duration) -> Watchdog {
    let over = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&over);
    std::thread::spawn(move || {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if watched.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("{name}: not over after {limit:?}");
        std::process::abort();
    });
    Watchdog(over)
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Marsaglia's xorshift64*.
pub struct Random(u64);

impl Random {
    /// Seeded by `THREADLE_TEST_SEED` or the clock; the seed is printed.
    pub fn new(name: &str) -> Self {
        let given = std::env::var("THREADLE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            now.as_nanos() as u64
        });
        println!("{name}: THREADLE_TEST_SEED={seed}");
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
