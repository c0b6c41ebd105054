//! `Pool`: how many run, who waits, what comes back, and that nothing accepted is lost.

mod support;

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use support::{Census, Counted, Place, Random, in_runtimes};
use threadle::chan::{self, Receiver, Sender};
use threadle::pool::{JobHandle, Pool, PoolBuilder};
use threadle::sync::WaitGroup;
use threadle::yield_now;

/// Jobs that run until the gate is dropped.
fn gate() -> (Sender<()>, Receiver<()>) {
    chan::bounded(0)
}

/// Fills every worker of `pool` with a job that waits for `wait`.
fn occupy(pool: &Pool, wait: &Receiver<()>) {
    for _ in 0..pool.stats().workers {
        let wait = wait.clone();
        pool.submit(move || assert!(wait.recv().is_err())).unwrap();
    }
    while pool.stats().running < pool.stats().workers {
        yield_now();
    }
}

#[test]
fn no_more_run_than_there_are_workers_and_no_more_wait_than_there_is_room() {
    in_runtimes("bounds", |place| {
        const WORKERS: usize = 3;
        const QUEUE: usize = 5;
        let pool = Pool::new(WORKERS, QUEUE);
        let (running, most, ran) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let submitters: Vec<_> = (0..8)
            .map(|_| {
                let (pool, running, most, ran) =
                    (pool.clone(), Arc::clone(&running), Arc::clone(&most), Arc::clone(&ran));
                place.spawn(move || {
                    for _ in 0..100 {
                        let (running, most, ran) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&ran));
                        pool.submit(move || {
                            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                            yield_now();
                            running.fetch_sub(1, SeqCst);
                            ran.fetch_add(1, SeqCst);
                        })
                        .unwrap();
                        assert!(pool.stats().queued <= WORKERS + QUEUE);
                    }
                })
            })
            .collect();
        submitters.into_iter().for_each(support::Task::join);
        assert!(pool.shutdown().is_complete());
        assert_eq!((ran.load(SeqCst), pool.stats().finished), (800, 800));
        assert!((1..=WORKERS).contains(&most.load(SeqCst)), "{most:?} at once");
    });
}

#[test]
fn one_worker_runs_jobs_in_order() {
    in_runtimes("order", |_| {
        let pool = Pool::new(1, 4);
        let (sender, receiver) = chan::unbounded();
        for number in 0..50 {
            let sender = sender.clone();
            pool.submit(move || sender.send(number).unwrap()).unwrap();
        }
        drop((sender, pool));
        assert!(receiver.iter().eq(0..50), "the last handle's drop lets accepted jobs run");
    });
}

/// A job that owns a counted value, and says which when it runs.
fn telling(value: Counted, to: &Sender<usize>) -> impl FnOnce() + Send + use<> {
    let to = to.clone();
    move || {
        // All of the value, not its number alone.
        let value = &value;
        to.send(value.id).unwrap();
    }
}

#[test]
fn a_refused_job_comes_back_whole() {
    in_runtimes("refused", |_| {
        let pool = Pool::new(1, 1);
        let (open, wait) = gate();
        occupy(&pool, &wait);
        let census = Census::default();
        let (to, told) = chan::unbounded();
        pool.submit(telling(census.make(), &to)).unwrap();

        let full = [
            pool.try_submit(telling(census.make(), &to)).unwrap_err(),
            pool.submit_timeout(telling(census.make(), &to), Duration::from_millis(1)).unwrap_err(),
            pool.submit_deadline(telling(census.make(), &to), Instant::now()).unwrap_err(),
        ];
        assert!(pool.try_reserve().unwrap_err().is_full());
        assert_eq!(census.dropped(), 0);
        for (position, error) in full.into_iter().enumerate() {
            assert!(error.is_full() && !error.is_closed());
            error.into_inner()();
            assert_eq!(told.try_recv(), Ok(position + 1), "the very job");
        }

        drop(open);
        assert!(pool.shutdown().is_complete());
        assert_eq!(told.try_recv(), Ok(0), "the one that was accepted");
        let closed = pool.submit(telling(census.make(), &to)).unwrap_err();
        assert!(closed.is_closed() && pool.try_submit(|| ()).unwrap_err().is_closed());
        assert_eq!(pool.go(|| 7).unwrap_err().into_inner()(), 7);
        closed.into_inner()();
        assert_eq!(told.try_recv(), Ok(4));
        assert_eq!((census.made(), census.dropped()), (5, 5));
    });
}

