//! Periodic calls on a pool's workers. Nothing here depends on how long anything takes.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use support::in_runtimes;
use threadle::chan;
use threadle::pool::Pool;
use threadle::time::{Timer, every_on, every_on_overlapping, sleep};

const PERIOD: Duration = Duration::from_millis(1);

#[test]
fn calls_run_on_the_pool_until_they_are_stopped() {
    in_runtimes("stopped", |_| {
        let pool = Pool::new(1, 4);
        let (beat, beats) = chan::unbounded();
        let timer = every_on(&pool, PERIOD, move || beat.send(()).unwrap_or(()));
        for _ in 0..5 {
            beats.recv().unwrap();
        }
        assert!(pool.stats().finished >= 4, "the fifth may be under way");
        assert!(timer.stop());
        // What was on its way comes; then no more. The pool is free for the shutdown to end.
        assert!(pool.shutdown().is_complete());
        let made = pool.stats().finished;
        sleep(PERIOD * 5);
        assert_eq!(pool.stats().finished, made);
    });
}

/// A call that is longer than the period, in a pool that would have room for more: they are skipped, neither run at once nor queued.
#[test]
fn calls_never_overlap_unless_that_is_asked_for() {
    in_runtimes("overlap", |_| {
        type Start = fn(&Pool, Box<dyn Fn() + Send + Sync>) -> Timer;
        let starts: [(Start, bool); 2] =
            [(|pool, f| every_on(pool, PERIOD, f), false), (|pool, f| every_on_overlapping(pool, PERIOD, f), true)];
        for (start, overlapping) in starts {
            let pool = Pool::new(4, 4);
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let counted = {
                let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                move || {
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    sleep(PERIOD * 5);
                    running.fetch_sub(1, SeqCst);
                }
            };
            let timer = start(&pool, Box::new(counted));
            // With overlaps until there was one; without, for some calls.
            while if overlapping { most.load(SeqCst) < 2 } else { pool.stats().finished < 4 } {
                // Looked at one after the other: a call that goes from the queue to a worker meanwhile counts in both, so it takes two looks.
                let crowded = [pool.stats(), pool.stats()];
                assert!(overlapping || crowded.iter().any(|at| at.running + at.queued <= 1), "{crowded:?}");
                sleep(PERIOD);
            }
            timer.stop();
            assert!(pool.shutdown().is_complete());
            assert_eq!(most.load(SeqCst) > 1, overlapping);
        }
    });
}

#[test]
fn a_panic_ends_the_calls_and_not_the_pool() {
    in_runtimes("panic", |_| {
        let pool = Pool::new(1, 1);
        let (alive, ended) = chan::bounded::<()>(0);
        let mut calls = 0;
        let timer = every_on(&pool, PERIOD, move || {
            let _alive = &alive;
            calls += 1;
            assert!(calls < 3, "enough");
        });
        assert!(ended.recv().is_err(), "the function is dropped");
        assert_eq!(pool.go(|| "still there").unwrap().join().unwrap(), "still there");
        assert_eq!((pool.stats().finished, pool.stats().panicked), (4, 1));
        drop(timer);
        // Overlapping calls are each for themselves.
        let timer = every_on_overlapping(&pool, PERIOD, || panic!("again"));
        while pool.stats().panicked < 3 {
            sleep(PERIOD);
        }
        timer.stop();
        assert!(pool.shutdown().is_complete());
    });
}

#[test]
fn a_closed_pool_ends_the_calls() {
    in_runtimes("closed", |_| {
        for close_while_waiting in [false, true] {
            let pool = Pool::new(1, 0);
            let (open, gate) = chan::bounded::<()>(0);
            if close_while_waiting {
                pool.submit(move || assert!(gate.recv().is_err())).unwrap();
            }
            let (alive, ended) = chan::bounded::<()>(0);
            let timer = every_on(&pool, PERIOD, move || {
                let _alive = &alive;
            });
            sleep(PERIOD * 3);
            pool.close();
            assert!(ended.recv().is_err());
            drop(open);
            assert!(pool.shutdown().is_complete());
            drop(timer);
        }
    });
}

#[test]
fn calls_that_end_with_their_pool_say_so() {
    in_runtimes("over", |place| {
        let pool = Pool::new(1, 1);
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let timer = every_on(&pool, Duration::from_millis(1), move || drop(Arc::clone(&kept)));
        pool.close();
        // The next call is refused, and the function dropped; then the timer is told.
        place.until(|| Arc::strong_count(&held) == 1);
        place.until(|| !timer.reset(Duration::from_secs(3600)));
        assert!(!timer.stop(), "nothing had been going to be called");
    });
}
