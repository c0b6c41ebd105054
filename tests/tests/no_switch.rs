//! What `no_switch` refuses, what it lets pass, and what it says. That it names the caller's line whichever call it was is in
//! `thread_identity.rs`, which has the list of calls.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use threadle::sync::Mutex;
use threadle::{block_on, blocking, chan, go, no_switch, scope, time, yield_now};
use threadle_tests::{Mode, both_modes, child};

/// What is over before it has begun is no wait: however slow the machine, this is not.
const LONG: Duration = Duration::from_secs(3_600);

/// The text of the panic that `f` ends in.
#[track_caller]
fn refusal(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it was let pass");
    *payload.downcast::<String>().expect("a text that was put together")
}

/// Waits for another goroutine, by each of the ways to wait: for a park, for a lock, through a helper thread, in a scope, by giving way.
fn wait_in_all_ways() {
    let (send, receive) = chan::bounded(0);
    let sender = go(move || send.send(7));
    assert_eq!(receive.recv(), Ok(7));
    assert!(sender.join().expect("it only sends").is_ok());
    time::sleep(Duration::from_millis(1));
    blocking(std::thread::yield_now);
    let over = AtomicBool::new(false);
    scope(|s| drop(s.go(|| over.store(true, SeqCst))));
    assert!(over.into_inner());
    block_on(async { time::sleep(Duration::from_millis(1)) });
    yield_now();
}

/// A goroutine that unwinds waits in place, so nobody comes in between and nothing is to be refused. A second panic there would be the end
/// of the process.
#[test]
fn a_wait_in_a_drop_while_unwinding_passes() {
    struct WaitsInDrop<'a>(&'a AtomicU32);
    impl Drop for WaitsInDrop<'_> {
        fn drop(&mut self) {
            wait_in_all_ways();
            self.0.fetch_add(1, SeqCst);
        }
    }
    child::in_children(
        "a_wait_in_a_drop_while_unwinding_passes",
        |_| {},
        |mode| {
            mode.run(threadle::Builder::new().procs(2), || {
                let dropped = AtomicU32::new(0);
                // Began to unwind inside.
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    no_switch(|| {
                        let _guard = WaitsInDrop(&dropped);
                        panic!("the first one");
                    })
                }));
                assert_eq!(caught.expect_err("it panics").downcast_ref::<&str>(), Some(&"the first one"));
                // Refused, and unwinds for that.
                let text = refusal(|| {
                    no_switch(|| {
                        let _guard = WaitsInDrop(&dropped);
                        yield_now();
                    });
                });
                assert!(text.contains("inside no_switch"), "{text}");
                assert_eq!(dropped.into_inner(), 2);
                // And it is over: what waits now may.
                wait_in_all_ways();
            });
        },
        |_, end| {
            end.succeeded();
        },
    );
}

/// The same for a future's poll, whose goroutine is held on its stack; around the poll it is not.
#[test]
fn a_wait_inside_a_poll_passes() {
    both_modes(2, |mode| {
        let polled = block_on(poll_fn(|_| Poll::Ready(no_switch(|| (wait_in_all_ways(), 5).1))));
        assert_eq!(polled, 5);
        // `block_on` itself would have to wait here, and not in a poll.
        let text = refusal(|| no_switch(|| block_on(std::future::pending())));
        assert!(text.contains("(block_on)"), "{mode}: {text}");
        // Nor is what was begun outside a poll in one afterwards.
        let text = refusal(|| {
            no_switch(|| {
                block_on(async {});
                yield_now();
            });
        });
        assert!(text.contains("(yield_now)"), "{mode}: {text}");
    });
}

/// Inside an announced call the thread is a plain one, wherever that call was made.
#[test]
fn inside_blocking_there_is_nothing_to_refuse() {
    both_modes(2, |_| {
        blocking(|| {
            no_switch(|| {
                let (_send, receive) = chan::bounded::<()>(0);
                assert!(receive.recv_timeout(Duration::from_millis(1)).is_err());
            });
        });
    });
}

/// What is refused leaves everything as it was: the value with its owner, the lock with its holder, nobody in a queue.
#[test]
fn what_was_refused_has_not_begun() {
    both_modes(2, |mode| {
        let (send, receive) = chan::bounded::<String>(0);
        let text = refusal(|| no_switch(|| send.send("unsent".into()).expect("not even this")));
        assert!(text.contains("(chan send)"), "{mode}: {text}");
        assert!(receive.try_recv().is_err(), "{mode}: nobody offers anything");
        let mutex = Mutex::new(());
        let guard = mutex.lock();
        let text = refusal(|| no_switch(|| drop(mutex.lock())));
        assert!(text.contains("(sync.Mutex.lock)"), "{mode}: {text}");
        drop(guard);
        assert!(mutex.try_lock().is_some(), "{mode}: nobody was given it");
        // What need not wait passes.
        assert!(no_switch(|| mutex.lock_timeout(Duration::from_secs(60))).is_some());
    });
}

/// The text names the `no_switch`, the innermost of several, and what would have been waited for.
#[test]
fn the_text_says_where_and_what_for() {
    both_modes(1, |mode| {
        let (outer, inner);
        let text = refusal(|| {
            no_switch(|| {
                no_switch(|| ());
                time::sleep(LONG);
            });
        });
        outer = line!() - 5;
        assert!(text.contains(&format!("no_switch.rs:{outer}:")) && text.contains("(sleep)"), "{mode}: {text}");
        let text = refusal(|| {
            no_switch(|| {
                no_switch(|| time::sleep(LONG));
            });
        });
        inner = line!() - 3;
        assert!(text.contains(&format!("no_switch.rs:{inner}:")), "{mode}: {text}");
        assert!(text.contains("before or after") && text.contains("try_"), "{mode}: no advice: {text}");
    });
}

/// It is a state of the goroutine's turn, not of its thread: others of the thread, and the goroutine afterwards, are not concerned.
#[test]
fn only_what_is_inside_is_concerned() {
    for mode in Mode::BOTH {
        mode.run(threadle::Builder::new().procs(1), || {
            let others: Vec<_> = (0..4).map(|_| go(wait_in_all_ways)).collect();
            for _ in 0..50 {
                assert!(catch_unwind(|| no_switch(yield_now)).is_err(), "{mode}");
                no_switch(|| drop(go(wait_in_all_ways)));
                yield_now();
            }
            for other in others {
                other.join().expect("it may wait");
            }
        });
    }
}
