//! `WaitGroup`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::sync::WaitGroup;

use crate::support::{Task, everywhere, in_runtimes};

#[test]
fn a_group_waits_for_all_and_shows_what_they_did() {
    everywhere("group", |place| {
        for _ in 0..100 {
            let group = WaitGroup::new();
            let done = Arc::new(AtomicUsize::new(0));
            group.add(8);
            for _ in 0..8 {
                let (group, done) = (group.clone(), Arc::clone(&done));
                place.spawn(move || {
                    done.fetch_add(1, Ordering::Relaxed);
                    group.done();
                });
            }
            let waiters: Vec<_> = (0..2)
                .map(|_| {
                    let (group, done) = (group.clone(), Arc::clone(&done));
                    place.spawn(move || {
                        group.wait();
                        done.load(Ordering::Relaxed)
                    })
                })
                .collect();
            group.wait();
            assert_eq!(done.load(Ordering::Relaxed), 8);
            waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join(), 8));
        }
    });
}

/// Go forbids this: a new round begins before the waiters of the last one have returned.
#[test]
fn a_group_can_be_used_again_at_once() {
    everywhere("group again", |place| {
        let group = WaitGroup::new();
        let round = Arc::new(AtomicUsize::new(0));
        let mut waiters = Vec::new();
        for n in 1..=500 {
            group.add(1);
            let (worker, present, waiter) = (group.clone(), Arc::clone(&round), group.clone());
            waiters.push(place.spawn(move || waiter.wait()));
            place.spawn(move || {
                present.store(n, Ordering::Relaxed);
                worker.done();
            });
            group.wait();
            assert_eq!(round.load(Ordering::Relaxed), n);
        }
        waiters.into_iter().for_each(Task::join);
    });
}

#[test]
fn a_goroutine_of_a_group_is_done_also_when_it_panics() {
    in_runtimes("group go", |_| {
        let group = WaitGroup::new();
        let good = group.go(|| 1);
        let bad = group.go(|| -> u8 { panic!("this panic belongs to the test") });
        group.wait();
        assert_eq!(good.join().unwrap(), 1);
        assert!(bad.join().unwrap_err().is_panic());
    });
}

#[test]
fn misuse_of_a_group_is_told() {
    let group = WaitGroup::new();
    let message = |result: std::thread::Result<()>| *result.unwrap_err().downcast::<&str>().unwrap();
    assert!(message(catch_unwind(AssertUnwindSafe(|| group.done()))).contains("without an add"));
    group.add(usize::MAX);
    assert!(message(catch_unwind(AssertUnwindSafe(|| group.add(1)))).contains("overflowed"));
}

#[test]
fn a_deadline_ends_the_wait_for_a_group() {
    everywhere("group deadline", |place| {
        let group = WaitGroup::new();
        group.add(1);
        let waiting = group.clone();
        let patient = place.spawn(move || waiting.wait_timeout(Duration::MAX));
        assert!(!group.wait_timeout(Duration::from_millis(2)));
        assert!(!group.wait_deadline(Instant::now()));
        group.done();
        assert!(patient.join());
        assert!(group.wait_deadline(Instant::now()));
    });
}
