//! What locks and groups promise, from plain OS threads.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Random, watchdog};
use threadle::sync::{Mutex, MutexGuard, WaitGroup};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn one_at_a_time() {
    let _watchdog = watchdog("one at a time", LIMIT);
    let mut random = Random::new("one at a time");
    let inside = AtomicBool::new(false);
    let total = Mutex::new(0);
    thread::scope(|threads| {
        for _ in 0..4 {
            let (total, inside, mut random) = (&total, &inside, random.fork());
            threads.spawn(move || {
                for _ in 0..20_000 {
                    let mut guard = if random.below(4) == 0 {
                        match total.try_lock() {
                            Some(guard) => guard,
                            None => total.lock(),
                        }
                    } else {
                        total.lock()
                    };
                    assert!(!inside.swap(true, Ordering::Relaxed));
                    *guard += 1;
                    if random.below(500) == 0 {
                        // Long enough for others to queue, and now and then to starve.
                        thread::sleep(Duration::from_micros(random.below(1500)));
                    }
                    assert!(inside.swap(false, Ordering::Relaxed));
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 80_000);
}

#[test]
fn a_waiter_is_not_starved_by_a_greedy_owner() {
    let _watchdog = watchdog("starvation", LIMIT);
    let mutex = Mutex::new(());
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            // Frees the lock only to take it again at once.
            while !over.load(Ordering::Relaxed) {
                let _guard = mutex.lock();
                let until = Instant::now() + Duration::from_micros(100);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
            }
        });
        // Ends only if it is served each time; the watchdog sees to it.
        for _ in 0..50 {
            drop(mutex.lock());
            thread::sleep(Duration::from_micros(200));
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    let mutex = Mutex::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = mutex.lock();
        *guard = 2;
        panic!("while it is held");
    }));
    assert!(panicked.is_err());
    assert_eq!(*mutex.lock(), 2);
}

#[test]
fn a_guard_may_be_dropped_in_another_thread() {
    let _watchdog = watchdog("guard elsewhere", LIMIT);
    let mutex = Mutex::new(0);
    let guard = mutex.lock();
    thread::scope(|threads| {
        let waiter = threads.spawn(|| *mutex.lock());
        threads.spawn(move || drop(guard));
        assert_eq!(waiter.join().unwrap(), 0);
    });
}

#[test]
fn access_without_locking() {
    let mut mutex = Mutex::from(String::from("a"));
    mutex.get_mut().push('b');
    assert_eq!(format!("{mutex:?}"), "Mutex { data: \"ab\" }");
    let guard = mutex.lock();
    assert_eq!(format!("{mutex:?} {guard}"), "Mutex { data: <locked> } ab");
    drop(guard);
    assert_eq!(mutex.into_inner(), "ab");
    assert_eq!(Mutex::<u8>::default().into_inner(), 0);
    let unsized_data: &Mutex<[u8]> = &Mutex::new([1, 2]);
    assert_eq!(unsized_data.lock().len(), 2);
}

#[test]
fn a_mutex_of_what_cannot_be_shared_can_be_shared() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    sync::<Mutex<std::cell::Cell<u8>>>();
    send::<MutexGuard<'_, std::cell::Cell<u8>>>();
    sync::<MutexGuard<'_, u8>>();
}

#[test]
fn a_group_waits_for_all_and_shows_what_they_did() {
    let _watchdog = watchdog("group", LIMIT);
    for _ in 0..200 {
        let group = WaitGroup::new();
        let done = Arc::new(AtomicUsize::new(0));
        group.add(8);
        for _ in 0..8 {
            let (group, done) = (group.clone(), Arc::clone(&done));
            thread::spawn(move || {
                done.fetch_add(1, Ordering::Relaxed);
                group.done();
            });
        }
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let (group, done) = (group.clone(), Arc::clone(&done));
                thread::spawn(move || {
                    group.wait();
                    done.load(Ordering::Relaxed)
                })
            })
            .collect();
        group.wait();
        assert_eq!(done.load(Ordering::Relaxed), 8);
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), 8));
    }
}

/// Go forbids this: a new round begins before the waiters of the last one have returned.
#[test]
fn a_group_can_be_used_again_at_once() {
    let _watchdog = watchdog("group again", LIMIT);
    let group = WaitGroup::new();
    let rounds = AtomicUsize::new(0);
    thread::scope(|threads| {
        for round in 1..=2_000 {
            group.add(1);
            let worker = group.clone();
            let rounds = &rounds;
            let waiter = threads.spawn(|| group.wait());
            threads.spawn(move || {
                rounds.store(round, Ordering::Relaxed);
                worker.done();
            });
            group.wait();
            assert_eq!(rounds.load(Ordering::Relaxed), round);
            if round % 2 == 0 {
                waiter.join().unwrap();
            }
            // The other waiters are left to return in a later round.
        }
    });
}

#[test]
fn misuse_of_a_group_is_told() {
    let group = WaitGroup::new();
    let message = |result: thread::Result<()>| *result.unwrap_err().downcast::<&str>().unwrap();
    assert!(message(catch_unwind(|| group.done())).contains("without an add"));
    group.add(usize::MAX);
    assert!(message(catch_unwind(|| group.add(1))).contains("overflowed"));
}
