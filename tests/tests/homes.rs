//! Bound mode: where goroutines are at home, and that it stays so few threads whatever happened before.

use threadle::{Builder, metrics};
use threadle_tests::{Mode, Watchdog, scenario};

const PROCS: usize = 2;
const FRESH: usize = 2_000;

/// Each processor taken from a hog goes to another thread, which could become a home; a thread needs a seat for that, and there are as
/// many as processors.
#[test]
fn detaches_do_not_multiply_homes() {
    let _watchdog = Watchdog::new(120);
    Mode::Bound.run(Builder::new().procs(PROCS), || {
        scenario::detach_many(100);
        let threads = scenario::threads_of_fresh_goroutines(FRESH);
        let metrics = metrics();
        println!(
            "{} detaches, {} threads; the fresh ones started on {}",
            metrics.detached,
            metrics.threads,
            threads.len()
        );
        assert!(threads.len() <= PROCS, "{FRESH} fresh goroutines started on {} threads", threads.len());
    });
}
