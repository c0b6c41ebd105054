use std::collections::BTreeSet;
use std::hint;
use std::time::{Duration, Instant};

use threadle::sync::WaitGroup;
use threadle::{chan, go, metrics, yield_now};

use crate::system;

/// Longer than a slice.
const SPIN: Duration = Duration::from_millis(12);

/// Goroutines that heed nothing, eight at once, until the calling runtime has taken its processors from `times` of them.
pub fn detach_many(times: u64) {
    let before = metrics().detached;
    while metrics().detached - before < times {
        let hogs: Vec<_> = (0..8)
            .map(|_| {
                go(|| {
                    let begun = Instant::now();
                    while begun.elapsed() < SPIN {
                        hint::spin_loop();
                    }
                })
            })
            .collect();
        for hog in hogs {
            hog.join().expect("a hog only spins");
        }
    }
}

/// The threads that `count` fresh goroutines of the calling runtime start on, all of them alive at once.
pub fn threads_of_fresh_goroutines(count: usize) -> BTreeSet<i32> {
    let started = WaitGroup::new();
    let (over, wait) = chan::bounded::<()>(0);
    let fresh: Vec<_> = (0..count)
        .map(|number| {
            if number % 64 == 0 {
                // Who spawns for longer than a slice is detached, and another takes its place.
                yield_now();
            }
            started.add(1);
            let (started, wait) = (started.clone(), wait.clone());
            go(move || {
                let thread = system::thread_id();
                started.done();
                wait.recv().expect_err("nobody sends");
                thread
            })
        })
        .collect();
    started.wait();
    drop(over);
    fresh.into_iter().map(|goroutine| goroutine.join().expect("it only waits")).collect()
}
