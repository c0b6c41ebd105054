//! Goroutines that always have something to do, on more threads than processors, starve nobody who is new.
#![expect(clippy::disallowed_methods, reason = "goroutines that block at their start begin on threads of their own")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use threadle::chan::{Receiver, Sender};
use threadle::{Builder, GoBuilder, JoinHandle, blocking, chan, go, time, yield_now};
use threadle_tests::{Mode, Watchdog, both_modes, system};

/// Nobody who is given a turn at all waits for one so long.
const STARVED: Duration = Duration::from_secs(25);

/// Yields until it is told, and no longer than anybody may have to wait. True: it was told.
fn yields(over: &AtomicBool) -> bool {
    let patience = Instant::now() + STARVED;
    while !over.load(SeqCst) && Instant::now() < patience {
        yield_now();
    }
    over.load(SeqCst)
}

/// Eight goroutines, which `start` starts, begin as `beginning` says and then always have something to do; `meanwhile` is what they must not
/// keep from its turns.
fn beside_yielders(
    mode: Mode,
    start: impl Fn(Box<dyn FnOnce() -> bool + Send>) -> JoinHandle<bool>,
    beginning: fn(),
    meanwhile: impl FnOnce(),
) {
    let over = Arc::new(AtomicBool::new(false));
    let (begin, begun) = chan::bounded(8);
    let yielders: Vec<_> = (0..8)
        .map(|_| {
            let (over, begin) = (Arc::clone(&over), begin.clone());
            start(Box::new(move || {
                beginning();
                begin.send(()).expect("the test counts them");
                yields(&over)
            }))
        })
        .collect();
    for _ in &yielders {
        begun.recv().expect("each begins");
    }
    meanwhile();
    over.store(true, SeqCst);
    for yielder in yielders {
        assert!(yielder.join().expect("it only yields"), "{mode}: somebody did not come to a turn in {STARVED:?}");
    }
}

/// None of their Ms can run anybody else: it does not do to give the processor only to each other.
#[test]
fn locked_goroutines_that_yield_starve_nobody() {
    both_modes(1, |mode| {
        let meanwhile = || {
            for number in 0..10 {
                time::sleep(Duration::from_millis(1));
                assert_eq!(go(move || number).join().expect("it only returns"), number);
            }
        };
        beside_yielders(mode, |body| GoBuilder::new().locked().go(body), || (), meanwhile);
    });
}

/// What they started on stays their thread, so that there are more threads with work than processors; each has a turn, and the global
/// queue has too.
#[test]
fn bound_goroutines_that_yield_do_not_starve_the_global_queue() {
    for procs in [1, 2] {
        let _watchdog = Watchdog::new(60);
        Mode::Bound.run(Builder::new().procs(procs), || {
            let meanwhile = || {
                for number in 0..10 {
                    // Inside a call there is no processor whose queue it could be put in.
                    let fresh = blocking(|| go(move || number));
                    assert_eq!(fresh.join().expect("it only returns"), number);
                }
            };
            beside_yielders(Mode::Bound, go, || thread::sleep(Duration::from_millis(100)), meanwhile);
        });
    }
}

const PAIRS: usize = 4;
const FRESH: usize = 200;

/// Pairs that talk, each of the two on a thread of its own, over one processor: who has spoken has nothing more to do, and some other thread
/// always waits for the processor. What is new has its turn between theirs, not only at every sixty-first look.
#[test]
fn threads_that_always_wait_for_the_processor_leave_fresh_goroutines_their_turns() {
    const TRIES: usize = 40;
    let _watchdog = Watchdog::new(240);
    let mut waited = (0..TRIES).find_map(|_| waited_beside_pairs()).expect("threads of their own, in one of the tries");
    waited.sort_unstable();
    println!("so many exchanges before its turn: median {}, most {}", waited[FRESH / 2], waited[FRESH - 1]);
    assert!(waited[FRESH / 2] <= 8, "fresh goroutines wait for {} exchanges", waited[FRESH / 2]);
}

/// How many exchanges each fresh goroutine waited for; none where two of those that talk came to one thread, since the machine kept the monitor
/// from taking the processor from the first of them in time.
fn waited_beside_pairs() -> Option<Vec<u64>> {
    Mode::Bound.run(Builder::new().procs(1), || {
        let turns = Arc::new(AtomicU64::new(0));
        let (begin, begun) = chan::bounded(2 * PAIRS);
        let start = |talk: fn(&Sender<()>, &Receiver<()>, &AtomicU64), say: Sender<()>, hear: Receiver<()>| {
            let (begin, turns) = (begin.clone(), Arc::clone(&turns));
            go(move || {
                // Unannounced: the processor goes on, and with it the next one's start, to another thread.
                thread::sleep(Duration::from_millis(200));
                begin.send(system::thread_id()).expect("the test counts them");
                talk(&say, &hear, &turns);
            })
        };
        let talkers: Vec<_> = (0..PAIRS)
            .flat_map(|_| {
                let (ping, pinged) = chan::bounded::<()>(0);
                let (pong, ponged) = chan::bounded::<()>(0);
                [start(ask, ping, ponged), start(answer, pong, pinged)]
            })
            .collect();
        let threads: BTreeSet<i32> = talkers.iter().map(|_| begun.recv().expect("each begins")).collect();
        // Inside a call there is no processor whose queue they could be put in.
        let waited = (threads.len() == talkers.len()).then(|| {
            blocking(|| {
                let one = |_| {
                    let (turns, before) = (Arc::clone(&turns), turns.load(SeqCst));
                    go(move || turns.load(SeqCst) - before).join().expect("it only looks")
                };
                (0..FRESH).map(one).collect()
            })
        });
        turns.store(OVER, SeqCst);
        for talker in talkers {
            talker.join().expect("it ends when it is told, or with the channel");
        }
        waited
    })
}

/// In the count of turns: enough of them.
const OVER: u64 = u64::MAX / 2;

fn ask(say: &Sender<()>, hear: &Receiver<()>, turns: &AtomicU64) {
    while turns.fetch_add(1, SeqCst) < OVER {
        say.send(()).expect("the other listens");
        hear.recv().expect("the other answers");
    }
}

fn answer(say: &Sender<()>, hear: &Receiver<()>, _turns: &AtomicU64) {
    while hear.recv().is_ok() {
        say.send(()).expect("the other listens");
    }
}
