//! What Go's own tests of channels, timers and contexts check, and the suites by subject do not; each names Go's test, and is written anew.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use support::{Place, Task, everywhere, in_runtimes, watchdog};
use threadle::chan::{self, TryRecvError};
use threadle::context::{Cancel, Context};
use threadle::time::{Timer, sleep};
use threadle::{Builder, go, select};

const FAR: Duration = Duration::from_secs(3600);
const MILLI: Duration = Duration::from_millis(1);

/// `TestChanSendInterface`, and what `TestChan` does by types: values of no size, of one far larger than a slot elsewhere, and of none known.
#[test]
fn values_of_every_size() {
    fn through<T: Send + 'static>(place: Place, make: fn(usize) -> T, is: fn(usize, &T) -> bool) {
        for capacity in [Some(0), Some(3), None] {
            let (sender, receiver) = capacity.map_or_else(chan::unbounded, chan::bounded);
            let (other, _nothing) = chan::bounded::<()>(0);
            let task = place.spawn(move || {
                for number in 0..100 {
                    if number % 2 == 0 {
                        sender.send(make(number)).unwrap_or_else(|_| panic!("somebody receives"));
                    } else {
                        select! {
                            send(sender, make(number)) -> sent => assert!(sent.is_ok()),
                            send(other, ()) -> _ => unreachable!("nobody receives there"),
                        }
                    }
                }
            });
            let mut count = 0;
            for value in receiver {
                assert!(is(count, &value), "{place:?} {capacity:?}: another value, or a torn one");
                count += 1;
            }
            assert_eq!(count, 100);
            task.join();
        }
    }
    everywhere("values of every size", |place| {
        through(place, |_| (), |_, _| true);
        through(place, |number| number as u8, |number, value| *value == number as u8);
        through(place, |number| [number; 512], |number, value| value.iter().all(|one| *one == number));
        through::<Box<dyn Fn() -> usize + Send>>(
            place,
            |number| Box::new(move || number),
            |number, value| value() == number,
        );
    });
}

/// `TestShrinkStackDuringBlockedSend`: Go moves stacks, on which values lie that others will take. Ours do not move, but give memory back a
/// second after they went deep: not that of a frame in which a value, or the place for one, still waits.
#[test]
fn what_waits_in_a_frame_outlives_the_trimming_of_stacks() {
    #[inline(never)]
    fn deep(levels: usize) -> u64 {
        let frame = std::hint::black_box([levels as u64; 64]);
        if levels == 0 { 0 } else { frame[levels % 64] + deep(levels - 1) }
    }
    in_runtimes("trimmed stacks", |_| {
        let (to, values) = chan::bounded::<[u64; 64]>(0);
        let (answers, from) = chan::bounded::<[u64; 64]>(0);
        let goroutines: Vec<_> = (0..20_u64)
            .map(|number| {
                let (to, from) = (to.clone(), from.clone());
                go(move || {
                    assert!(deep(100) > 0);
                    let kept = std::hint::black_box([number; 64]);
                    to.send([number; 64]).unwrap();
                    let answer = from.recv().unwrap();
                    assert!(answer.iter().all(|one| *one == answer[0]));
                    kept.iter().sum::<u64>() / 64
                })
            })
            .collect();
        // The monitor looks once a second.
        sleep(Duration::from_millis(2_200));
        let mut seen: Vec<_> = values.iter().take(20).map(|value| value.iter().sum::<u64>() / 64).collect();
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..20));
        sleep(Duration::from_millis(1_100));
        (0..20).for_each(|number| answers.send([number; 64]).unwrap());
        assert_eq!(goroutines.into_iter().map(|one| one.join().unwrap()).sum::<u64>(), (0..20).sum());
    });
}

