//! Contexts: what Go's own tests check of them, and what a tree without a garbage collector adds.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Place, Random, Task, everywhere, in_runtimes, watchdog};
use threadle::chan::{self, TryRecvError};
use threadle::context::{Cancel, Context, ContextError};
use threadle::time::sleep;

const FAR: Duration = Duration::from_secs(3600);
const MILLI: Duration = Duration::from_millis(1);

fn open(context: &Context) -> bool {
    let open = context.err().is_none();
    assert_eq!(
        context.done().try_recv().unwrap_err(),
        if open { TryRecvError::Empty } else { TryRecvError::Disconnected }
    );
    assert_eq!(context.is_done(), !open);
    open
}

fn background() -> Context {
    Context::background()
}

#[test]
fn the_background_never_ends_and_carries_nothing() {
    everywhere("background", |_| {
        let context = Context::default();
        assert!(open(&context));
        assert_eq!(context.deadline(), None);
        assert!(context.cause().is_none() && context.value::<u8>().is_none());
        assert!(context.done().recv_timeout(Duration::from_micros(10)).unwrap_err().is_timeout());
    });
}

#[test]
fn an_end_goes_down_and_not_up_or_aside() {
    everywhere("down", |_| {
        let (root, cancel_root) = background().with_cancel();
        let (left, cancel_left) = root.with_cancel();
        let (right, _keep_right) = root.with_timeout(FAR);
        let (leaf, cancel_leaf) = left.with_value(1).with_cancel();
        cancel_left.cancel_with("left");
        assert!(open(&root) && open(&right));
        assert!(!open(&left) && !open(&leaf));
        assert_eq!(leaf.cause().unwrap().to_string(), "left");
        // The first counts.
        cancel_leaf.cancel_with("leaf");
        cancel_left.cancel();
        cancel_root.cancel_with("root");
        assert_eq!(leaf.cause().unwrap().to_string(), "left");
        assert_eq!(right.cause().unwrap().to_string(), "root");
        assert!(right.err().unwrap().is_cancelled());
        // A child of what has ended has ended, for the same reason.
        let (late, _) = leaf.with_timeout(FAR);
        assert!(!open(&late));
        assert_eq!(late.cause().unwrap().to_string(), "left");
    });
}

#[test]
fn dropping_the_right_to_cancel_cancels_nothing() {
    let (context, cancel) = background().with_cancel();
    drop(cancel.clone());
    drop(cancel);
    assert!(open(&context));
    let (context, cancel) = background().with_cancel();
    let guard = cancel.guard();
    assert!(open(&context));
    drop(guard);
    assert!(!open(&context));
}

#[test]
fn a_deadline_ends_it_and_the_earlier_one_counts() {
    everywhere("deadline", |_| {
        let start = Instant::now();
        let (soon, _soon) = background().with_timeout(2 * MILLI);
        let (later, _later) = soon.with_timeout(FAR);
        let (sooner, _sooner) = later.with_deadline(start + MILLI);
        assert_eq!(later.deadline(), soon.deadline());
        assert_eq!(sooner.deadline(), Some(start + MILLI));
        assert!(sooner.done().recv().is_err());
        assert!(start.elapsed() >= MILLI);
        assert!(later.done().recv().is_err());
        assert!(start.elapsed() >= 2 * MILLI);
        for context in [&soon, &later, &sooner] {
            let error = context.err().unwrap();
            assert!(error.is_timeout() && !error.is_cancelled() && error.cause().is_none());
            assert_eq!(error.to_string(), "context deadline exceeded");
        }
        let (past, _) = background().with_deadline(start);
        assert!(!open(&past));
        let (endless, cancel) = background().with_timeout(Duration::MAX);
        assert_eq!(endless.deadline(), None);
        cancel.cancel();
        assert!(!open(&endless));
    });
}

#[test]
fn a_deadline_that_has_passed_comes_before_a_cancellation() {
    let (parent, cancel) = background().with_deadline(Instant::now());
    let (child, cancel_child) = parent.with_cancel();
    cancel_child.cancel();
    cancel.cancel();
    assert!(child.err().unwrap().is_timeout());
    assert!(parent.err().unwrap().is_timeout());
    // And a cancellation before one that passes later: again where the machine stood still until it had passed.
    let (context, child) = loop {
        let deadline = Instant::now() + 5 * MILLI;
        let (context, cancel) = background().with_deadline(deadline);
        let (child, _) = context.with_cancel();
        cancel.cancel();
        if Instant::now() < deadline {
            break (context, child);
        }
    };
    sleep(6 * MILLI);
    assert!(context.err().unwrap().is_cancelled());
    assert!(child.err().unwrap().is_cancelled());
}

