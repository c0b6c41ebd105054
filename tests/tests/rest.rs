//! When nothing is to be done, nothing runs.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use threadle::time::Ticker;
use threadle::{Builder, blocking, chan, go, metrics, time};
use threadle_tests::{Mode, Watchdog, child, scenario, system};

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

/// One goroutine that waits for the clock needs one thread: it is the one that sleeps until then, and nobody else is woken.
#[test]
fn a_ticker_wakes_one_thread() {
    const TICKS: u64 = 100;
    const PARKED: usize = 100;
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(100);
        // The kernel keeps 15 bytes.
        let name = format!("tick{}", if mode == Mode::Bound { 'b' } else { 'm' });
        let is_worker = |thread: &str| thread.starts_with(&name) && !thread.ends_with("monitor");
        let sleeps = || system::sleeps_of_threads(is_worker).expect("/proc is there");
        let attempt = || {
            let ticker = Ticker::new(Duration::from_millis(3));
            let before = sleeps();
            for _ in 0..TICKS {
                ticker.recv().expect("it goes on");
            }
            sleeps().saturating_sub(before)
        };
        mode.run(Builder::new().procs(2).thread_name(&name), || {
            let (hold, gate) = chan::bounded::<()>(0);
            for _ in 0..PARKED {
                let gate = gate.clone();
                go(move || gate.recv());
            }
            // Where the machine keeps the thread from running, the watch finds another.
            let most = TICKS * 8 / 5;
            let attempts: Vec<_> = (0..20).map(|_| attempt()).take_while(|sleeps| *sleeps > most).collect();
            assert!(attempts.len() < 20, "{mode}: {attempts:?} times a thread went to sleep in {TICKS} ticks");
            drop(hold);
        });
    }
}