/// `TestPseudoRandomSend` and `TestSelectFairness`, for sends: neither arm is for ever chosen first, nor by turns.
#[test]
fn sends_are_chosen_among_at_random() {
    everywhere("random sends", |place| {
        for capacity in [0, 1] {
            let (sender, receiver) = chan::bounded(capacity);
            let task = place.spawn(move || {
                for _ in 0..1_000 {
                    select! {
                        send(sender, 0) -> sent => sent.unwrap(),
                        send(sender, 1) -> sent => sent.unwrap(),
                    }
                }
            });
            let bits: Vec<i32> = receiver.iter().collect();
            task.join();
            let ones = bits.iter().filter(|bit| **bit == 1).count();
            assert!((300..=700).contains(&ones), "{place:?} {capacity}: {ones} of a thousand");
            let changes = bits.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!((300..=700).contains(&changes), "{place:?} {capacity}: {changes} changes in a thousand");
        }
    });
}

/// `TestAfterFuncStarvation`: on one processor that two goroutines keep busy, handing it to each other without end, a timer's function runs.
#[test]
fn goroutines_that_keep_the_processor_busy_starve_no_timer() {
    fn body() {
        let stop = Arc::new(AtomicBool::new(false));
        let (ping, pinged) = chan::bounded::<()>(1);
        let (pong, ponged) = chan::bounded::<()>(1);
        let players = [(pong, pinged), (ping.clone(), ponged)].map(|(to, from)| {
            let stop = Arc::clone(&stop);
            go(move || {
                while !stop.load(Ordering::Acquire) && from.recv().is_ok() {
                    // The other one may have stopped.
                    let _over = to.send(());
                }
            })
        });
        ping.send(()).unwrap();
        drop(ping);
        drop(Timer::after_func(MILLI, move || stop.store(true, Ordering::Release)));
        players.into_iter().for_each(|player| player.join().unwrap());
    }
    let _watchdog = watchdog("busy processor");
    let builder = Builder::new().procs(1);
    builder.clone().run(body).unwrap();
    // SAFETY: the body holds nothing that is bound to its thread over a switching call, and names no thread-local.
    unsafe { builder.run_migrating(body) }.unwrap();
}

/// `TestAfterFunc`: a function that arms the next one, which arms the next one.
#[test]
fn a_function_arms_the_next() {
    fn arm(left: usize, over: chan::Sender<()>) {
        drop(Timer::after_func(Duration::from_micros(10), move || match left {
            0 => over.send(()).unwrap(),
            _ => arm(left - 1, over.clone()),
        }));
    }
    in_runtimes("a chain of functions", |_| {
        let (over, is_over) = chan::bounded(1);
        arm(200, over);
        is_over.recv().unwrap();
        assert!(is_over.recv().is_err(), "only the last function had the sender");
    });
}

/// `TestConcurrentTimerReset` and `TestConcurrentTimerResetStop`: whoever sets it, and in whatever order, it is set once in the end.
#[test]
fn a_timer_set_by_many_fires_once() {
    everywhere("many resets", |place| {
        for round in 0..20 {
            let timer = Arc::new(Timer::after(FAR));
            let setters: Vec<_> = (0..6)
                .map(|number| {
                    let timer = Arc::clone(&timer);
                    place.spawn(move || {
                        for _ in 0..20 {
                            match (number + round) % 3 {
                                0 => timer.stop(),
                                _ => timer.reset(FAR),
                            };
                        }
                    })
                })
                .collect();
            setters.into_iter().for_each(Task::join);
            assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty), "set to come in an hour, or not at all");
            timer.reset(Duration::ZERO);
            timer.recv().unwrap();
            assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty), "one message for many resets");
            assert!(!timer.stop());
        }
    });
}

