//! What locks and groups promise, between goroutines, threads, and both.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Random, Task, everywhere, in_runtimes, watchdog};
use threadle::sync::{Mutex, MutexGuard, WaitGroup};
use threadle::time::sleep;

#[test]
fn one_at_a_time() {
    let seeds = std::sync::Mutex::new(Random::new("one at a time"));
    everywhere("one at a time", |place| {
        const TASKS: usize = 6;
        const ROUNDS: usize = 4_000;
        let shared = Arc::new((Mutex::new(0), AtomicBool::new(false)));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (shared, mut random) = (Arc::clone(&shared), seeds.lock().unwrap().fork());
                place.spawn(move || {
                    let (total, inside) = &*shared;
                    for _ in 0..ROUNDS {
                        let tried = if random.below(4) == 0 { total.try_lock() } else { None };
                        let mut guard = tried.unwrap_or_else(|| total.lock());
                        assert!(!inside.swap(true, Ordering::Relaxed));
                        *guard += 1;
                        match random.below(200) {
                            // Long enough for others to queue, and now and then to starve.
                            0 => sleep(Duration::from_micros(random.below(1500))),
                            1..20 => threadle::yield_now(),
                            _ => {}
                        }
                        assert!(inside.swap(false, Ordering::Relaxed));
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(Task::join);
        assert_eq!(*shared.0.lock(), TASKS * ROUNDS);
    });
}

#[test]
fn a_waiter_is_not_starved_by_a_greedy_owner() {
    everywhere("starvation", |place| {
        let shared = Arc::new((Mutex::new(()), AtomicBool::new(false)));
        let greedy = {
            let shared = Arc::clone(&shared);
            // Frees the lock only to take it again at once.
            place.spawn(move || {
                while !shared.1.load(Ordering::Relaxed) {
                    let _guard = shared.0.lock();
                    let until = Instant::now() + Duration::from_micros(100);
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                }
            })
        };
        // Ends only if it is served each time; the watchdog sees to it.
        for _ in 0..50 {
            drop(shared.0.lock());
            sleep(Duration::from_micros(200));
        }
        shared.1.store(true, Ordering::Relaxed);
        greedy.join();
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
    let _watchdog = watchdog("guard elsewhere");
    let mutex = Mutex::new(0);
    let guard = mutex.lock();
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| *mutex.lock());
        threads.spawn(move || drop(guard));
        assert_eq!(waiter.join().unwrap(), 0);
    });
}

#[test]
fn a_waiter_of_a_stopped_runtime_is_passed_over() {
    let _watchdog = watchdog("stopped runtime");
    let mutex = Arc::new(Mutex::new(0));
    let guard = mutex.lock();
    threadle::run(|| {
        let waiting = Arc::new(AtomicBool::new(false));
        let (mutex, announced) = (Arc::clone(&mutex), Arc::clone(&waiting));
        threadle::go(move || {
            announced.store(true, Ordering::SeqCst);
            *mutex.lock() += 1;
        });
        while !waiting.load(Ordering::SeqCst) {
            threadle::yield_now();
        }
        sleep(Duration::from_millis(5));
    });
    drop(guard);
    assert_eq!(*mutex.lock(), 0, "it was abandoned while it waited");
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