#[test]
fn closing_gives_back_what_waits_for_a_place() {
    in_runtimes("waiting", |place| {
        let pool = Pool::new(1, 0);
        let (open, wait) = gate();
        occupy(&pool, &wait);
        let census = Census::default();
        let (to, told) = chan::unbounded();
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let (pool, job) = (pool.clone(), telling(census.make(), &to));
                place.spawn(move || pool.submit(job).unwrap_err().is_closed())
            })
            .collect();
        // A place held since before is no way round.
        place.pause();
        pool.close();
        assert!(waiting.into_iter().all(support::Task::join));
        assert_eq!(census.dropped(), 5);
        assert!(told.is_empty());
        drop(open);
        assert_eq!(pool.shutdown().dropped, 0, "they were never accepted");
    });
}

#[test]
fn a_slot_is_a_place_until_it_is_used_or_dropped() {
    in_runtimes("slots", |_| {
        let pool = Pool::new(1, 1);
        let (first, second) = (pool.reserve().unwrap(), pool.try_reserve().unwrap());
        assert!(pool.try_submit(|| ()).unwrap_err().is_full());
        assert!(pool.reserve_timeout(Duration::from_millis(1)).unwrap_err().is_full());
        drop(first);
        pool.try_submit(|| ()).unwrap();
        assert_eq!(second.go(|| "held").unwrap().join().unwrap(), "held");
        let late = pool.reserve().unwrap();
        assert!(pool.shutdown().is_complete(), "a place that is only held is not waited for");
        assert_eq!(late.go(|| "back").unwrap_err().into_inner()(), "back");
        assert!(pool.reserve().unwrap_err().is_closed());
    });
}

#[test]
fn panics_are_counted_and_kept_from_the_workers() {
    /// Panics when it is dropped.
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("dropped");
            }
        }
    }

    in_runtimes("panics", |_| {
        let pool = Pool::new(1, 8);
        pool.submit(|| panic!("by itself")).unwrap();
        let joined = pool
            .go(|| {
                if true {
                    panic!("to its handle")
                }
            })
            .unwrap();
        let error = joined.join().unwrap_err();
        assert!(error.is_panic() && !error.is_dropped());
        assert_eq!(error.into_panic().downcast_ref(), Some(&"to its handle"));
        // In what the job owns, in a result that nobody wants, and in what it panics with.
        let grenade = Grenade;
        pool.submit(move || drop(grenade)).unwrap();
        drop(pool.go(|| Grenade).unwrap());
        pool.submit(|| panic_any(Grenade)).unwrap();
        assert_eq!(pool.go(|| "the worker lives").unwrap().join().unwrap(), "the worker lives");
        assert!(pool.shutdown().is_complete());
        let stats = pool.stats();
        // Of the five bad ones, the one with the bad result did run to its end.
        assert_eq!((stats.finished, stats.panicked, stats.running), (6, 4, 0));
    });
}

#[test]
fn a_shutdown_waits_for_what_was_accepted() {
    in_runtimes("drained", |place| {
        let pool = Pool::new(2, 50);
        let (open, wait) = gate();
        occupy(&pool, &wait);
        let handles: Vec<_> = (0..50).map(|number| pool.go(move || number).unwrap()).collect();
        let stopping: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                place.spawn(move || pool.shutdown_timeout(Duration::from_secs(60)))
            })
            .collect();
        place.pause();
        drop(open);
        assert!(stopping.into_iter().all(|task| task.join().is_complete()));
        assert!(handles.iter().all(threadle::pool::JobHandle::is_finished));
        assert!(handles.into_iter().map(|handle| handle.join().unwrap()).eq(0..50));
    });
}