/// `TestWithCancelCause`: the first cause of each context counts, and goes down to those that had none yet.
#[test]
fn the_first_cause_counts_and_goes_down() {
    let cause = |context: &Context| context.cause().map(|cause| cause.to_string());
    let (parent, cancel_parent) = Context::background().with_cancel();
    let (child, cancel_child) = parent.with_cancel();
    let (grandchild, cancel_grandchild) = child.with_cancel();
    let (other, cancel_other) = parent.with_cancel();
    cancel_child.cancel_with("child");
    cancel_child.cancel_with("child again");
    cancel_grandchild.cancel_with("too late");
    assert_eq!((cause(&parent), cause(&other)), (None, None));
    cancel_parent.cancel_with("parent");
    cancel_other.cancel_with("too late");
    assert_eq!(cause(&parent).as_deref(), Some("parent"));
    assert_eq!(cause(&other).as_deref(), Some("parent"));
    assert_eq!((cause(&child).as_deref(), cause(&grandchild).as_deref()), (Some("child"), Some("child")));
    let (late, _) = grandchild.with_cancel();
    assert_eq!(cause(&late).as_deref(), Some("child"), "of an ancestor that had ended before");
    // Without a cause there is none, and none comes later.
    let (silent, cancel) = Context::background().with_cancel();
    cancel.cancel();
    cancel.cancel_with("too late");
    assert!(silent.err().unwrap().is_cancelled() && silent.cause().is_none());
}

/// `TestCauseRace`: whoever sees that it has ended sees why, and everybody the same.
#[test]
fn an_end_is_seen_with_its_cause() {
    everywhere("causes in a race", |place| {
        for _ in 0..100 {
            let (context, cancel) = Context::background().with_cancel();
            let cancel = Arc::new(cancel);
            let cancellers: Vec<_> = ["one", "two"]
                .map(|cause| {
                    let cancel = Arc::clone(&cancel);
                    place.spawn(move || cancel.cancel_with(cause))
                })
                .into_iter()
                .collect();
            let watchers: Vec<_> = (0..3)
                .map(|_| {
                    let context = context.clone();
                    place.spawn(move || {
                        place.until(|| context.is_done());
                        context.cause().expect("it is there with the end").to_string()
                    })
                })
                .collect();
            cancellers.into_iter().for_each(Task::join);
            let mut causes: Vec<_> = watchers.into_iter().map(Task::join).collect();
            causes.dedup();
            assert_eq!(causes, [context.cause().unwrap().to_string()]);
        }
    });
}

/// `TestSimultaneousCancels`: a tree of which each context is cancelled by somebody, all at once.
#[test]
fn a_tree_cancelled_everywhere_at_once_ends_everywhere() {
    everywhere("a tree at once", |place| {
        let (root, cancel) = Context::background().with_cancel();
        let (mut contexts, mut cancels): (Vec<Context>, Vec<Cancel>) = (vec![root], vec![cancel]);
        for number in 0..60 {
            let (context, cancel) = contexts[number / 3].with_cancel();
            contexts.push(context);
            cancels.push(cancel);
        }
        let tasks: Vec<_> = cancels.into_iter().map(|cancel| place.spawn(move || cancel.cancel())).collect();
        for context in &contexts {
            assert!(context.done().recv().is_err());
            assert!(context.err().unwrap().is_cancelled());
        }
        tasks.into_iter().for_each(Task::join);
    });
}

/// `TestInterlockedCancels`: two trees whose ends call for each other's; and a function that asks for what ends it.
#[test]
fn contexts_that_cancel_each_other_end() {
    in_runtimes("interlocked", |place| {
        for _ in 0..50 {
            let ((one, cancel_one), (other, cancel_other)) =
                (Context::background().with_cancel(), Context::background().with_cancel());
            let calls = Arc::new(AtomicUsize::new(0));
            for (context, cancel) in [(&one, cancel_other.clone()), (&other, cancel_one.clone())] {
                let (calls, own) = (Arc::clone(&calls), context.clone());
                context.after_func(move || {
                    assert!(own.is_done() && own.with_cancel().0.is_done());
                    cancel.cancel();
                    calls.fetch_add(1, Ordering::SeqCst);
                });
            }
            let both = [cancel_one, cancel_other].map(|cancel| place.spawn(move || cancel.cancel()));
            assert!(one.done().recv().is_err() && other.done().recv().is_err());
            both.into_iter().for_each(Task::join);
            place.until(|| calls.load(Ordering::SeqCst) == 2);
        }
    });
}
