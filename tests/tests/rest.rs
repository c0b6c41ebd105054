//! When nothing is to be done, nothing runs; and whatever comes after a rest is looked after.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use threadle::time::{Ticker, Timer};
use threadle::{Builder, blocking, chan, go, metrics, time};
use threadle_tests::{Mode, Watchdog, both_modes, child, scenario, system};

#[test]
fn at_rest_no_context_switches() {
    let seen = child::observed_children(
        "at_rest_no_context_switches",
        |mode| scenario::rest(mode, child::ready_to_be_observed),
        |_, process| scenario::switches_at_rest(process, Duration::from_secs(5)).expect("/proc is there"),
    );
    for (mode, switches) in seen {
        assert_eq!(switches, 0, "{mode}: switches in five seconds");
    }
}

/// Threads that a burst of blocking calls needed end when nothing has needed them for long.
#[test]
fn threads_of_a_burst_end() {
    const AT_ONCE: usize = 40;
    let burst = |mode: Mode| {
        let _watchdog = Watchdog::new(100);
        mode.run(Builder::new().procs(2), || {
            let all_at_once = Arc::new(Barrier::new(AT_ONCE));
            let one = |_| {
                let all_at_once = Arc::clone(&all_at_once);
                go(move || blocking(move || all_at_once.wait().is_leader()))
            };
            let burst: Vec<_> = (0..AT_ONCE).map(one).collect();
            for one in burst {
                one.join().expect("it only waits");
            }
            let at_most = metrics().threads;
            assert!(at_most >= AT_ONCE, "{mode}: {AT_ONCE} blocking calls at once on {at_most} threads");
            while metrics().threads > 8 {
                time::sleep(Duration::from_millis(100));
            }
        });
    };
    std::thread::scope(|scope| {
        for mode in Mode::BOTH {
            scope.spawn(move || burst(mode));
        }
    });
}

/// Both modes, each in a runtime whose threads are named so. The body is told how often those of them that count have gone to sleep.
fn with_sleeps_of(name: &str, counts: fn(&str) -> bool, body: impl Fn(Mode, &(dyn Fn() -> u64 + Sync)) + Sync) {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(100);
        // The kernel keeps 15 bytes.
        let name = format!("{name}{}", if mode == Mode::Bound { 'b' } else { 'm' });
        let is_meant = |thread: &str| thread.starts_with(&name) && counts(thread);
        let sleeps = || system::sleeps_of_threads(is_meant).expect("/proc is there");
        mode.run(Builder::new().procs(2).thread_name(&name), || body(mode, &sleeps));
    }
}

/// Rows of ticks, in one of which threads go to sleep few times.
struct Rows {
    at_most: usize,
    ticks: u64,
    period: Duration,
    few: u64,
}

impl Rows {
    fn until_few_sleep(self, mode: Mode, sleeps: &dyn Fn() -> u64) {
        let Rows { at_most, ticks, period, few } = self;
        let row = || {
            let ticker = Ticker::new(period);
            let before = sleeps();
            for _ in 0..ticks {
                ticker.recv().expect("it goes on");
            }
            sleeps().saturating_sub(before)
        };
        let rows: Vec<_> = (0..at_most).map(|_| row()).take_while(|sleeps| *sleeps > few).collect();
        assert!(rows.len() < at_most, "{mode}: {rows:?} times a thread went to sleep in {ticks} ticks");
    }
}

fn is_worker(thread: &str) -> bool {
    !is_monitor(thread)
}

fn is_monitor(thread: &str) -> bool {
    thread.ends_with("monitor")
}

/// One goroutine that waits for the clock needs one thread: it is the one that sleeps until then, and nobody else is woken.
#[test]
fn a_ticker_wakes_one_thread() {
    const TICKS: u64 = 100;
    const PARKED: usize = 100;
    with_sleeps_of("tick", is_worker, |mode, sleeps| {
        let (hold, gate) = chan::bounded::<()>(0);
        for _ in 0..PARKED {
            let gate = gate.clone();
            go(move || gate.recv());
        }
        // Where the machine keeps the thread from running, the watch finds another.
        let rows = Rows { at_most: 20, ticks: TICKS, period: Duration::from_millis(3), few: TICKS * 8 / 5 };
        rows.until_few_sleep(mode, sleeps);
        drop(hold);
    });
}

