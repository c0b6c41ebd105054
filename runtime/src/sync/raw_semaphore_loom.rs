//! Models of the semaphore: nobody sleeps beside permits that suffice, nobody gets what is not there, and who is served sees what those did
//! who released. R25 of the list of races: the counter against the list.

use std::sync::Arc;
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::thread;

use super::*;
use crate::base::fault::{Fault, check, step, with_fault};
use crate::base::{Ticket, doomed};
use crate::wait::Cancel;

struct World {
    semaphore: RawSemaphore,
    /// One for each permit: whoever holds all permits may touch all cells, and loom tells when two do.
    cells: Vec<UnsafeCell<usize>>,
}

// SAFETY: that the cells are touched by one thread at a time is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new(permits: usize, cells: usize) -> Arc<World> {
        let cells = (0..cells).map(|_| UnsafeCell::new(0)).collect();
        Arc::new(World { semaphore: RawSemaphore::new(permits), cells })
    }

    fn touch(&self, cell: usize) {
        // SAFETY: the caller believes that it may, and loom checks that.
        self.cells[cell].with_mut(|cell| unsafe { *cell += 1 });
    }

    fn acquire(&self, n: usize) {
        self.acquire_within(n, Limit::NONE).unwrap();
    }

    fn acquire_within(&self, n: usize, limit: Limit<'_>) -> Result<(), GaveUp> {
        step();
        self.semaphore.acquire(n, Reason::SemaphoreAcquire, limit, |_| ())
    }

    fn release(&self, n: usize) {
        step();
        self.semaphore.release(n, |_| ());
    }

    fn assert_settled(&self, permits: usize) {
        assert_eq!(self.semaphore.word.load(Ordering::Relaxed), permits * ONE, "{:?}", self.semaphore);
        assert!(lock(&self.semaphore.waiters).is_empty());
    }
}

fn spawn(world: &Arc<World>, f: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || f(&world))
}

/// One permit, three threads that want it.
fn one_permit(preemptions: usize) {
    check(preemptions, || {
        let world = World::new(1, 1);
        let user = |world: &World| {
            world.acquire(1);
            world.touch(0);
            world.release(1);
        };
        let others = [spawn(&world, user), spawn(&world, user)];
        user(&world);
        others.into_iter().for_each(|other| other.join().unwrap());
        world.assert_settled(1);
    });
}