#[test]
fn a_shutdown_that_is_late_drops_what_waits_and_says_so() {
    in_runtimes("late", |_| {
        let pool = Pool::new(2, 10);
        let (open, wait) = gate();
        occupy(&pool, &wait);
        let census = Census::default();
        let (to, told) = chan::unbounded();
        for _ in 0..6 {
            pool.submit(telling(census.make(), &to)).unwrap();
        }
        let joined = pool.go(|| ()).unwrap();
        let drained = pool.shutdown_timeout(Duration::from_millis(5));
        assert_eq!((drained.running, drained.dropped), (2, 7));
        assert!(!drained.is_complete() && joined.is_finished());
        assert!(joined.join().unwrap_err().is_dropped());
        assert_eq!(census.dropped(), 6, "they are gone when it returns");
        // What runs, runs on; a second one finds it done.
        drop(open);
        let drained = pool.shutdown();
        assert_eq!((drained.running, drained.dropped), (0, 7));
        assert!(told.is_empty());
        assert_eq!(pool.stats().finished, 2);
    });
}

/// Submitters, workers and a shutdown at whatever moment: each job ran, or was dropped and counted, or came back.
#[test]
fn nothing_accepted_is_lost() {
    let mut random = Random::new("nothing_accepted_is_lost");
    let seeds: Vec<u64> = (0..20).map(|_| random.next()).collect();
    in_runtimes("lost", |place| {
        for seed in &seeds {
            let (workers, queue, patience) = (1 + seed % 4, seed / 4 % 4, seed / 16 % 300);
            let pool = Pool::new(workers as usize, queue as usize);
            let census = Census::default();
            let (ran, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let submitters = WaitGroup::new();
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (pool, census, ran, refused) =
                        (pool.clone(), census.clone(), Arc::clone(&ran), Arc::clone(&refused));
                    submitters.add(1);
                    let submitters = submitters.clone();
                    place.spawn(move || {
                        for number in 0..200 {
                            let (value, ran) = (census.make(), Arc::clone(&ran));
                            let job = move || {
                                let value = &value;
                                if value.id.is_multiple_of(7) {
                                    yield_now();
                                }
                                ran.fetch_add(1, SeqCst);
                            };
                            let submitted = if number % 3 == 0 { pool.try_submit(job) } else { pool.submit(job) };
                            if submitted.is_err() {
                                refused.fetch_add(1, SeqCst);
                            }
                        }
                        submitters.done();
                    })
                })
                .collect();
            threadle::time::sleep(Duration::from_micros(patience));
            let drained = pool.shutdown_timeout(Duration::from_micros(patience / 4));
            tasks.into_iter().for_each(support::Task::join);
            submitters.wait();
            // What was running at the deadline ends by itself.
            assert!(pool.shutdown().dropped >= drained.dropped, "THREADLE_SEED gives {seed}");
            let Some(left) = census.made().checked_sub(ran.load(SeqCst) + refused.load(SeqCst)) else {
                panic!("{seed}: more ends than jobs")
            };
            assert_eq!(left, pool.stats().dropped, "seed {seed}");
            assert_eq!(pool.stats().finished, ran.load(SeqCst), "seed {seed}");
            assert_eq!(census.dropped(), census.made(), "seed {seed}");
        }
    });
}

/// A pool belongs to the runtime that made it and takes jobs from everywhere.
#[test]
fn jobs_come_from_anywhere() {
    in_runtimes("anywhere", |_| {
        let pool = Pool::new(2, 2);
        let from_thread = {
            let pool = pool.clone();
            let thread = std::thread::spawn(move || {
                let sum: i32 = (0..100).map(|number| pool.go(move || number).unwrap().join().unwrap()).sum();
                sum
            });
            threadle::blocking(|| thread.join().unwrap())
        };
        let from_runtime = {
            let pool = pool.clone();
            threadle::run(move || pool.go(threadle::procs).unwrap().join().unwrap())
        };
        let nested = {
            let inner = pool.clone();
            pool.go(move || inner.go(|| 5).unwrap().join().unwrap()).unwrap().join().unwrap()
        };
        assert_eq!((from_thread, from_runtime, nested), (4950, 3, 5));
    });
}

