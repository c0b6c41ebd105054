//! Models of the condition variable: a notification made after the mutex was unlocked is not slept through (R27 of the list of races), and
//! one that meets a deadline goes to somebody else.

use std::sync::Arc;
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::thread;

use super::super::raw_mutex::RawMutex;
use super::*;
use crate::base::doomed;
use crate::base::fault::{Fault, check, step, with_fault};

struct World {
    mutex: RawMutex,
    changed: RawCondvar,
    /// Guarded by the mutex: how many may go.
    free: UnsafeCell<usize>,
}

// SAFETY: that the cell is touched by one thread at a time is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World { mutex: RawMutex::new(), changed: RawCondvar::new(), free: UnsafeCell::new(0) })
    }

    fn locked<R>(&self, f: impl FnOnce(&mut usize) -> R) -> R {
        step();
        self.mutex.lock();
        // SAFETY: the mutex is locked, and loom checks that that suffices.
        let result = self.free.with_mut(|free| f(unsafe { &mut *free }));
        self.unlock();
        result
    }

    fn unlock(&self) {
        // SAFETY: called by who has locked it.
        unsafe { self.mutex.unlock() };
    }

    /// Takes one of those that are free, or waits for one. Whose deadline has passed takes none.
    fn take(&self, limit: Limit<'_>) -> bool {
        step();
        self.mutex.lock();
        let mut ended = Ok(());
        loop {
            // SAFETY: the mutex is locked.
            let taken = ended.is_ok()
                && self.free.with_mut(|free| unsafe {
                    let taken = *free > 0;
                    *free -= usize::from(taken);
                    taken
                });
            if taken || ended.is_err() {
                self.unlock();
                return taken;
            }
            ended = self.changed.wait(|| self.unlock(), limit);
            self.mutex.lock();
        }
    }

    fn assert_settled(&self) {
        assert!(lock(&self.changed.waiters).is_empty());
        assert!(!self.changed.waiting.load(Ordering::Relaxed));
    }
}

fn spawn<T: 'static>(world: &Arc<World>, f: impl FnOnce(&World) -> T + 'static) -> thread::JoinHandle<T> {
    let world = Arc::clone(world);
    thread::spawn(move || f(&world))
}

/// Notified after the unlock, so that nothing but the place in the list keeps the notification.
fn one_waits() {
    check(3, || {
        let world = World::new();
        let waiter = spawn(&world, |world| world.take(Limit::NONE));
        world.locked(|free| *free += 1);
        world.changed.notify_one();
        assert!(waiter.join().unwrap());
        world.assert_settled();
    });
}

#[test]
fn loom_condvar_wait_against_notify() {
    one_waits();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_condvar_broken_unlocks_first() {
    with_fault(Fault::CondvarUnlocksFirst, one_waits);
}

#[test]
fn loom_condvar_wait_against_notify_all() {
    check(3, || {
        let world = World::new();
        let waiters = [(); 2].map(|()| spawn(&world, |world| world.take(Limit::NONE)));
        world.locked(|free| *free += 2);
        world.changed.notify_all();
        for waiter in waiters {
            assert!(waiter.join().unwrap());
        }
        world.assert_settled();
    });
}

/// One gives up as the notification comes, another waits on: if there is one to take, it gets it.
fn one_gives_up() {
    check(3, || {
        let world = World::new();
        let hasty = spawn(&world, |world| world.take(Limit::at(Instant::now())));
        let patient = spawn(&world, |world| world.take(Limit::NONE));
        world.locked(|free| *free += 1);
        world.changed.notify_one();
        if hasty.join().unwrap() {
            // One more for the other.
            world.locked(|free| *free += 1);
            world.changed.notify_one();
        }
        assert!(patient.join().unwrap());
        world.assert_settled();
    });
}

#[test]
fn loom_condvar_deadline_against_notify() {
    one_gives_up();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_condvar_broken_wakes_the_gone() {
    with_fault(Fault::CondvarWakesTheGone, one_gives_up);
}

/// One is notified as its runtime ends, and never runs: another that waits is notified.
fn notified_and_gone() {
    check(2, || {
        let world = World::new();
        let late = spawn(&world, |world| doomed(|| world.take(Limit::NONE)));
        while !world.changed.waiting.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let patient = spawn(&world, |world| world.take(Limit::NONE));
        world.locked(|free| *free += 1);
        world.changed.notify_one();
        assert!(late.join().unwrap().is_none() && patient.join().unwrap());
        world.assert_settled();
    });
}

#[test]
fn loom_condvar_notified_and_gone() {
    notified_and_gone();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_condvar_broken_nothing_is_passed_on() {
    with_fault(Fault::NothingIsPassedOn, notified_and_gone);
}