#[test]
fn values_are_found_by_type_the_last_first() {
    struct Key(u32);
    let one = background().with_value(Key(1));
    let (child, _) = one.with_value("text").with_cancel();
    let two = child.with_value(Key(2));
    assert_eq!(one.value::<Key>().unwrap().0, 1);
    assert_eq!(child.value::<Key>().unwrap().0, 1);
    assert_eq!(two.value::<Key>().unwrap().0, 2);
    assert_eq!(two.value::<&str>(), Some(&"text"));
    assert!(one.value::<&str>().is_none());
    let (_, cancel) = child.with_cancel();
    let detached = two.without_cancel();
    cancel.cancel();
    assert!(open(&detached));
    assert_eq!(detached.value::<Key>().unwrap().0, 2);
}

#[test]
fn everybody_who_waits_is_woken() {
    everywhere("waiters", |place| {
        let (root, cancel) = background().with_cancel();
        let mut context = root.clone();
        let waiters: Vec<_> = (0..30)
            .map(|n| {
                if n % 3 == 0 {
                    context = context.with_cancel().0;
                }
                let done = if n % 2 == 0 { context.done() } else { root.done() };
                place.spawn(move || done.recv().is_err())
            })
            .collect();
        sleep(MILLI);
        cancel.cancel();
        assert!(waiters.into_iter().all(Task::join));
    });
}

#[test]
fn a_receiver_of_the_end_cannot_end_it() {
    let (context, cancel) = background().with_cancel();
    assert!(!context.done().close());
    assert!(open(&context));
    assert_eq!((context.done().len(), context.done().capacity()), (0, Some(0)));
    assert!(context.done().same_channel(&context.done()));
    cancel.cancel();
    assert!(context.done().is_empty());
    assert_eq!(context.done().iter().count(), 0);
    // It keeps the context: what is only received from can still end.
    let (context, _) = background().with_timeout(MILLI);
    let done = context.done();
    drop(context);
    assert!(done.recv().is_err());
}

#[test]
fn a_function_is_called_once_at_the_end() {
    in_runtimes("after_func", |place| {
        let calls = Arc::new(AtomicUsize::new(0));
        let (sender, called) = chan::unbounded();
        let register = |context: &Context| {
            let (calls, sender) = (Arc::clone(&calls), sender.clone());
            context.after_func(move || {
                calls.fetch_add(1, Ordering::SeqCst);
                sender.send(()).unwrap();
            })
        };
        // Cancelled.
        let (context, cancel) = background().with_cancel();
        let (child, _keep) = context.with_cancel();
        let (one, two) = (register(&context), register(&child));
        sleep(MILLI);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        cancel.cancel();
        cancel.cancel();
        called.recv().unwrap();
        called.recv().unwrap();
        assert!(!one.stop() && !two.stop());
        // Ended already.
        let late = register(&context);
        called.recv().unwrap();
        assert!(!late.stop());
        // By a deadline that nobody else looks at, its own and inherited.
        let (context, _keep) = background().with_timeout(2 * MILLI);
        let (child, _keep_too) = context.with_cancel();
        register(&context);
        register(&child);
        called.recv().unwrap();
        called.recv().unwrap();
        // Stopped; and forgotten with the context.
        let (context, cancel) = background().with_timeout(FAR);
        let stopped = register(&context);
        assert!(stopped.stop());
        assert!(!stopped.stop());
        cancel.cancel();
        let never = register(&background());
        assert!(never.stop());
        assert!(!never.stop());
        drop(register(&background().with_timeout(FAR).0));
        sleep(2 * MILLI);
        assert_eq!(calls.load(Ordering::SeqCst), 5);
        drop(stopped);
        drop(never);
        // Those that ran may still be about to be dropped.
        place.until(|| Arc::strong_count(&calls) == 1);
    });
}

#[test]
fn a_function_is_stopped_or_called() {
    in_runtimes("stopped or called", |place| {
        for round in 0..300 {
            let calls = Arc::new(AtomicUsize::new(0));
            let (context, cancel) = background().with_timeout(Duration::from_micros(100 + round));
            let counter = Arc::clone(&calls);
            let call = Arc::new(context.after_func(move || {
                counter.fetch_add(1, Ordering::SeqCst);
            }));
            let canceller = place.spawn(move || cancel.cancel());
            let stoppers: Vec<_> = (0..2)
                .map(|_| {
                    let call = Arc::clone(&call);
                    place.spawn(move || call.stop())
                })
                .collect();
            let stopped = stoppers.into_iter().map(Task::join).filter(|stopped| *stopped).count();
            canceller.join();
            if stopped == 0 {
                place.until(|| calls.load(Ordering::SeqCst) == 1);
            }
            assert_eq!(stopped + calls.load(Ordering::SeqCst), 1, "round {round}");
        }
    });
}

