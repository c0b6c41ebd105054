//! Bound mode: where goroutines are at home, that it stays so few threads whatever happened before, and that the metrics show it.
//!
//! Not under `harass`, which takes processors and seats at every turn.
#![cfg(not(feature = "harass"))]
#![expect(clippy::disallowed_methods, reason = "a blocked thread has others take its place")]

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use threadle::sync::WaitGroup;
use threadle::{Builder, JoinHandle, chan, go, metrics};
use threadle_tests::{Mode, Watchdog, scenario, system};

const PROCS: usize = 2;
const FRESH: usize = 2_000;
const DETACHES: u64 = 1_000;

/// Each processor taken from a hog goes to another thread, which could become a home; a thread needs a seat for that, and there are as
/// many as processors. A thread that the machine keeps from running meanwhile keeps its seat.
#[test]
fn detaches_do_not_multiply_homes() {
    let _watchdog = Watchdog::new(240);
    Mode::Bound.run(Builder::new().procs(PROCS), || {
        scenario::detach_many(DETACHES);
        let threads = scenario::threads_of_fresh_goroutines(FRESH).len();
        let metrics = metrics();
        println!("{} detaches, {} threads; the fresh ones started on {threads}", metrics.detached, metrics.threads);
        assert!(threads <= PROCS, "{FRESH} fresh goroutines started on {threads} threads");
        assert_eq!(metrics.at_home.iter().sum::<usize>(), 1, "who is at home where, when all but this one have ended");
    });
}

/// `at_home` is who has started where and has not ended, thread by thread, also where a thread that was blocked for a while has fewer.
#[test]
fn the_metrics_say_how_many_are_at_home_where() {
    let _watchdog = Watchdog::new(60);
    Mode::Bound.run(Builder::new().procs(1), || {
        let (end, wait) = chan::bounded::<()>(0);
        let group = |count: usize| -> Vec<JoinHandle<i32>> {
            let started = WaitGroup::new();
            let goroutines = (0..count).map(|_| {
                started.add(1);
                let (started, wait) = (started.clone(), wait.clone());
                go(move || {
                    let thread = system::thread_id();
                    started.done();
                    wait.recv().expect_err("nobody sends");
                    thread
                })
            });
            let goroutines = goroutines.collect();
            started.wait();
            goroutines
        };
        let mut goroutines = group(30);
        let blocked = go(|| thread::sleep(Duration::from_millis(200)));
        goroutines.extend(group(10));
        blocked.join().expect("it only sleeps");
        let mut shown: Vec<usize> = metrics().at_home.into_iter().filter(|count| *count > 0).collect();
        drop(end);
        let mut threads = BTreeMap::from([(system::thread_id(), 1)]);
        for goroutine in goroutines {
            *threads.entry(goroutine.join().expect("it only waits")).or_insert(0) += 1;
        }
        let mut at_home: Vec<usize> = threads.into_values().collect();
        shown.sort_unstable();
        at_home.sort_unstable();
        println!("at home: {at_home:?}");
        assert_eq!(shown, at_home);
        // Of the threads that have ended, and of those that sleep, nobody is left but main.
        assert_eq!(metrics().at_home.iter().sum::<usize>(), 1);
    });
}
