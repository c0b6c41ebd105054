//! Models of the end of a goroutine. Preemption bound 3; each explored to its end within 60 s.
//!
//! Stack and result are cells that loom lets one thread touch at a time. Whoever frees the memory begins its next life, with
//! another waiter in the cell: a finisher or handle of the old life that still touches anything is found out.

use super::*;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, atomic::AtomicUsize, thread};

/// The waiter of the next life.
const NEXT: u32 = 99;

/// Whose goroutine the memory serves: of the runtime that ends.
const OURS: usize = 1;
/// Of another.
const OTHERS: usize = 2;

struct World {
    completion: Completion<u32>,
    /// The goroutine's; whoever joins may recycle it.
    stack: UnsafeCell<usize>,
    /// How often the result was taken or dropped.
    result: UnsafeCell<usize>,
    freed: AtomicUsize,
    /// Whose goroutine the memory serves.
    owner: AtomicUsize,
}

// SAFETY: that the cells are touched by one thread at a time is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            completion: Completion::new(),
            stack: UnsafeCell::new(0),
            result: UnsafeCell::new(0),
            freed: AtomicUsize::new(0),
            owner: AtomicUsize::new(OURS),
        })
    }

    fn touch_stack(&self) {
        // SAFETY: the caller believes that the stack is its own, and loom checks that.
        self.stack.with_mut(|stack| unsafe { *stack += 1 });
    }

    fn consume_result(&self) {
        // SAFETY: the caller believes that the result is its own, and loom checks that.
        self.result.with_mut(|result| unsafe { *result += 1 });
    }

    /// The memory goes back to the slab, stack and all, and serves another goroutine.
    fn free(&self) {
        self.touch_stack();
        self.freed.fetch_add(1, Relaxed);
        // SAFETY: the caller believes that the memory is its own, and loom checks that.
        assert!(self.completion.waiter.with(|cell| unsafe { (*cell).is_none() }), "a waiter was left behind");
        self.owner.store(OTHERS, Relaxed);
        self.completion.reset();
        assert!(self.completion.wait(NEXT), "the shutdown ended another runtime's goroutine");
    }

    /// The goroutine ends, and its M's loop says so: after the last switch, unless `early`. Whom it wakes.
    fn end(&self, early: bool) -> Option<u32> {
        self.touch_stack();
        // SAFETY: nobody looks at the result before it is ready, and loom checks that.
        self.result.with_mut(|result| unsafe { *result = 0 });
        step();
        if self.completion.ready() {
            self.consume_result();
        }
        step();
        if !early {
            self.touch_stack();
        }
        let finish = self.completion.returned().expect("it ends once");
        if early {
            self.touch_stack();
        }
        if finish.release {
            self.free();
        }
        finish.waiter
    }

    /// The handle, once the goroutine has ended, takes the result.
    fn take(&self) {
        assert_eq!(self.completion.end(), Some(End::Returned));
        self.consume_result();
        if self.completion.detached() {
            self.free();
        }
    }

    /// The handle is dropped.
    fn drop_handle(&self) {
        match self.completion.detach() {
            Detach::Running => {}
            Detach::DropResult => {
                self.consume_result();
                if self.completion.detached() {
                    self.free();
                }
            }
            Detach::Release => panic!("there is a result"),
        }
    }

    fn assert_settled(&self) {
        assert_eq!(self.freed.load(Relaxed), 1, "freed by both, or by nobody");
        // SAFETY: all threads are joined.
        assert_eq!(self.result.with(|result| unsafe { *result }), 1, "the result was used twice, or never");
        let next = self.completion.finish(End::NoStack).expect("somebody ended the next life");
        assert_eq!((next.waiter, next.release), (Some(NEXT), false), "the next life was meddled with");
    }
}

fn finisher(world: &Arc<World>, early: bool) -> thread::JoinHandle<Option<u32>> {
    let world = world.clone();
    thread::spawn(move || world.end(early))
}

/// R38: a joiner leaves its waiter, twice (a future polled again), and takes the result when it is woken.
fn join(early: bool) {
    let world = World::new();
    let finisher = finisher(&world, early);
    // The waiter that is owed a wake: the last one, unless it was refused.
    let mut owed = None;
    for waiter in [1, 2] {
        step();
        if world.completion.end().is_some() {
            owed = None;
            break;
        }
        owed = world.completion.wait(waiter).then_some(waiter);
        if owed.is_none() {
            break;
        }
    }
    if owed.is_some() {
        assert_eq!(finisher.join().unwrap(), owed, "a waiter that nobody wakes");
        world.take();
    } else {
        while world.completion.end().is_none() {
            thread::yield_now();
        }
        world.take();
        // The finisher may have taken out the first waiter before the second came: a wake too many does no harm.
        let earlier = finisher.join().unwrap();
        assert!(matches!(earlier, None | Some(1)), "the refused one was woken");
    }
    world.assert_settled();
}

