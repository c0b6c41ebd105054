//! Safe programs that hold something of their thread over calls that switch: right in bound mode, whatever the scheduler does
//! meanwhile, and broken when migrating. This is what the two modes are for; docs/soundness.md tells why.
//!
//! Each program asks after each call whether it is still on the thread it began on, by the operating system's own number, and whether what it
//! holds is still that thread's. Bound, that is asserted, and then the thing is used. Migrating, the answer "no" ends the program: it has shown
//! what it was to show, and does not touch the thing any more, which would be undefined behaviour.
#![expect(clippy::disallowed_macros, reason = "what becomes of thread-locals is what is looked at")]

#[path = "thread_identity/calls.rs"]
#[expect(dead_code, reason = "those that do not switch are another suite's")]
mod calls;
#[path = "thread_bound/home.rs"]
mod home;
#[path = "thread_bound/programs.rs"]
mod programs;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use calls::Call;
use programs::{PROGRAMS, Program, Walk};
use threadle::{Builder, GoBuilder, blocking, chan, go, metrics, time, yield_now};
use threadle_tests::pressure::{spin, under_pressure};
use threadle_tests::scenario::stale_thread_locals;
use threadle_tests::{Mode, Watchdog, child};

/// Several of each program at once, each through all calls that switch; how often one of them found itself on another thread.
fn walks(spawn: fn() -> GoBuilder, programs: &[Program], at_once: usize) -> u64 {
    let broken = Arc::new(AtomicU64::new(0));
    let walkers: Vec<_> = (0..at_once)
        .flat_map(|_| programs)
        .map(|program| {
            let (program, broken) = (program.run, Arc::clone(&broken));
            spawn().go(move || {
                let calls: Vec<_> = calls::switching().copied().collect();
                let mut walk = Walk::through(&calls);
                program(&mut walk);
                broken.fetch_add(u64::from(walk.is_broken()), SeqCst);
            })
        })
        .collect();
    for walker in walkers {
        walker.join().expect("its checks hold");
    }
    broken.load(SeqCst)
}

/// Stealing, hand-off, detach, the poller and timers are in the calls and around them.
#[test]
fn bound_they_hold() {
    let (_alone, _watchdog) = (child::alone(), Watchdog::new(120));
    let before = home::settled();
    Mode::Bound.run(Builder::new().procs(2), || {
        under_pressure(|| {
            for _ in 0..3 {
                assert_eq!(walks(GoBuilder::new, PROGRAMS, 3), 0, "a program was on another thread");
            }
        });
        let metrics = metrics();
        println!("{} stolen, {} Ps retaken, {} goroutines detached", metrics.stolen, metrics.retaken, metrics.detached);
    });
    // The threads have ended, and with them their homes: counts that are not atomic have lost nothing.
    let after = home::settled();
    assert!(after.visits > before.visits && after.homes > before.homes);
    assert_eq!(after.visits, after.counted, "visits were lost");
    assert_eq!(after.orphans, 0, "a thread ended while something of it was held");
}

/// A thread of one's own is as good as bound mode.
#[test]
fn locked_they_hold_also_when_migrating() {
    let (_alone, _watchdog) = (child::alone(), Watchdog::new(120));
    Mode::Migrating.run(Builder::new().procs(2), || {
        under_pressure(|| {
            let broken = walks(|| GoBuilder::new().locked(), PROGRAMS, 1);
            assert_eq!(broken, 0, "a locked goroutine was on another thread");
        });
    });
}

static BEGUN: AtomicU64 = AtomicU64::new(0);

const BEGINS: Call = ("begins", || {
    BEGUN.fetch_add(1, SeqCst);
});

const WAITS: Call = ("waits", || {
    let nobody = chan::never::<()>().recv();
    assert!(nobody.is_ok(), "nobody sends");
});

/// Programs are abandoned in the middle: bound, their threads stay, since what they hold of them must.
#[test]
fn bound_the_end_of_the_runtime_leaves_what_they_hold() {
    let end = child::in_child(
        "bound_the_end_of_the_runtime_leaves_what_they_hold",
        |_| {},
        || {
            for _ in 0..10 {
                let before = BEGUN.load(SeqCst);
                let over = Arc::new(AtomicBool::new(false));
                Mode::Bound.run(Builder::new().procs(2), || {
                    for program in PROGRAMS {
                        drop(go(|| {
                            // The last one does not come back.
                            let walk: Vec<_> =
                                [BEGINS].iter().chain(calls::switching().take(3)).chain(&[WAITS]).copied().collect();
                            (program.run)(&mut Walk::through(&walk));
                        }));
                    }
                    // One each that is in a call, or computes.
                    let (of_call, of_hog) = (Arc::clone(&over), Arc::clone(&over));
                    drop(go(move || home::borrow(|| blocking(|| while_not(&of_call)))));
                    drop(go(move || home::borrow(|| while_not(&of_hog))));
                    // All but those that were started behind the one that computes, on whichever thread that is.
                    while BEGUN.load(SeqCst) < before + 3 {
                        spin(Duration::from_micros(50));
                    }
                });
                // They come to their next switching call, and no further.
                over.store(true, SeqCst);
            }
            // Time for what should not happen.
            let _watchdog = Watchdog::new(60);
            threadle::run(|| time::sleep(Duration::from_millis(200)));
            let tally = home::tally();
            println!("orphans {}\nhomes {}", tally.orphans, tally.homes);
        },
    );
    assert_eq!(end.succeeded().number("orphans"), 0.0, "a thread ended while something of it was held");
}

fn while_not(over: &AtomicBool) {
    while !over.load(SeqCst) {
        spin(Duration::from_micros(100));
    }
}

/// What the program `stale` measures, as far as it can be decided: an accessor that the optimiser cannot look into is right everywhere, and
/// bound no other is needed. How many of the others are wrong is the optimiser's affair.
#[test]
fn an_opaque_accessor_finds_the_thread_it_is_on() {
    let end = child::in_child(
        "an_opaque_accessor_finds_the_thread_it_is_on",
        |_| {},
        || {
            for access in stale_thread_locals(Mode::Migrating, 100) {
                println!("migrating: {access:?}");
                assert!(access.moved >= 100);
                assert!(access.stale == 0 || !access.opaque, "stale: {access:?}");
                assert!(access.stale == 0 || !cfg!(debug_assertions), "stale, though nothing is optimised: {access:?}");
            }
            for access in stale_thread_locals(Mode::Bound, 100) {
                assert_eq!(access.moved, 0, "{access:?}");
            }
        },
    );
    println!("{}", end.succeeded().stdout);
}

/// What bound mode is for.
#[test]
fn migrating_every_one_of_them_breaks() {
    let end = child::in_child(
        "migrating_every_one_of_them_breaks",
        |_| {},
        || {
            Mode::Migrating.run(Builder::new().procs(2), || {
                under_pressure(|| {
                    for program in PROGRAMS.iter().filter(|program| program.may_be_broken) {
                        let mut broken = 0;
                        // The child's watchdog bounds it.
                        while broken == 0 {
                            broken = walks(GoBuilder::new, &[*program], 8);
                            yield_now();
                        }
                        println!("{} {broken}", program.name);
                    }
                });
            });
        },
    );
    end.succeeded();
    for program in PROGRAMS.iter().filter(|program| program.may_be_broken) {
        let broken = end.number(program.name);
        println!("migrating, of 8 goroutines with {} {broken} were then on another thread", program.name);
        assert!(broken > 0.0);
    }
}
