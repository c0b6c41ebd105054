//! Everything at once, at random, for some seconds: nothing may be lost, run twice or hang.

use std::hint;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use threadle::sync::{Mutex, WaitGroup};
use threadle::{Builder, block_on, blocking, chan, checkpoint, go, time, yield_now};
use threadle_tests::{Mode, Seed, Watchdog, child};

/// What the goroutines of one storm share, and what must add up when they are gone.
#[derive(Default)]
struct Ledger {
    spawned: AtomicU64,
    ended: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    locked: AtomicU64,
    panicked: AtomicU64,
    caught: AtomicU64,
}

#[derive(Clone)]
struct Storm {
    ledger: Arc<Ledger>,
    lanes: Arc<[(chan::Sender<u64>, chan::Receiver<u64>)]>,
    total: Arc<Mutex<u64>>,
    detached: WaitGroup,
}

impl Storm {
    fn new() -> Storm {
        Storm {
            ledger: Arc::default(),
            lanes: [0, 1, 8, 300].map(chan::bounded).into(),
            total: Arc::new(Mutex::new(0)),
            detached: WaitGroup::new(),
        }
    }

    /// One goroutine's life: some random deeds, and children of its own.
    fn live(&self, mut seed: Seed, depth: u64) {
        self.ledger.spawned.fetch_add(1, SeqCst);
        for _ in 0..seed.below(30) {
            self.deed(&mut seed, depth);
        }
        self.ledger.ended.fetch_add(1, SeqCst);
    }

    fn deed(&self, seed: &mut Seed, depth: u64) {
        let briefly = Duration::from_micros(seed.below(2000));
        let (send, receive) = &self.lanes[seed.below(self.lanes.len() as u64) as usize];
        match seed.below(100) {
            0..20 => yield_now(),
            20..30 => checkpoint(),
            30..40 => time::sleep(briefly),
            40..55 => {
                let sent = send.send_timeout(1, briefly);
                self.ledger.sent.fetch_add(u64::from(sent.is_ok()), SeqCst);
            }
            55..70 => {
                let received = receive.recv_timeout(briefly);
                self.ledger.received.fetch_add(u64::from(received.is_ok()), SeqCst);
            }
            70..80 => {
                let mut total = self.total.lock();
                if seed.below(4) == 0 {
                    yield_now();
                }
                *total += 1;
                self.ledger.locked.fetch_add(1, SeqCst);
            }
            80..84 => blocking(|| spin(briefly)),
            84..85 => spin(Duration::from_millis(12)),
            85..88 => {
                self.ledger.panicked.fetch_add(1, SeqCst);
                let wait = seed.below(2) == 0;
                let error = go(move || {
                    if wait {
                        time::sleep(Duration::from_micros(50));
                    }
                    panic::resume_unwind(Box::new(()));
                })
                .join()
                .expect_err("it panicked");
                assert!(error.is_panic());
                self.ledger.caught.fetch_add(1, SeqCst);
            }
            88..91 if depth > 0 => {
                let (storm, seed) = (self.clone(), seed.split());
                block_on(go(move || storm.live(seed, depth - 1))).expect("a child's checks hold");
            }
            91..97 if depth > 0 => {
                let (storm, seed) = (self.clone(), seed.split());
                go(move || storm.live(seed, depth - 1)).join().expect("a child's checks hold");
            }
            _ if depth > 0 => {
                let (storm, seed) = (self.clone(), seed.split());
                self.detached.go(move || storm.live(seed, depth - 1));
            }
            _ => {}
        }
    }

    /// After everybody has gone.
    fn settle(&self) {
        let left: u64 =
            self.lanes.iter().map(|(_, receive)| std::iter::from_fn(|| receive.try_recv().ok()).sum::<u64>()).sum();
        let count = |counter: &AtomicU64| counter.load(SeqCst);
        let ledger = &self.ledger;
        println!(
            "{} goroutines, {} values, {} locks, {} panics",
            count(&ledger.spawned),
            count(&ledger.sent),
            count(&ledger.locked),
            count(&ledger.panicked)
        );
        assert_eq!(count(&ledger.spawned), count(&ledger.ended), "somebody did not come to its end");
        assert_eq!(count(&ledger.sent), count(&ledger.received) + left, "a value was lost, or came twice");
        assert_eq!(count(&ledger.locked), *self.total.lock(), "two held the lock at once");
        assert_eq!(count(&ledger.panicked), count(&ledger.caught), "a panic was lost");
    }
}

fn spin(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        hint::spin_loop();
    }
}

fn storm(mode: Mode, procs: usize, duration: Duration, seed: &mut Seed) {
    println!("mode: {mode}, {procs} processors");
    let _watchdog = Watchdog::new(120);
    let mut seed = seed.split();
    mode.run(Builder::new().procs(procs), move || {
        let storm = Storm::new();
        let begun = Instant::now();
        while begun.elapsed() < duration {
            let wave: Vec<_> = (0..50)
                .map(|_| {
                    let (storm, seed) = (storm.clone(), seed.split());
                    go(move || storm.live(seed, 4))
                })
                .collect();
            for one in wave {
                one.join().expect("its checks hold");
            }
        }
        storm.detached.wait();
        storm.settle();
    });
}

#[test]
fn everything_at_once() {
    let _alone = child::alone();
    let mut seed = Seed::announced();
    for mode in Mode::BOTH {
        for procs in [1, 2, 4] {
            storm(mode, procs, Duration::from_millis(1500), &mut seed);
        }
    }
}

/// Two storms in two runtimes, while plain threads take part in the channels of both.
#[test]
fn two_storms_and_plain_threads() {
    let _alone = child::alone();
    let mut seed = Seed::announced();
    let _watchdog = Watchdog::new(120);
    let (to_threads, from_goroutines) = chan::bounded::<u64>(4);
    let (to_goroutines, from_threads) = chan::bounded::<u64>(4);
    let echoes: Vec<_> = (0..3)
        .map(|_| {
            let (receive, send) = (from_goroutines.clone(), to_goroutines.clone());
            std::thread::spawn(move || {
                while let Ok(value) = receive.recv() {
                    send.send(value).expect("a goroutine takes it");
                }
            })
        })
        .collect();
    std::thread::scope(|scope| {
        for mode in Mode::BOTH {
            let (to_threads, from_threads) = (to_threads.clone(), from_threads.clone());
            let mut seed = seed.split();
            scope.spawn(move || {
                mode.run(Builder::new().procs(2), || {
                    let pairs: Vec<_> = (0..8)
                        .map(|_| {
                            let (send, receive, mut seed) = (to_threads.clone(), from_threads.clone(), seed.split());
                            go(move || {
                                for _ in 0..500 {
                                    send.send(1).expect("a thread takes it");
                                    if seed.below(8) == 0 {
                                        yield_now();
                                    }
                                    receive.recv().expect("a thread gives it back");
                                }
                            })
                        })
                        .collect();
                    for pair in pairs {
                        pair.join().expect("its checks hold");
                    }
                });
            });
        }
    });
    assert!(from_threads.is_empty(), "a value came twice");
    to_threads.close();
    for echo in echoes {
        echo.join().expect("it only passes on");
    }
}
