//! A goroutine that blocks its thread stops nobody else.
#![expect(clippy::disallowed_methods, reason = "blocking the thread is what is looked at")]

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use threadle::{Builder, blocking, chan, go, time};
use threadle_tests::{Mode, Watchdog, both_modes, child};

/// 64 goroutines on two processors whose calls block their threads until all 64 are in theirs, and until one that never blocks, and comes round
/// by sleeping, has been there too. Were one of them, or that one, held up by the others, nobody would ever go on. (How long it takes is for
/// `figures` to say.)
fn all_meet(mode: Mode, announced: bool) {
    const CALLERS: usize = 64;
    const ROUNDS: usize = 20;
    let _watchdog = Watchdog::new(120);
    mode.run(Builder::new().procs(2), || {
        let barrier = Arc::new(Barrier::new(CALLERS + 1));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                go(move || {
                    for _ in 0..ROUNDS {
                        if announced {
                            blocking(|| barrier.wait())
                        } else {
                            barrier.wait()
                        };
                    }
                })
            })
            .collect();
        for _ in 0..ROUNDS {
            for _ in 0..3 {
                time::sleep(Duration::from_millis(1));
            }
            blocking(|| barrier.wait());
        }
        callers.into_iter().for_each(|caller| caller.join().expect("it only waits"));
    });
}

#[test]
fn blocking_calls_overlap() {
    let _alone = child::alone();
    for mode in Mode::BOTH {
        all_meet(mode, true);
    }
}

#[test]
fn unannounced_blocking_stalls_nobody_when_migrating() {
    let _alone = child::alone();
    all_meet(Mode::Migrating, false);
}

/// A call that only ends when another goroutine has run: with one processor that one needs the caller's.
#[test]
fn a_blocking_call_waits_for_another_goroutine() {
    both_modes(1, |_| {
        for _ in 0..20 {
            let (say, hear) = mpsc::channel();
            let other = go(move || say.send(7));
            assert_eq!(blocking(move || hear.recv()), Ok(7));
            other.join().expect("it does not panic").expect("somebody listens");
        }
    });
}

/// The same without a word beforehand: the monitor takes the processor.
#[test]
fn an_unannounced_call_waits_for_another_goroutine() {
    both_modes(1, |_| {
        let (say, hear) = mpsc::channel();
        let other = go(move || say.send(7));
        assert_eq!(hear.recv(), Ok(7));
        other.join().expect("it does not panic").expect("somebody listens");
    });
}

/// A started goroutine of the same thread goes on while its neighbour blocks with announcement, bound too: the call moves to a helper.
#[test]
fn neighbours_of_a_blocking_call_go_on() {
    both_modes(1, |_| {
        let (ask, asked) = chan::bounded::<mpsc::Sender<u8>>(1);
        let neighbour = go(move || {
            while let Ok(back) = asked.recv() {
                back.send(9).expect("somebody listens");
            }
        });
        // Has it started, on the one thread there is?
        threadle::yield_now();
        for _ in 0..20 {
            let (back, answer) = mpsc::channel();
            ask.send(back).expect("the neighbour listens");
            assert_eq!(blocking(move || answer.recv()), Ok(9));
        }
        drop(ask);
        neighbour.join().expect("it ends with its channel");
    });
}

/// What it borrows, what it returns, and its panic.
#[test]
fn a_blocking_call_borrows_returns_and_panics_like_a_call() {
    both_modes(2, |_| {
        let mut words = vec!["one".to_owned()];
        let count = blocking(|| {
            words.push("two".to_owned());
            words.len()
        });
        assert_eq!((count, words.len()), (2, 2));
        let panicking = go(|| blocking(|| std::panic::resume_unwind(Box::new("out of the call"))));
        let error = panicking.join().expect_err("it panicked");
        assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"out of the call"));
    });
}

/// With every thread blocked and work waiting, a line on stderr says so after a second, and who is the oldest.
#[test]
fn the_limit_of_threads_is_reported() {
    let (status, lines) = child::watched_child("the_limit_of_threads_is_reported", || {
        Mode::Migrating.run(Builder::new().procs(1).max_threads(4), || {
            let line = line!() + 1;
            let blockers: Vec<_> = (0..8).map(|_| go(|| thread::sleep(Duration::from_secs(2)))).collect();
            eprintln!("spawn site: {}:{line}", file!());
            for blocker in blockers {
                blocker.join().expect("it only sleeps");
            }
        });
    });
    let text: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert!(status.success(), "{text:#?}");
    let site = text.iter().find_map(|line| line.strip_prefix("spawn site: ")).expect("the child prints it");
    let reports = text.iter().filter(|line| line.contains(site) && !line.starts_with("spawn site")).count();
    assert_eq!(reports, 1, "one line, which names {site}: {text:#?}");
}

/// More calls at once than threads are allowed: they wait their turn, and all get it.
#[test]
fn more_blocking_calls_than_threads() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        mode.run(Builder::new().procs(2).max_threads(8), || {
            let calls: Vec<_> = (0..64)
                .map(|number| {
                    go(move || {
                        blocking(|| {
                            thread::sleep(Duration::from_millis(2));
                            number
                        })
                    })
                })
                .collect();
            for call in calls {
                call.join().expect("it only sleeps");
            }
        });
    }
}
