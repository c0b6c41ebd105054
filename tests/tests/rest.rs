//! When nothing is to be done, nothing runs.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use threadle::{Builder, blocking, go, metrics, time};
use threadle_tests::{Mode, Watchdog, child, scenario};

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