/// Nor is the monitor, who would only see that nothing is to be looked at.
#[test]
fn a_ticker_leaves_the_monitor_asleep() {
    const TICKS: u64 = 10;
    with_sleeps_of("tock", is_monitor, |mode, sleeps| {
        // It is found, once its thread has begun.
        while sleeps() == 0 {
            time::sleep(Duration::from_millis(1));
        }
        // A tick in whose middle the machine runs others for a millisecond is looked at.
        let rows = Rows { at_most: 200, ticks: TICKS, period: Duration::from_millis(10), few: TICKS / 4 };
        rows.until_few_sleep(mode, sleeps);
    });
}

/// Spins, and heeds nothing, from the end of a rest until a timer has had its call: by then somebody has found that nobody watches the clock
/// and, where there is one processor, has taken that.
fn compute_after(rest: Duration) {
    let called = Arc::new(AtomicBool::new(false));
    let call = {
        let called = Arc::clone(&called);
        Timer::after_func(rest + Duration::from_millis(2), move || called.store(true, SeqCst))
    };
    time::sleep(rest);
    while !called.load(SeqCst) {
        hint::spin_loop();
    }
    drop(call);
}

/// The monitor sleeps, and nobody wakes it for a processor that is taken; yet it looks soon.
fn a_computation_after_a_rest_is_seen(procs: usize) {
    both_modes(procs, |_| {
        for rest in [5, 30, 30, 200].map(Duration::from_millis) {
            compute_after(rest);
        }
        // Amid ticks, at each of which the time to look is put off.
        let ticker = Ticker::new(Duration::from_millis(5));
        for _ in 0..3 {
            for _ in 0..10 {
                ticker.recv().expect("it goes on");
            }
            compute_after(Duration::from_millis(5));
        }
    });
}

#[test]
fn a_computation_after_a_rest_is_seen_on_the_only_processor() {
    a_computation_after_a_rest_is_seen(1);
}

#[test]
fn a_computation_after_a_rest_is_seen_beside_an_idle_processor() {
    a_computation_after_a_rest_is_seen(2);
}

/// How many timers of the kernel's this process has, without a descriptor to look for them.
fn kernel_timers() -> usize {
    let is_timer = |fd: &u32| {
        std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|link| link.as_os_str() == "anon_inode:[timerfd]")
    };
    (0..256).filter(is_timer).count()
}

/// The monitor sleeps by a descriptor. While there is none to be had it looks all the same, and when there is it rests.
#[test]
fn the_monitor_does_without_a_descriptor() {
    const ALLOWED: usize = 256;
    child::in_children(
        "the_monitor_does_without_a_descriptor",
        |_| {},
        |mode| {
            let body = || {
                assert_eq!(kernel_timers(), 1, "the poll's alone: there was no descriptor for another");
                for rest in [30, 100].map(Duration::from_millis) {
                    compute_after(rest);
                }
                assert_eq!(kernel_timers(), 1, "there was no descriptor for another");
                system::limit_descriptors(ALLOWED).expect("it may be raised again");
                while kernel_timers() == 1 {
                    time::sleep(Duration::from_millis(30));
                }
                compute_after(Duration::from_millis(30));
            };
            // The least with which a runtime starts.
            let starts = (1..ALLOWED).any(|allowed| {
                system::limit_descriptors(allowed).expect("it may be raised again");
                let builder = Builder::new().procs(1);
                match mode {
                    Mode::Bound => builder.run(body).is_ok(),
                    // SAFETY: what holds for every body of this crate (`Mode::run`); this one only sleeps and computes.
                    Mode::Migrating => unsafe { builder.run_migrating(body) }.is_ok(),
                }
            });
            assert!(starts, "{mode}: no runtime starts with fewer than {ALLOWED} descriptors");
        },
        |_, end| {
            end.succeeded();
        },
    );
}
