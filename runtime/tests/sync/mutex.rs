//! `Mutex`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Random, Task, everywhere, watchdog};
use threadle::sync::{MappedMutexGuard, Mutex, MutexGuard};
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
fn a_deadline_ends_the_wait_and_nothing_else() {
    everywhere("deadline", |place| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let waiters: Vec<_> = (0..4)
            .map(|n| {
                let mutex = Arc::clone(&mutex);
                place.spawn(move || match n {
                    0 => mutex.lock_timeout(Duration::from_millis(2)).is_some(),
                    1 => mutex.lock_deadline(Instant::now()).is_some(),
                    _ => {
                        *mutex.lock() += 1;
                        true
                    }
                })
            })
            .collect();
        let mut waiters = waiters.into_iter();
        assert!(!waiters.next().expect("four").join() && !waiters.next().expect("four").join());
        drop(guard);
        assert!(waiters.all(Task::join));
        assert_eq!(*mutex.lock_timeout(Duration::MAX).expect("it is free"), 2);
    });
}

#[test]
fn a_part_of_the_data_is_guarded_like_the_whole() {
    let mutex = Mutex::new((1, vec![2, 3]));
    let list = MutexGuard::map(mutex.lock(), |data| &mut data.1);
    let mut last = MappedMutexGuard::map(list, |list| &mut list[1]);
    *last += 1;
    assert!(mutex.try_lock().is_none());
    assert_eq!(format!("{last} {last:?}"), "4 4");
    drop(last);
    let whole = MutexGuard::filter_map(mutex.lock(), |data| data.1.get_mut(7)).expect_err("there are two");
    assert_eq!(*whole, (1, vec![2, 4]));
}
