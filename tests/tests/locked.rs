//! A locked goroutine has its thread to itself, and nobody else has to pay for it.
#![expect(clippy::disallowed_methods, reason = "blocking its own thread is what a locked goroutine may do")]

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, GoBuilder, JoinHandle, blocking, chan, go, metrics, time, yield_now};
use threadle_tests::{Mode, Watchdog, both_modes, child, system};

/// Nobody who is given a turn at all waits for one so long.
const STARVED: Duration = Duration::from_secs(25);

/// For so long a goroutine keeps its thread from switching, or sleeps; what runs only when it has is late by that.
const A_WHILE: Duration = Duration::from_secs(1);

/// A machine may keep everybody from running for a while, but not so often.
const TRIES: usize = 5;

fn locked<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    GoBuilder::new().locked().go(body)
}

/// Its M can run nobody else, and never runs out of work: it has to give the one processor away in good time.
#[test]
fn a_locked_goroutine_that_yields_starves_nobody() {
    both_modes(1, |mode| {
        let over = Arc::new(AtomicBool::new(false));
        let (begin, begun) = chan::bounded(1);
        let yielder = locked({
            let over = Arc::clone(&over);
            move || {
                begin.send(()).expect("main listens");
                let patience = Instant::now() + STARVED;
                while !over.load(SeqCst) && Instant::now() < patience {
                    yield_now();
                }
                over.load(SeqCst)
            }
        });
        begun.recv().expect("it begins");
        for number in 0..20 {
            time::sleep(Duration::from_millis(1));
            assert_eq!(go(move || number).join().expect("it only returns"), number);
        }
        let (say, hear) = chan::bounded(0);
        let outside = thread::spawn(move || say.send(7));
        assert_eq!(hear.recv(), Ok(7));
        outside.join().expect("it does not panic").expect("somebody listens");
        over.store(true, SeqCst);
        assert!(yielder.join().expect("it only yields"), "{mode}: main did not come round in {STARVED:?}");
    });
}

/// What a locked goroutine makes ready, and how its own thread is busy, or not, until that has run. False: it has not.
type Deed = (&'static str, fn(&Main) -> bool);

/// The goroutine that runs beside: whatever comes is sent back.
struct Main {
    ask: chan::Sender<u32>,
    answer: chan::Receiver<u32>,
}

const DEEDS: &[Deed] = &[
    ("spawns and joins", |_| go(|| 7).join().is_ok_and(|seven| seven == 7)),
    ("spawns, and waits with a timer", |_| {
        let (say, hear) = chan::bounded(1);
        drop(go(move || say.send(7)));
        hear.recv_timeout(STARVED) == Ok(7)
    }),
    ("spawns, and sleeps", |_| {
        (0..TRIES).any(|_| {
            let child = go(Instant::now);
            time::sleep(A_WHILE);
            let woke = Instant::now();
            child.join().is_ok_and(|ran| ran < woke)
        })
    }),
    ("spawns, and is in a call", |_| {
        let (say, hear) = mpsc::channel();
        drop(go(move || say.send(7)));
        blocking(move || hear.recv_timeout(STARVED)) == Ok(7)
    }),
    ("spawns, and blocks", |_| {
        let (say, hear) = mpsc::channel();
        drop(go(move || say.send(7)));
        hear.recv_timeout(STARVED) == Ok(7)
    }),
    ("spawns, and spins", |_| {
        let child = go(|| 7);
        spin_until(|| child.is_finished())
    }),
    ("spawns, and yields", |_| {
        let child = go(|| 7);
        spin_until(|| {
            yield_now();
            child.is_finished()
        })
    }),
    ("wakes, and waits", |main| {
        main.ask.send(7).expect("main listens");
        main.answer.recv() == Ok(7)
    }),
    ("wakes, and blocks", |main| {
        main.ask.send(7).expect("main listens");
        (0..TRIES).any(|_| {
            thread::sleep(A_WHILE);
            main.answer.try_recv() == Ok(7)
        })
    }),
    ("wakes, and spins", |main| {
        main.ask.send(7).expect("main listens");
        spin_until(|| main.answer.try_recv().is_ok())
    }),
];

fn spin_until(done: impl Fn() -> bool) -> bool {
    let patience = Instant::now() + STARVED;
    while Instant::now() < patience {
        if done() {
            return true;
        }
        hint::spin_loop();
    }
    false
}

/// Does the deed twice: at once, and after everybody, the monitor too, has gone to rest.
fn somebody_else_runs_it(mode: Mode, procs: usize, (name, deed): Deed) {
    let _watchdog = Watchdog::new(120);
    mode.run(Builder::new().procs(procs), || {
        let (ask, asked) = chan::bounded(1);
        let (reply, answer) = chan::bounded(1);
        let main = Main { ask, answer };
        let doer = locked(move || {
            let at_once = deed(&main);
            time::sleep(Duration::from_millis(200));
            (at_once, deed(&main))
        });
        while let Ok(number) = asked.recv() {
            reply.send(number).expect("there is room");
        }
        let (at_once, rested) = doer.join().expect("the deeds do not panic");
        assert!(at_once, "{mode}, {procs} processors: a locked goroutine {name}, and nobody else runs it");
        assert!(rested, "{mode}, {procs} processors: a locked goroutine {name} after a rest, and nobody else runs it");
    });
}

#[test]
fn what_a_locked_goroutine_makes_ready_is_run_by_somebody_else() {
    // Those that wait at the same time, those that spin one by one.
    let (spinning, waiting): (Vec<Deed>, Vec<Deed>) = DEEDS.iter().partition(|(name, _)| name.ends_with("spins"));
    thread::scope(|scope| {
        for mode in Mode::BOTH {
            for procs in [1, 2] {
                for &deed in &waiting {
                    scope.spawn(move || somebody_else_runs_it(mode, procs, deed));
                }
            }
        }
    });
    for mode in Mode::BOTH {
        for procs in [1, 2] {
            for &deed in &spinning {
                somebody_else_runs_it(mode, procs, deed);
            }
        }
    }
}

fn joins(handle: JoinHandle<u32>, number: u32) -> bool {
    match handle.join() {
        Ok(value) => {
            assert_eq!(value, number, "another goroutine's value");
            true
        }
        Err(error) => {
            assert!(error.is_abandoned(), "{error}");
            false
        }
    }
}

/// Whether or not its thread has come to it: who joins it after the end is told, and so is who has been waiting since before.
#[test]
fn who_joins_a_locked_goroutine_of_a_runtime_that_ends_is_told() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let ran = AtomicU64::new(0);
        for procs in [1, 2] {
            for number in 0..20 {
                let (hand_over, handed) = mpsc::channel();
                let waiting = thread::spawn(move || joins(handed.recv().expect("main hands it over"), number));
                let late = mode.run(Builder::new().procs(procs), move || {
                    hand_over.send(locked(move || number)).expect("somebody joins");
                    locked(move || number)
                });
                ran.fetch_add(u64::from(joins(late, number)), SeqCst);
                ran.fetch_add(u64::from(waiting.join().expect("its checks hold")), SeqCst);
            }
        }
        println!("{mode}: {} of 80 ran", ran.into_inner());
    }
}