#[test]
fn loom_completion_join() {
    check(3, || join(false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_completion_broken_done_before_the_last_switch() {
    check(3, || join(true));
}

#[test]
#[should_panic(expected = "a waiter that nobody wakes")]
fn loom_completion_broken_returned_by_store() {
    with_fault(Fault::ReturnedByStore, || check(3, || join(false)));
}

/// A joiner leaves its waiter once, then looks by itself (`is_finished`) until it may take the result.
fn found_ended() {
    let world = World::new();
    let finisher = finisher(&world, false);
    let waits = world.completion.wait(1);
    while world.completion.end().is_none() {
        thread::yield_now();
    }
    world.take();
    assert_eq!(finisher.join().unwrap(), waits.then_some(1), "woken exactly if it waited");
    world.assert_settled();
}

#[test]
fn loom_completion_found_ended() {
    check(3, found_ended);
}

#[test]
#[cfg_attr(debug_assertions, should_panic(expected = "is freed while its waiter is looked at"))]
#[cfg_attr(not(debug_assertions), should_panic(expected = "Causality violation"))]
fn loom_completion_broken_end_ignores_waiter() {
    with_fault(Fault::EndIgnoresWaiter, || check(3, found_ended));
}

/// The handle is dropped, with a waiter left behind or without: one side drops the result, one side frees the memory, and
/// no waiter stays in it.
fn detach(waits: bool) {
    let world = World::new();
    let finisher = finisher(&world, false);
    let waited = waits && world.completion.wait(1);
    step();
    world.drop_handle();
    let woken = finisher.join().unwrap();
    assert!(waited || woken.is_none());
    world.assert_settled();
}

#[test]
fn loom_completion_detach() {
    check(3, || detach(false));
}

#[test]
fn loom_completion_detach_with_a_waiter() {
    check(3, || detach(true));
}

#[test]
#[should_panic(expected = "freed by both, or by nobody")]
fn loom_completion_broken_detach_by_store() {
    with_fault(Fault::DetachByStore, || check(3, || detach(false)));
}

#[test]
#[should_panic(expected = "a waiter was left behind")]
fn loom_completion_broken_detach_leaves_waiter() {
    with_fault(Fault::DetachLeavesWaiter, || check(3, || detach(true)));
}

/// The shutdown and the goroutine's own end: it ends once, in one way, and a waiter is woken once.
fn abandoned_or_returned() {
    let world = World::new();
    let waits = world.completion.wait(1);
    assert!(waits);
    let ends = [End::Returned, End::Abandoned].map(|end| {
        let world = world.clone();
        thread::spawn(move || {
            step();
            let finish = match end {
                End::Returned => world.completion.returned(),
                _ => world.completion.finish(end),
            };
            finish.map(|finish| finish.waiter)
        })
    });
    let ends = ends.map(|end| end.join().unwrap());
    assert_eq!(ends.iter().flatten().collect::<Vec<_>>(), [&Some(1)]);
    let how = if ends[0].is_some() { End::Returned } else { End::Abandoned };
    assert_eq!(world.completion.end(), Some(how));
}

#[test]
fn loom_completion_abandoned_or_returned() {
    check(3, abandoned_or_returned);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_completion_broken_finish_by_store() {
    with_fault(Fault::FinishByStore, || check(3, abandoned_or_returned));
}

/// As the shutdown does: looks whose it is, and ends it if it is ours.
fn abandon_ours(completion: &Completion<u32>, owner: &AtomicUsize) -> Option<Finish<u32>> {
    step();
    let life = completion.life();
    step();
    if owner.load(Relaxed) == OURS { completion.finish_in(life, End::Abandoned) } else { None }
}

/// A shutdown ends what it takes for a goroutine of its runtime, while that ends by itself, and its memory goes to another
/// runtime's: that one goes on.
fn shutdown_and_next_life() {
    let world = Arc::new((Completion::new(), AtomicUsize::new(OURS)));
    let shutdown = {
        let world = world.clone();
        thread::spawn(move || abandon_ours(&world.0, &world.1).is_some())
    };
    let (completion, owner) = &*world;
    step();
    let returned = completion.returned();
    if returned.is_some() {
        assert!(completion.detached());
        step();
        owner.store(OTHERS, Relaxed);
        completion.reset();
        assert!(completion.wait(NEXT), "the shutdown ended another runtime's goroutine");
    }
    let abandoned = shutdown.join().unwrap();
    assert!(abandoned != returned.is_some(), "it ends once, in one way");
    if returned.is_some() {
        let next = completion.finish(End::Returned).expect("the shutdown ended another runtime's goroutine");
        assert_eq!(next.waiter, Some(NEXT));
    }
}

#[test]
fn loom_completion_shutdown_and_next_life() {
    check(3, shutdown_and_next_life);
}

#[test]
#[should_panic(expected = "it ends once, in one way")]
fn loom_completion_broken_finish_in_any_life() {
    with_fault(Fault::FinishInAnyLife, || check(3, shutdown_and_next_life));
}

#[test]
#[should_panic(expected = "it ends once, in one way")]
fn loom_completion_broken_reset_relaxed() {
    with_fault(Fault::ResetRelaxed, || check(3, shutdown_and_next_life));
}

/// As above, where the handle is gone: the goroutine's end is a store, which the shutdown may come in front of, in between, or behind.
fn shutdown_and_next_life_of_a_detached() {
    let world = Arc::new((Completion::new(), AtomicUsize::new(OURS)));
    let (completion, owner) = &*world;
    assert_eq!(completion.detach(), Detach::Running);
    let shutdown = {
        let world = world.clone();
        thread::spawn(move || {
            if let Some(finish) = abandon_ours(&world.0, &world.1) {
                assert_eq!(finish.waiter, None, "the shutdown has the next life's waiter");
            }
        })
    };
    step();
    let returned = completion.returned();
    if let Some(finish) = &returned {
        assert!(finish.release && finish.waiter.is_none());
        step();
        owner.store(OTHERS, Relaxed);
        completion.reset();
        assert!(completion.wait(NEXT), "the shutdown ended another runtime's goroutine");
    }
    shutdown.join().unwrap();
    if returned.is_some() {
        let next = completion.finish(End::Returned).expect("the shutdown ended another runtime's goroutine");
        assert_eq!((next.waiter, next.release), (Some(NEXT), false));
    } else {
        assert_eq!(completion.end(), Some(End::Abandoned));
    }
}

#[test]
fn loom_completion_shutdown_and_next_life_of_a_detached() {
    check(3, shutdown_and_next_life_of_a_detached);
}

#[test]
#[should_panic(expected = "the shutdown")]
fn loom_completion_broken_finish_in_any_life_of_a_detached() {
    with_fault(Fault::FinishInAnyLife, || check(3, shutdown_and_next_life_of_a_detached));
}

#[test]
#[should_panic(expected = "freed by both, or by nobody")]
fn loom_completion_broken_returned_by_store_of_a_detached() {
    with_fault(Fault::ReturnedByStore, || check(3, || detach(false)));
}

/// The handle is dropped while the goroutine ends, and its runtime too: with a waiter left behind (`waits`) or without. Who is abandoned keeps
/// stack and memory, and may run on; else one side drops the result and one frees the memory, as ever. `started`: so it is taken for, at the last.
fn dropped_beside_a_shutdown(waits: bool, started: bool) {
    let world = World::new();
    let waited = waits && world.completion.wait(1);
    let goroutine = {
        let world = world.clone();
        thread::spawn(move || {
            // SAFETY: nobody looks at the result before it is ready, and loom checks that.
            world.result.with_mut(|result| unsafe { *result = 0 });
            if world.completion.ready() {
                world.consume_result();
            }
            step();
            world.touch_stack();
            let finish = world.completion.returned()?;
            if finish.release {
                world.free();
            }
            Some(finish.waiter)
        })
    };
    let shutdown = {
        let world = world.clone();
        thread::spawn(move || abandon_ours(&world.completion, &world.owner).map(|finish| finish.waiter))
    };
    // `Join::drop`.
    let went = world.completion.detach();
    if went == Detach::DropResult {
        world.consume_result();
        if world.completion.detached_unasked(|| started) {
            world.free();
        }
    }
    let woken = [goroutine.join().unwrap(), shutdown.join().unwrap()];
    let waiters: Vec<u32> = woken.into_iter().flatten().flatten().collect();
    assert!(waiters.is_empty() || (waited && waiters == [1]), "the shutdown, or the end, has woken {waiters:?}");
    if woken[0].is_some() {
        return world.assert_settled();
    }
    assert_eq!(world.freed.load(Relaxed), 0, "abandoned, and freed");
    assert_eq!(world.completion.end(), Some(End::Abandoned));
    // Where the handle went first the goroutine drops its result; where the goroutine was abandoned first it keeps it.
    let dropped = usize::from(went != Detach::Release);
    // SAFETY: all threads are joined.
    assert_eq!(world.result.with(|result| unsafe { *result }), dropped, "{went:?}");
}

#[test]
fn loom_completion_dropped_beside_a_shutdown() {
    check(3, || dropped_beside_a_shutdown(false, true));
}

#[test]
fn loom_completion_dropped_with_a_waiter_beside_a_shutdown() {
    check(2, || dropped_beside_a_shutdown(true, true));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_completion_broken_drop_frees_an_abandoned_one() {
    check(3, || dropped_beside_a_shutdown(false, false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_completion_broken_abandoned_asked_first() {
    with_fault(Fault::AbandonedAskedFirst, || check(3, || dropped_beside_a_shutdown(false, true)));
}

#[test]
#[should_panic(expected = "the shutdown")]
fn loom_completion_broken_finish_in_any_life_beside_a_drop() {
    with_fault(Fault::FinishInAnyLife, || check(3, || dropped_beside_a_shutdown(false, true)));
}
