//! When `run` returns, everything of the runtime has stopped, and everybody who waits for a goroutine of it is told.
#![expect(clippy::disallowed_methods, reason = "plain threads look on, and blocked ones are looked at")]

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, GoBuilder, JoinHandle, blocking, chan, go, time, yield_now};
use threadle_tests::{Mode, Seed, Watchdog, child};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Three goroutines that do nothing but call; how many calls were over after `run` had returned.
fn calls_after_the_end(mode: Mode, call: Duration) -> u64 {
    mode.run(Builder::new().procs(2), || {
        for _ in 0..3 {
            drop(go(move || {
                loop {
                    blocking(|| thread::sleep(call));
                    CALLS.fetch_add(1, SeqCst);
                }
            }));
            // Each on an M of its own, where that can be.
            thread::sleep(Duration::from_millis(1));
        }
        let before = CALLS.load(SeqCst);
        while CALLS.load(SeqCst) < before + 10 {
            time::sleep(Duration::from_millis(1));
        }
    });
    let before = CALLS.load(SeqCst);
    thread::sleep(Duration::from_millis(300));
    CALLS.load(SeqCst) - before
}

#[test]
fn calls_stop_with_the_runtime() {
    child::in_children(
        "calls_stop_with_the_runtime",
        |_| {},
        |mode| {
            println!("short {}", calls_after_the_end(mode, Duration::from_micros(10)));
            println!("long {}", calls_after_the_end(mode, Duration::from_millis(2)));
        },
        |mode, end| {
            // A call under way may come to its end, no more.
            let calls = (end.succeeded().number("short"), end.number("long"));
            assert!(calls.0 <= 3.0 && calls.1 <= 3.0, "{mode}: {calls:?} calls of three goroutines after the end");
        },
    );
}

static RELEASED: AtomicBool = AtomicBool::new(false);