/// Four fifths of what `run` waits for a thread that is not where it should be.
const PROMPT: Duration = Duration::from_millis(640);

/// One after the other and all at once; how long `run` took to return.
fn short_ones(mode: Mode) -> Duration {
    let ended = mode.run(Builder::new().procs(2), || {
        for number in 0..200 {
            assert_eq!(locked(move || number).join().expect("it only returns"), number);
        }
        let crowd: Vec<_> = (0..200).map(|number| locked(move || number)).collect();
        for (number, one) in crowd.into_iter().enumerate() {
            assert_eq!(one.join().expect("it only returns"), number);
        }
        Instant::now()
    });
    ended.elapsed()
}

#[test]
fn threads_of_short_locked_goroutines_end() {
    child::in_children(
        "threads_of_short_locked_goroutines_end",
        |_| {},
        |mode| {
            let census =
                || (system::threads().expect("/proc is there"), system::descriptors().expect("/proc is there"));
            short_ones(mode);
            let before = census();
            let mut left = 0;
            let mut slowest_of_twenty = || {
                let ended = (0..20).map(|_| {
                    let took = short_ones(mode);
                    left += metrics().left_threads;
                    took
                });
                ended.max().expect("there are some")
            };
            // Once more where somebody was late: the machine may have kept a thread from ending.
            let mut slowest = slowest_of_twenty();
            for _ in 0..3 {
                if slowest >= PROMPT {
                    slowest = slowest_of_twenty();
                }
            }
            // A thread that was joined may be in the list for a moment yet.
            let deadline = Instant::now() + Duration::from_secs(10);
            while (census().0 > before.0 || census().1 > before.1) && Instant::now() < deadline {
                thread::yield_now();
            }
            let after = census();
            println!("slowest {}\nleft {left}", slowest.as_secs_f64());
            println!("threads {}\ndescriptors {}", after.0 as i64 - before.0 as i64, after.1 as i64 - before.1 as i64);
        },
        |mode, end| {
            let slowest = end.succeeded().number("slowest");
            println!("{mode}: run returned after {slowest} s at the latest");
            assert_eq!(end.number("left"), 0.0, "{mode}: threads that could not be ended");
            assert!(slowest < PROMPT.as_secs_f64(), "{mode}: run returned after {slowest} s");
            let more = (end.number("threads"), end.number("descriptors"));
            assert!(
                more.0 <= 0.0 && more.1 <= 0.0,
                "{mode}: {} threads, {} descriptors more than before",
                more.0,
                more.1
            );
        },
    );
}