#[test]
fn loom_semaphore_counter_against_list() {
    one_permit(2);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_semaphore_broken_queues_by_store() {
    with_fault(Fault::SemaphoreQueuesByStore, || one_permit(2));
}

/// Two releases, and one that waits for both: it sees what either did before.
fn wants_both(preemptions: usize) {
    check(preemptions, || {
        let world = World::new(0, 2);
        let releasers = [0, 1].map(|cell| {
            spawn(&world, move |world| {
                world.touch(cell);
                world.release(1);
            })
        });
        world.acquire(2);
        world.touch(0);
        world.touch(1);
        releasers.into_iter().for_each(|releaser| releaser.join().unwrap());
        world.assert_settled(0);
    });
}

#[test]
fn loom_semaphore_sees_all_releasers() {
    wants_both(3);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_semaphore_broken_grants_relaxed() {
    with_fault(Fault::SemaphoreGrantsRelaxed, || wants_both(3));
}

/// One in front that wants two and gives up, one behind that wants the one there is.
fn gives_up(preemptions: usize) {
    check(preemptions, || {
        let world = World::new(1, 1);
        let hasty = spawn(&world, |world| {
            assert_eq!(world.acquire_within(2, Limit::at(Instant::now())), Err(GaveUp::Deadline));
        });
        world.acquire(1);
        world.release(1);
        hasty.join().unwrap();
        world.assert_settled(1);
    });
}

#[test]
fn loom_semaphore_deadline_lets_those_behind_pass() {
    gives_up(3);
}

#[test]
#[should_panic(expected = "queued: true")]
fn loom_semaphore_broken_leaves_silently() {
    with_fault(Fault::SemaphoreLeavesSilently, || gives_up(3));
}

/// A release meets a deadline: the permit is either the waiter's or still there.
fn deadline_against_release(preemptions: usize) {
    check(preemptions, || {
        let world = World::new(0, 1);
        let releaser = spawn(&world, |world| world.release(1));
        let served = world.acquire_within(1, Limit::at(Instant::now())).is_ok();
        releaser.join().unwrap();
        world.assert_settled(usize::from(!served));
    });
}

#[test]
fn loom_semaphore_deadline_against_release() {
    deadline_against_release(3);
}

#[test]
#[should_panic(expected = "assertion `left == right` failed")]
fn loom_semaphore_broken_grants_the_gone() {
    with_fault(Fault::SemaphoreGrantsTheGone, || deadline_against_release(3));
}

/// One who wants two waits; another takes one and gives it back, over and over. What is free is kept for the first.
fn overtaking() {
    check(2, || {
        let world = World::new(1, 1);
        let wants_two = spawn(&world, |world| {
            world.acquire(2);
            world.touch(0);
        });
        // Until it waits.
        while !world.semaphore.is_queued() {
            thread::yield_now();
        }
        assert!(!world.semaphore.try_acquire(1), "it was overtaken");
        world.release(1);
        wants_two.join().unwrap();
        world.assert_settled(0);
    });
}

#[test]
fn loom_semaphore_nobody_overtakes() {
    overtaking();
}

#[test]
#[should_panic(expected = "it was overtaken")]
fn loom_semaphore_broken_overtakes() {
    with_fault(Fault::SemaphoreOvertakes, overtaking);
}

/// A context: cancelled once, wakes the one ticket that watches it.
#[derive(Default)]
struct Context {
    state: loom::sync::Mutex<(bool, Option<Ticket>)>,
}

impl Context {
    fn cancel(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        let ticket = state.1.take();
        drop(state);
        if let Some(ticket) = ticket {
            ticket.wake();
        }
    }
}

impl Cancel for Context {
    fn watch(&self, ticket: Ticket) -> bool {
        let mut state = self.state.lock().unwrap();
        if !state.0 {
            state.1 = Some(ticket);
        }
        !state.0
    }

    fn unwatch(&self, _: Ticket) {
        self.state.lock().unwrap().1 = None;
    }
}

/// A cancellation meets a release: both wake, one of them has won, and the waiter knows which.
#[test]
fn loom_semaphore_cancellation_against_release() {
    check(3, || {
        let world = World::new(0, 1);
        let context = Arc::new(Context::default());
        let releaser = spawn(&world, |world| world.release(1));
        let canceller = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                step();
                context.cancel();
            })
        };
        let ended = world.acquire_within(1, Limit::NONE.or_cancelled(&*context));
        assert!(matches!(ended, Ok(()) | Err(GaveUp::Cancelled)));
        releaser.join().unwrap();
        canceller.join().unwrap();
        world.assert_settled(usize::from(ended.is_err()));
    });
}

/// One is given its permits as its runtime ends, and never runs: they go to another, and back in the end.
fn served_and_gone() {
    check(2, || {
        let world = World::new(0, 0);
        let late = {
            let world = Arc::clone(&world);
            thread::spawn(move || doomed(|| world.acquire(2)))
        };
        while !world.semaphore.is_queued() {
            thread::yield_now();
        }
        let patient = spawn(&world, |world| {
            world.acquire(1);
            world.release(1);
        });
        world.release(2);
        patient.join().unwrap();
        assert!(late.join().unwrap().is_none());
        world.assert_settled(2);
    });
}

#[test]
fn loom_semaphore_served_and_gone() {
    served_and_gone();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_semaphore_broken_nothing_is_passed_on() {
    with_fault(Fault::NothingIsPassedOn, served_and_gone);
}
