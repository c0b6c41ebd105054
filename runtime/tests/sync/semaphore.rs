//! `Semaphore`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::sync::Semaphore;

use crate::support::{Place, Random, Task, everywhere};

/// A task that waits for `n` permits, holds them until it is joined, and is queued when this returns.
fn queued(place: Place, semaphore: &Arc<Semaphore>, n: usize, served: &Arc<AtomicUsize>) -> Task<usize> {
    let (own, served) = (Arc::clone(semaphore), Arc::clone(served));
    let task = place.spawn(move || {
        let _permits = own.acquire(n);
        served.fetch_add(1, Ordering::SeqCst)
    });
    // Nobody overtakes, so this fails once somebody waits.
    place.until(|| semaphore.try_acquire(0).is_none());
    task
}

/// Never more are out than there are, whoever takes and gives, in whatever way.
#[test]
fn permits_are_conserved() {
    const PERMITS: usize = 5;
    let seeds = std::sync::Mutex::new(Random::new("semaphore"));
    everywhere("semaphore", |place| {
        let shared = Arc::new((Semaphore::new(PERMITS), AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (shared, mut random) = (Arc::clone(&shared), seeds.lock().expect("no panic").fork());
                place.spawn(move || {
                    let (semaphore, out) = &*shared;
                    for _ in 0..1_500 {
                        let n = 1 + random.below(PERMITS as u64) as usize;
                        let permit = match random.below(4) {
                            0 => semaphore.try_acquire(n),
                            1 => semaphore.acquire_timeout(n, Duration::from_micros(random.below(300))),
                            _ => Some(semaphore.acquire(n)),
                        };
                        let Some(mut permit) = permit else { continue };
                        assert!(out.fetch_add(n, Ordering::Relaxed) + n <= PERMITS);
                        if random.below(40) == 0 {
                            threadle::yield_now();
                        }
                        let some = random.below(n as u64 + 1) as usize;
                        out.fetch_sub(some, Ordering::Relaxed);
                        drop(permit.split(some).expect("it has as many"));
                        out.fetch_sub(n - some, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(Task::join);
        assert_eq!(shared.0.available(), PERMITS);
    });
}

/// Go's `TestLargeAcquireDoesntStarve`: those who want one come and go without end, and one who wants all is served.
#[test]
fn one_who_wants_many_is_not_starved() {
    everywhere("semaphore starvation", |place| {
        const PERMITS: usize = 6;
        let shared = Arc::new((Semaphore::new(PERMITS), AtomicUsize::new(0)));
        let greedy: Vec<_> = (0..PERMITS)
            .map(|_| {
                let shared = Arc::clone(&shared);
                place.spawn(move || {
                    while shared.1.load(Ordering::Relaxed) == 0 {
                        let _permit = shared.0.acquire(1);
                        threadle::yield_now();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            drop(shared.0.acquire(PERMITS));
        }
        shared.1.store(1, Ordering::Relaxed);
        greedy.into_iter().for_each(Task::join);
    });
}

#[test]
fn first_come_first_served() {
    everywhere("semaphore order", |place| {
        let (semaphore, served) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let many = queued(place, &semaphore, 3, &served);
        let own = Arc::clone(&semaphore);
        let few = {
            let served = Arc::clone(&served);
            place.spawn(move || {
                let _permit = own.acquire(1);
                served.fetch_add(1, Ordering::SeqCst)
            })
        };
        semaphore.add(2);
        // Enough for the second, not for the first.
        assert!(semaphore.acquire_timeout(1, Duration::from_millis(2)).is_none());
        assert_eq!((served.load(Ordering::SeqCst), semaphore.available()), (0, 2));
        semaphore.add(1);
        // The first gives its three back, which serves the second, unless that one came so late that it was never behind.
        assert!(many.join() + few.join() == 1);
        assert_eq!(semaphore.available(), 3);
    });
}

/// Go's `TestAllocCancelDoesntStarve`: the one in front wants more than there is and gives up; the one behind is served at once.
#[test]
fn who_gives_up_makes_way() {
    everywhere("semaphore gives up", |place| {
        let (semaphore, served) = (Arc::new(Semaphore::new(2)), Arc::new(AtomicUsize::new(0)));
        let one = semaphore.acquire(1);
        let hasty = {
            let semaphore = Arc::clone(&semaphore);
            place.spawn(move || semaphore.acquire_timeout(2, Duration::from_millis(5)).is_none())
        };
        let behind = {
            let (semaphore, served) = (Arc::clone(&semaphore), Arc::clone(&served));
            place.spawn(move || {
                drop(semaphore.acquire(1));
                served.fetch_add(1, Ordering::SeqCst)
            })
        };
        assert!(hasty.join());
        behind.join();
        assert_eq!((one.permits(), semaphore.available()), (1, 1));
        drop(one);
        assert!(semaphore.acquire_deadline(2, Instant::now()).is_some());
    });
}

#[test]
fn permits_belong_to_no_thread() {
    everywhere("owned permits", |place| {
        let semaphore = Arc::new(Semaphore::new(2));
        let mut both = semaphore.clone().acquire_owned(2);
        assert!(semaphore.clone().try_acquire_owned(1).is_none());
        let one = both.split(1).expect("it has two");
        assert!(both.split(2).is_none());
        let given = place.spawn(move || drop(one));
        semaphore.acquire(1).forget();
        given.join();
        assert_eq!((both.permits(), semaphore.available()), (1, 0));
        both.forget();
        semaphore.add(1);
        assert_eq!(semaphore.try_acquire(1).expect("it was added").permits(), 1);
    });
}

#[test]
fn too_many_permits_are_told() {
    let message = |result: std::thread::Result<()>| *result.expect_err("it panics").downcast::<&str>().expect("a text");
    assert!(message(catch_unwind(|| _ = Semaphore::new(Semaphore::MAX_PERMITS + 1))).contains("MAX_PERMITS"));
    let full = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(message(catch_unwind(AssertUnwindSafe(|| full.add(1)))).contains("MAX_PERMITS"));
    assert_eq!(full.available(), Semaphore::MAX_PERMITS);
    assert_eq!(format!("{:?}", full.acquire(2)), "SemaphorePermit { permits: 2 }");
}
