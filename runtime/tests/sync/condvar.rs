//! `Condvar`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::sync::{Condvar, Mutex};
use threadle::time::sleep;

use crate::support::{Place, Random, Task, everywhere, in_runtimes};

#[derive(Default)]
struct Shared {
    mutex: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    woken: Vec<usize>,
}

/// A task that waits once, without looking at any condition: nothing but a notification wakes it.
fn waiter(place: Place, shared: &Arc<Shared>, number: usize) -> Task<()> {
    let shared = Arc::clone(shared);
    place.spawn(move || {
        let mut guard = shared.mutex.lock();
        guard.waiting += 1;
        guard = shared.changed.wait(guard);
        guard.waiting -= 1;
        guard.woken.push(number);
    })
}

fn waiters(place: Place, shared: &Arc<Shared>, count: usize) -> Vec<Task<()>> {
    (0..count)
        .map(|number| {
            let waiter = waiter(place, shared, number);
            // So that they wait in this order.
            place.until(|| shared.mutex.lock().waiting == number + 1);
            waiter
        })
        .collect()
}

/// One notification, one waiter, and the one that has waited longest.
#[test]
fn notify_one_wakes_one_in_order() {
    everywhere("condvar one", |place| {
        let shared = Arc::new(Shared::default());
        let tasks = waiters(place, &shared, 8);
        for number in 0..8 {
            assert_eq!(shared.mutex.lock().woken.len(), number, "nobody wakes by himself");
            shared.changed.notify_one();
            place.until(|| shared.mutex.lock().woken.len() > number);
        }
        assert_eq!(shared.mutex.lock().woken, (0..8).collect::<Vec<_>>());
        tasks.into_iter().for_each(Task::join);
        // Nothing is remembered.
        shared.changed.notify_one();
        let late = waiter(place, &shared, 8);
        place.until(|| shared.mutex.lock().waiting == 1);
        sleep(Duration::from_millis(2));
        assert_eq!(shared.mutex.lock().waiting, 1);
        shared.changed.notify_all();
        late.join();
    });
}

#[test]
fn notify_all_wakes_all_that_wait_and_no_later_ones() {
    everywhere("condvar all", |place| {
        let shared = Arc::new(Shared::default());
        for _ in 0..10 {
            let tasks = waiters(place, &shared, 10);
            shared.changed.notify_all();
            tasks.into_iter().for_each(Task::join);
            assert_eq!(std::mem::take(&mut shared.mutex.lock().woken).len(), 10);
        }
        let waiter = waiter(place, &shared, 0);
        place.until(|| shared.mutex.lock().waiting == 1);
        shared.changed.notify_all();
        waiter.join();
    });
}

/// Go's test of stealing: a notification is for who waited when it came, also if another begins to wait before that one runs.
#[test]
fn a_later_waiter_steals_no_notification() {
    everywhere("condvar stealing", |place| {
        for _ in 0..100 {
            let shared = Arc::new(Shared::default());
            let first = waiter(place, &shared, 0);
            place.until(|| shared.mutex.lock().waiting == 1);
            let guard = shared.mutex.lock();
            shared.changed.notify_one();
            drop(guard);
            let second = waiter(place, &shared, 1);
            first.join();
            place.until(|| shared.mutex.lock().waiting == 1);
            shared.changed.notify_one();
            second.join();
        }
    });
}

#[test]
fn a_deadline_ends_the_wait() {
    everywhere("condvar deadline", |place| {
        let shared = Arc::new(Shared::default());
        let (guard, result) = shared.changed.wait_timeout(shared.mutex.lock(), Duration::from_millis(2));
        assert!(result.timed_out());
        let (guard, result) = shared.changed.wait_deadline(guard, Instant::now());
        assert!(result.timed_out());
        let (guard, result) =
            shared.changed.wait_timeout_while(guard, Duration::from_millis(2), |state| state.woken.is_empty());
        assert!(result.timed_out());
        drop(guard);

        // Who gives up takes no notification with it.
        let patient = waiter(place, &shared, 0);
        place.until(|| shared.mutex.lock().waiting == 1);
        let (guard, _) = shared.changed.wait_deadline(shared.mutex.lock(), Instant::now());
        drop(guard);
        shared.changed.notify_one();
        patient.join();

        let notifier = {
            let shared = Arc::clone(&shared);
            place.spawn(move || {
                shared.mutex.lock().woken.clear();
                shared.changed.notify_all();
            })
        };
        let far = Instant::now() + Duration::from_secs(3600);
        let (guard, result) =
            shared.changed.wait_deadline_while(shared.mutex.lock(), far, |state| !state.woken.is_empty());
        assert!(!result.timed_out() && guard.woken.is_empty());
        drop(guard);
        notifier.join();
    });
}

/// A bounded buffer with several on either side, some of them impatient: nothing is lost, nobody hangs.
#[test]
fn producers_and_consumers() {
    const ITEMS: usize = 3_000;
    let seeds = std::sync::Mutex::new(Random::new("condvar buffer"));
    everywhere("condvar buffer", |place| {
        let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new(), Condvar::new()));
        let (made, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let (shared, mut random) = (Arc::clone(&shared), seeds.lock().expect("no panic").fork());
                let (made, taken) = (Arc::clone(&made), Arc::clone(&taken));
                place.spawn(move || {
                    let (buffer, not_empty, not_full) = &*shared;
                    let (counter, wanted, other) =
                        if n % 2 == 0 { (&*made, not_full, not_empty) } else { (&*taken, not_empty, not_full) };
                    let blocked = |buffer: &mut Vec<usize>| {
                        if n % 2 == 0 { buffer.len() == 4 } else { buffer.is_empty() }
                    };
                    while counter.fetch_add(1, Ordering::Relaxed) < ITEMS {
                        let mut guard = buffer.lock();
                        if random.below(3) == 0 {
                            loop {
                                let timeout = Duration::from_micros(random.below(200));
                                let (again, result) = wanted.wait_timeout_while(guard, timeout, blocked);
                                guard = again;
                                if !result.timed_out() {
                                    break;
                                }
                            }
                        } else {
                            guard = wanted.wait_while(guard, blocked);
                        }
                        if n % 2 == 0 {
                            guard.push(n)
                        } else {
                            _ = guard.pop().expect("it is not empty")
                        }
                        drop(guard);
                        other.notify_one();
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(Task::join);
        assert!(shared.0.lock().is_empty());
    });
}

#[test]
fn a_wait_that_is_forbidden_keeps_the_mutex_as_it_was() {
    in_runtimes("condvar in no_switch", |_| {
        let (mutex, changed) = (Mutex::new(1), Condvar::new());
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            threadle::no_switch(|| drop(changed.wait(mutex.lock())));
        }));
        assert!(attempt.is_err());
        assert_eq!(*mutex.try_lock().expect("the unwinding has unlocked it"), 1);
        changed.notify_all();
    });
}
