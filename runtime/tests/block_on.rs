//! `block_on` from plain OS threads.

mod support;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use support::{Random, watchdog};
use threadle::block_on;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_future_that_is_ready_is_polled_once() {
    let mut polls = 0;
    let value = block_on(poll_fn(|_| {
        polls += 1;
        Poll::Ready(polls)
    }));
    assert_eq!(value, 1);
}

#[test]
fn a_wake_inside_the_poll_polls_again() {
    let mut polls = 0;
    block_on(poll_fn(|context| {
        polls += 1;
        context.waker().wake_by_ref();
        if polls < 1000 { Poll::Pending } else { Poll::Ready(()) }
    }));
    assert_eq!(polls, 1000);
}

#[test]
fn wakes_from_other_threads_at_any_moment() {
    let _watchdog = watchdog("wakes", LIMIT);
    let mut random = Random::new("wakes");
    for _ in 0..2_000 {
        let (sender, receiver) = threadle::chan::bounded(1);
        let delay = random.below(30_000);
        let waker_thread = {
            let left: Arc<Mutex<Option<Waker>>> = Arc::default();
            let seen = Arc::clone(&left);
            let thread = thread::spawn(move || {
                let start = std::time::Instant::now();
                while start.elapsed() < Duration::from_nanos(delay) {
                    std::hint::spin_loop();
                }
                sender.send(7).unwrap();
                if let Some(waker) = seen.lock().unwrap().take() {
                    waker.wake();
                }
            });
            let value = block_on(poll_fn(|context| {
                *left.lock().unwrap() = Some(context.waker().clone());
                receiver.try_recv().map_or(Poll::Pending, Poll::Ready)
            }));
            assert_eq!(value, 7);
            thread
        };
        waker_thread.join().unwrap();
    }
}

#[test]
fn a_waker_that_outlives_its_future_does_nothing() {
    let mut kept = None;
    block_on(poll_fn(|context| {
        kept = Some(context.waker().clone());
        Poll::Ready(())
    }));
    let kept = kept.unwrap();
    kept.wake_by_ref();
    // A later park of the same thread is not ended by it.
    let (_sender, receiver) = threadle::chan::bounded::<u8>(1);
    let late = thread::spawn(move || kept.wake());
    assert!(receiver.recv_timeout(Duration::from_millis(5)).unwrap_err().is_timeout());
    late.join().unwrap();
}

#[test]
fn a_panic_in_the_future_comes_out() {
    let panicked = catch_unwind(AssertUnwindSafe(|| block_on(async { panic!("in the future") })));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "in the future");
    assert_eq!(block_on(async { 1 }), 1);
}

#[test]
fn nesting_works_and_what_waits_inside_a_poll_waits() {
    let _watchdog = watchdog("nested", LIMIT);
    let (sender, receiver) = threadle::chan::bounded(0);
    let thread = thread::spawn(move || sender.send(5).unwrap());
    assert_eq!(block_on(async { block_on(async { receiver.recv().unwrap() }) + 1 }), 6);
    thread.join().unwrap();
}