/// How a goroutine keeps its thread until it is released.
type Hog = (&'static str, fn());

const HOGS: &[Hog] = &[
    ("spins", || {
        while !RELEASED.load(SeqCst) {
            hint::spin_loop();
        }
    }),
    ("blocks", || {
        while !RELEASED.load(SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    }),
    ("calls", || {
        blocking(|| {
            while !RELEASED.load(SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
        });
    }),
];

/// Waits for each; how many came to their end, and how many were abandoned.
fn join_all(handles: impl IntoIterator<Item = (u64, JoinHandle<u64>)>) -> (u64, u64) {
    let (mut ended, mut abandoned) = (0, 0);
    for (number, handle) in handles {
        match handle.join() {
            Ok(value) => {
                assert_eq!(value, number, "another goroutine's value");
                ended += 1;
            }
            Err(error) => {
                assert!(error.is_abandoned(), "{error}");
                abandoned += 1;
            }
        }
    }
    (ended, abandoned)
}

/// The runtime ends while 200 that have not started are queued on the processor of one that does not let go; how long that took.
fn end_with_a_queue_behind_a_hog(mode: Mode, hog: fn()) -> Duration {
    const QUEUED: u64 = 200;
    RELEASED.store(false, SeqCst);
    let (hand_over, handed) = mpsc::channel();
    let joiner = thread::spawn(move || join_all(handed.recv().expect("the hog hands them over")));
    let ended = mode.run(Builder::new().procs(2), move || {
        let queued = Arc::new(AtomicBool::new(false));
        drop(go({
            let queued = Arc::clone(&queued);
            move || {
                let fresh = |number| {
                    let one = go(move || {
                        let begun = Instant::now();
                        while begun.elapsed() < Duration::from_millis(2) {
                            hint::spin_loop();
                        }
                        number
                    });
                    (number, one)
                };
                hand_over.send((0..QUEUED).map(fresh).collect::<Vec<_>>()).expect("somebody joins");
                queued.store(true, SeqCst);
                hog();
            }
        }));
        // Takes the hog's place as the next of this processor: the other one comes for the hog.
        drop(go(|| ()));
        while !queued.load(SeqCst) {
            hint::spin_loop();
        }
        Instant::now()
    });
    let took = ended.elapsed();
    let (ended, abandoned) = joiner.join().expect("its checks hold");
    println!("{ended} of {QUEUED} ended, {abandoned} were abandoned");
    assert_eq!(ended + abandoned, QUEUED);
    RELEASED.store(true, SeqCst);
    took
}

#[test]
fn who_joins_what_is_queued_behind_a_hog_is_told() {
    child::in_children(
        "who_joins_what_is_queued_behind_a_hog_is_told",
        |_| {},
        |mode| {
            let _watchdog = Watchdog::new(100);
            for (name, hog) in HOGS {
                println!("{name} {}", end_with_a_queue_behind_a_hog(mode, *hog).as_secs_f64());
            }
        },
        |mode, end| {
            end.succeeded();
            for (name, _) in HOGS {
                let seconds = end.number(name);
                println!("{mode}: run returned after {seconds} s with a goroutine that {name}");
                assert!(seconds < 15.0, "{mode}: run returned after {seconds} s with a goroutine that {name}");
            }
        },
    );
}

/// Numbers of goroutines are unique in the process, so that a value in the wrong hands is noticed.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// What the goroutines of one runtime share.
#[derive(Clone)]
struct Meeting {
    send: chan::Sender<u64>,
    receive: chan::Receiver<u64>,
    main_is_over: Arc<AtomicBool>,
}

impl Meeting {
    /// A life that is mostly over, or about to wait, when the runtime ends.
    fn live(&self, seed: &mut Seed) {
        let briefly = Duration::from_micros(seed.below(300));
        match seed.below(16) {
            0..4 => {}
            4..7 => (0..seed.below(20)).for_each(|_| yield_now()),
            7..9 => time::sleep(briefly),
            // Whether it came to a meeting is a matter of the others' lives.
            9 => drop(self.send.send_timeout(1, briefly)),
            10 => drop(self.receive.recv_timeout(briefly)),
            11 => drop(self.send.try_send(1)),
            12 => drop(self.receive.try_recv()),
            13 => blocking(|| spin(briefly / 4)),
            14 => spin(briefly / 4),
            _ => {
                let child = go(yield_now);
                if seed.below(2) == 0
                    && let Err(error) = child.join()
                {
                    assert!(error.is_abandoned(), "{error}");
                    assert!(self.main_is_over.load(SeqCst), "a child was abandoned while its runtime lived");
                }
            }
        }
    }

    fn start(&self, seed: &mut Seed) -> (u64, JoinHandle<u64>) {
        let number = NUMBERS.fetch_add(1, SeqCst);
        let builder = if seed.below(32) == 0 { GoBuilder::new().locked() } else { GoBuilder::new() };
        let (meeting, mut seed) = (self.clone(), seed.split());
        let handle = builder.go(move || {
            meeting.live(&mut seed);
            number
        });
        (number, handle)
    }
}

fn spin(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        hint::spin_loop();
    }
}

/// One short runtime; how many of its goroutines came to their end, and how many were abandoned.
fn a_short_runtime(mode: Mode, seed: &mut Seed) -> (u64, u64) {
    let (hand_over, handed) = mpsc::channel();
    // Some are waited for while the runtime ends, some afterwards.
    thread::scope(|scope| {
        let meanwhile = scope.spawn(move || join_all(handed));
        let procs = 1 + seed.below(2) as usize;
        let mut of_main = seed.split();
        let afterwards = mode.run(Builder::new().procs(procs), move || {
            let seed = &mut of_main;
            let (send, receive) = chan::bounded(seed.below(3) as usize);
            let meeting = Meeting { send, receive, main_is_over: Arc::default() };
            // Others' ends are nothing to this runtime, whose memory is that of goroutines of theirs.
            let first: Vec<_> = (0..seed.below(8)).map(|_| meeting.start(seed)).collect();
            let (_, abandoned) = join_all(first);
            assert_eq!(abandoned, 0, "a goroutine was abandoned while its runtime lived");
            let mut afterwards = Vec::new();
            for _ in 0..seed.below(40) {
                let one = meeting.start(seed);
                if seed.below(2) == 0 {
                    hand_over.send(one).expect("somebody joins");
                } else {
                    afterwards.push(one);
                }
            }
            match seed.below(4) {
                0 => time::sleep(Duration::from_micros(seed.below(400))),
                1 => (0..seed.below(40)).for_each(|_| yield_now()),
                2 => spin(Duration::from_micros(seed.below(400))),
                _ => {}
            }
            meeting.main_is_over.store(true, SeqCst);
            afterwards
        });
        let (afterwards, meanwhile) = (join_all(afterwards), meanwhile.join().expect("its checks hold"));
        (afterwards.0 + meanwhile.0, afterwards.1 + meanwhile.1)
    })
}

#[test]
fn who_joins_at_the_moment_of_the_end_is_told() {
    /// Every eighth is bound and may leave a thread for each processor, and all leave stacks: there are not to be too many.
    const RUNTIMES: usize = 800;
    let end = child::in_child(
        "who_joins_at_the_moment_of_the_end_is_told",
        |_| {},
        || {
            let _watchdog = Watchdog::new(100);
            let mut seed = Seed::announced();
            let begun = Instant::now();
            thread::scope(|scope| {
                for _ in 0..4 {
                    let mut seed = seed.split();
                    scope.spawn(move || {
                        let (mut runtimes, mut ended, mut abandoned) = (0, 0, 0);
                        // However slow the machine, until it shows something.
                        while runtimes < RUNTIMES
                            && (begun.elapsed() < Duration::from_secs(4) || ended == 0 || abandoned == 0)
                        {
                            let mode = if seed.below(8) == 0 { Mode::Bound } else { Mode::Migrating };
                            let counts = a_short_runtime(mode, &mut seed);
                            (ended, abandoned) = (ended + counts.0, abandoned + counts.1);
                            runtimes += 1;
                        }
                        println!("{runtimes} runtimes: {ended} goroutines ended, {abandoned} were abandoned");
                        assert!(ended > 0 && abandoned > 0, "this shows nothing");
                    });
                }
            });
        },
    );
    println!("{}{}", end.stdout, end.succeeded().stderr);
}
