//! Bound mode: where goroutines are at home, and that it stays so few threads whatever happened before.
//!
//! Not under `harass`, where whoever loses its P loses its seat.
#![cfg(not(feature = "harass"))]

use threadle::{Builder, metrics};
use threadle_tests::{Mode, Watchdog, disturbances, scenario};

const PROCS: usize = 2;
const FRESH: usize = 2_000;
/// So many disturbed rounds in a row are no accident.
const PATIENCE: usize = 100;

/// Each processor taken from a hog goes to another thread, which could become a home; a thread needs a seat for that, and there are as
/// many as processors.
#[test]
fn detaches_do_not_multiply_homes() {
    let _watchdog = Watchdog::new(120);
    Mode::Bound.run(Builder::new().procs(PROCS), || {
        scenario::detach_many(100);
        // Where a processor is taken from a thread that the machine keeps from running, another thread gets its seat.
        let undisturbed = || {
            let before = disturbances();
            let threads = scenario::threads_of_fresh_goroutines(FRESH);
            (disturbances() == before).then_some(threads.len())
        };
        let threads = (0..PATIENCE).find_map(|_| undisturbed()).expect("the machine leaves one round alone");
        let metrics = metrics();
        println!("{} detaches, {} threads; the fresh ones started on {threads}", metrics.detached, metrics.threads);
        assert!(threads <= PROCS, "{FRESH} fresh goroutines started on {threads} threads");
        assert_eq!(metrics.at_home.iter().sum::<usize>(), 1, "who is at home where, when all but this one have ended");
    });
}
