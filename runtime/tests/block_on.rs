//! `block_on`, on goroutines and threads.

mod support;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use support::{Random, everywhere, in_runtimes};
use threadle::block_on;

#[test]
fn a_future_that_is_ready_is_polled_once() {
    everywhere("ready", |_| {
        let mut polls = 0;
        let value = block_on(poll_fn(|_| {
            polls += 1;
            Poll::Ready(polls)
        }));
        assert_eq!(value, 1);
    });
}

#[test]
fn a_wake_inside_the_poll_polls_again() {
    everywhere("wake inside", |_| {
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 1000 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!(polls, 1000);
    });
}

#[test]
fn wakes_from_elsewhere_at_any_moment() {
    let seeds = Mutex::new(Random::new("wakes"));
    everywhere("wakes", |place| {
        for _ in 0..1_000 {
            let (sender, receiver) = threadle::chan::bounded(1);
            let delay = Duration::from_nanos(seeds.lock().unwrap().below(30_000));
            let left: Arc<Mutex<Option<Waker>>> = Arc::default();
            let seen = Arc::clone(&left);
            let waker = place.spawn(move || {
                let start = Instant::now();
                while start.elapsed() < delay {
                    std::hint::spin_loop();
                }
                sender.send(7).unwrap();
                let waker = seen.lock().unwrap().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            });
            let value = block_on(poll_fn(|context| {
                *left.lock().unwrap() = Some(context.waker().clone());
                receiver.try_recv().map_or(Poll::Pending, Poll::Ready)
            }));
            assert_eq!(value, 7);
            waker.join();
        }
    });
}

#[test]
fn a_waker_that_outlives_its_future_does_nothing() {
    everywhere("late waker", |place| {
        let mut kept = None;
        block_on(poll_fn(|context| {
            kept = Some(context.waker().clone());
            Poll::Ready(())
        }));
        let kept = kept.unwrap();
        kept.wake_by_ref();
        // A later park of the same goroutine or thread is not ended by it.
        let (_sender, receiver) = threadle::chan::bounded::<u8>(1);
        let late = place.spawn(move || kept.wake());
        assert!(receiver.recv_timeout(Duration::from_millis(5)).unwrap_err().is_timeout());
        late.join();
    });
}

#[test]
fn a_panic_in_the_future_comes_out() {
    everywhere("panic", |_| {
        let panicked = catch_unwind(AssertUnwindSafe(|| block_on(async { panic!("in the future") })));
        assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "in the future");
        assert_eq!(block_on(async { 1 }), 1);
    });
}

#[test]
fn nesting_works_and_what_waits_inside_a_poll_waits() {
    everywhere("nested", |place| {
        let (sender, receiver) = threadle::chan::bounded(0);
        let task = place.spawn(move || sender.send(5).unwrap());
        assert_eq!(block_on(async { block_on(async { receiver.recv().unwrap() }) + 1 }), 6);
        task.join();
    });
}

#[test]
fn a_goroutine_is_awaited_by_its_handle() {
    in_runtimes("handle", |_| {
        let handles: Vec<_> = (0..100).map(|n| threadle::go(move || n)).collect();
        let sum = block_on(async {
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 4950);
    });
}

/// A poll stays on its thread even where it waits, in migrating mode too.
#[test]
fn a_poll_stays_on_its_thread() {
    in_runtimes("same thread", |place| {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                place.spawn(|| {
                    for _ in 0..20 {
                        block_on(async {
                            let before = std::thread::current().id();
                            threadle::time::sleep(Duration::from_micros(100));
                            threadle::yield_now();
                            assert_eq!(std::thread::current().id(), before);
                        });
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(support::Task::join);
    });
}