/// A pool whose runtime has ended, its one worker in the middle of a job and three more jobs behind that; with the handles of all four.
fn orphaned(place: Place, census: &Census) -> (Pool, [JobHandle<usize>; 4]) {
    let body = || {
        let pool = Pool::new(1, 4);
        let (begun, wait) = chan::bounded(0);
        let value = census.make();
        let running = pool.go(move || {
            let value = &value;
            begun.send(()).unwrap();
            chan::never::<()>().recv().map_or(value.id, |()| 0)
        });
        wait.recv().unwrap();
        let queued = || {
            let value = census.make();
            pool.go(move || {
                let value = &value;
                value.id
            })
            .unwrap()
        };
        let handles = [running.unwrap(), queued(), queued(), queued()];
        (pool, handles)
    };
    match place {
        // SAFETY: the body names no thread-local, and holds nothing that is bound to a thread.
        Place::Migrating => unsafe { threadle::run_migrating(body) },
        _ => threadle::run(body),
    }
}

#[test]
fn a_pool_whose_runtime_has_ended_is_closed_and_says_what_it_left() {
    let _watchdog = support::watchdog("orphaned");
    for place in [Place::Bound, Place::Migrating] {
        let census = Census::default();
        let (pool, [running, queued @ ..]) = orphaned(place, &census);
        assert!(running.is_finished() && queued.iter().all(JobHandle::is_finished));
        let error = running.join().unwrap_err();
        assert!(error.is_abandoned() && !error.is_dropped() && !error.is_panic(), "{error}");
        for handle in queued {
            let error = handle.join_timeout(Duration::from_secs(60)).unwrap().unwrap_err();
            assert!(error.is_dropped() && !error.is_abandoned(), "{error}");
        }
        assert_eq!(census.dropped(), 3, "what waits is dropped, what ran is left as it is");
        let refused = pool.submit(|| unreachable!("there is nobody")).unwrap_err();
        assert!(refused.is_closed());
        assert!(pool.reserve().unwrap_err().is_closed() && pool.go(|| ()).unwrap_err().is_closed());
        let drained = pool.shutdown();
        assert_eq!((drained.running, drained.dropped), (1, 3));
        assert!(!drained.is_complete());
    }
}

/// Who waits for a place in the pool, or for a job, on a plain thread when the runtime ends.
#[test]
fn who_waits_for_a_pool_whose_runtime_ends_is_told() {
    let _watchdog = support::watchdog("told");
    let census = Census::default();
    let waiting = threadle::run(|| {
        let pool = Pool::new(1, 0);
        occupy(&pool, &chan::never());
        let (ready, all_ready) = chan::bounded(0);
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let (pool, value, ready) = (pool.clone(), census.make(), ready.clone());
                std::thread::spawn(move || {
                    ready.send(()).unwrap();
                    pool.submit(move || drop(value)).unwrap_err().is_closed() && !pool.shutdown().is_complete()
                })
            })
            .collect();
        (0..2).for_each(|_| all_ready.recv().unwrap());
        waiting
    });
    assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
    assert_eq!(census.dropped(), 2);
}

#[test]
fn a_pool_whose_workers_get_no_stack_runs_nothing_and_says_so() {
    in_runtimes("no_stack", |_| {
        let census = Census::default();
        let pool = PoolBuilder::new(2, 2).stack_size(1 << 46).build();
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let value = census.make();
                pool.go(move || drop(value)).unwrap()
            })
            .collect();
        for handle in handles {
            assert!(handle.join().unwrap_err().is_dropped());
        }
        assert_eq!(census.dropped(), 4);
        let drained = pool.shutdown();
        assert_eq!((drained.running, drained.dropped), (0, 4));
        assert!(pool.submit(|| ()).unwrap_err().is_closed());
    });
}

#[test]
fn a_pool_whose_runtime_has_ended_with_nothing_to_do_is_complete() {
    let _watchdog = support::watchdog("idle");
    let pool = threadle::run(|| {
        let pool = Pool::new(3, 0);
        pool.go(|| ()).unwrap().join().unwrap();
        pool
    });
    assert!(pool.shutdown().is_complete());
    assert!(pool.try_submit(|| ()).unwrap_err().is_closed());
}