#[test]
fn a_function_runs_in_the_runtime_it_was_given_in() {
    let _watchdog = watchdog("function's runtime");
    threadle::run(|| {
        let (sender, called) = chan::unbounded();
        let (context, cancel) = background().with_cancel();
        let ours = sender.clone();
        context.after_func(move || ours.send(threadle::num_goroutines()).unwrap());
        // Cancelled by a plain thread outside.
        std::thread::spawn(move || cancel.cancel());
        assert!(called.recv().unwrap() > 0);
    });
    // After the end of its runtime it is dropped uncalled.
    let kept = Arc::new(());
    let (context, cancel) = background().with_timeout(FAR);
    threadle::run(|| {
        let kept = Arc::clone(&kept);
        context.after_func(move || unreachable!("{kept:?}: its runtime has ended"));
    });
    cancel.cancel();
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
#[should_panic(expected = "needs a running threadle runtime")]
fn a_function_needs_a_runtime() {
    background().after_func(|| ());
}

/// `figures` has the bound of 100 ms.
#[test]
fn a_hundred_thousand_children_end_with_their_parent() {
    let _watchdog = watchdog("many children");
    let (parent, cancel) = background().with_cancel();
    let children: Vec<_> = (0..100_000).map(|_| parent.with_timeout(FAR).0).collect();
    cancel.cancel();
    assert!(children.iter().all(Context::is_done));
}

fn chain(depth: usize) -> (Context, Cancel, Context) {
    let (root, cancel) = background().with_cancel();
    let leaf = (0..depth).fold(root.clone(), |context, n| {
        let context = if n % 2 == 0 { context.with_cancel().0 } else { context.with_timeout(FAR).0 };
        if n % 10 == 0 { context.with_value(n) } else { context }
    });
    (root, cancel, leaf)
}

#[test]
fn a_chain_may_be_a_million_deep() {
    let _watchdog = watchdog("deep chain");
    threadle::run(|| {
        let (_, cancel, leaf) = chain(1_000_000);
        cancel.cancel();
        assert!(!open(&leaf));
        drop(cancel);
        drop(leaf);
        // Dropped unended, the leaf first and the leaf last: still far more than a stack would hold.
        const DEPTH: usize = 100_000;
        let (root, cancel, leaf) = chain(DEPTH);
        drop(leaf);
        drop((root, cancel));
        let (root, cancel, leaf) = chain(DEPTH);
        drop((root, cancel));
        drop(leaf);
        let values = (0..DEPTH).fold(background(), |context, n| context.with_value(n));
        assert!(values.value::<u8>().is_none());
        drop(values);
    });
}

#[test]
fn one_inherited_deadline_ends_a_deep_chain_from_below() {
    let _watchdog = watchdog("deep deadline");
    threadle::run(|| {
        let (root, _keep) = background().with_timeout(5 * MILLI);
        let leaf = (0..100_000).fold(root.clone(), |context, _| context.with_cancel().0);
        assert!(leaf.done().recv().is_err());
        assert!(leaf.err().unwrap().is_timeout());
        assert!(root.err().unwrap().is_timeout());
    });
}

#[test]
fn errors_of_io_carry_the_context() {
    let (context, cancel) = background().with_cancel();
    cancel.cancel_with("why not");
    let error = std::io::Error::from(context.err().unwrap());
    assert_eq!(error.kind(), std::io::ErrorKind::Other);
    assert_eq!(ContextError::of(&error).unwrap().cause().unwrap().to_string(), "why not");
    let (context, _) = background().with_timeout(Duration::ZERO);
    assert_eq!(std::io::Error::from(context.err().unwrap()).kind(), std::io::ErrorKind::TimedOut);
}

/// A tree that grows, is dropped, waited on and cancelled by everybody at once. What is checked: whoever waits for a context that has to
/// end is woken, and a child of a context that has ended has ended.
#[test]
fn soak() {
    let seeds = std::sync::Mutex::new(Random::new("context soak"));
    everywhere("context soak", |place| {
        let end = Instant::now() + Duration::from_millis(250);
        while Instant::now() < end {
            round(place, &mut seeds.lock().unwrap().fork());
        }
    });
}

fn round(place: Place, random: &mut Random) {
    let (root, cancel) = background().with_timeout(Duration::from_micros(random.below(2000)));
    let over = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (root, cancel, over, mut random) = (root.clone(), cancel.clone(), Arc::clone(&over), random.fork());
            place.spawn(move || {
                let mut kept = vec![root.clone()];
                for _ in 0..random.below(200) {
                    let context = &kept[random.below(kept.len() as u64) as usize];
                    let before = context.is_done();
                    let (child, cancel_child) = context.with_timeout(Duration::from_micros(random.below(1000)));
                    assert!(!before || child.is_done(), "a child of one that had ended has not");
                    match random.below(6) {
                        0 => cancel_child.cancel(),
                        1 => assert!(child.done().recv().is_err()),
                        2 => drop(child.done().recv_timeout(Duration::from_micros(random.below(50)))),
                        _ => kept.push(child),
                    }
                    if random.below(4) == 0 {
                        let place = random.below(kept.len() as u64) as usize;
                        drop(kept.swap_remove(place));
                        kept.push(root.clone());
                    }
                }
                if random.below(2) == 0 {
                    cancel.cancel();
                }
                // Every one of them has a deadline.
                assert!(kept.iter().all(|context| context.done().recv().is_err()));
                over.store(true, Ordering::Release);
            })
        })
        .collect();
    assert!(root.done().recv().is_err());
    for worker in workers {
        worker.join();
    }
    assert!(over.load(Ordering::Acquire));
}
