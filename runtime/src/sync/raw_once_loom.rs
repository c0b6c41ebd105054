//! Models of `Once`: one initialiser at a time, those who come after see what it did, and one that fails leaves nobody waiting.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicUsize;
use loom::thread;

use super::*;
use crate::base::fault::{Fault, check, step, with_fault};

struct World {
    once: RawOnce,
    value: UnsafeCell<usize>,
    /// How many initialisers still fail.
    failures: AtomicUsize,
}

// SAFETY: that the value is written by one thread, before any reads it, is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new(failures: usize) -> Arc<World> {
        Arc::new(World { once: RawOnce::new(), value: UnsafeCell::new(0), failures: AtomicUsize::new(failures) })
    }

    /// Whether it is done, as far as this caller knows.
    fn call(&self) -> bool {
        step();
        if !self.once.is_done() {
            let called = self.once.call(Limit::NONE, || {
                step();
                if self.failures.load(Ordering::Relaxed) > 0 {
                    self.failures.fetch_sub(1, Ordering::Relaxed);
                    return false;
                }
                // SAFETY: it is the one initialiser, and loom checks that.
                self.value.with_mut(|value| unsafe { *value += 1 });
                true
            });
            called.unwrap();
        }
        let done = self.once.is_done();
        if done {
            self.look();
        }
        done
    }

    fn look(&self) {
        // SAFETY: it is done, and loom checks that nobody writes.
        assert_eq!(self.value.with(|value| unsafe { *value }), 1);
    }
}

fn spawn<T: 'static>(world: &Arc<World>, f: impl FnOnce(&World) -> T + 'static) -> thread::JoinHandle<T> {
    let world = Arc::clone(world);
    thread::spawn(move || f(&world))
}

fn three_call(preemptions: usize) {
    check(preemptions, || {
        let world = World::new(0);
        let others = [(); 2].map(|()| spawn(&world, World::call));
        assert!(world.call());
        for other in others {
            assert!(other.join().unwrap());
        }
        assert!(lock(&world.once.waiters).is_empty());
    });
}

#[test]
fn loom_once_three_callers() {
    three_call(2);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_once_broken_relaxed() {
    with_fault(Fault::OnceRelaxed, || three_call(3));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_once_broken_starts_by_store() {
    with_fault(Fault::OnceStartsByStore, || three_call(3));
}

/// The first initialiser fails: one of the others is the next, and whoever only waits is not woken in vain for good.
fn the_first_fails() {
    check(2, || {
        let world = World::new(1);
        let caller = spawn(&world, World::call);
        let waiter = spawn(&world, |world| {
            step();
            world.once.wait(Limit::NONE).unwrap();
            world.look();
        });
        let mine = world.call();
        let others = caller.join().unwrap();
        if !(mine || others) {
            unreachable!("only one initialiser fails");
        }
        waiter.join().unwrap();
        assert!(lock(&world.once.waiters).is_empty());
    });
}

#[test]
fn loom_once_a_failure_lets_the_next_try() {
    the_first_fails();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_once_broken_fails_silently() {
    with_fault(Fault::OncePanicsSilently, the_first_fails);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_once_broken_sleeps_beside_done() {
    with_fault(Fault::OnceSleepsBesideDone, the_first_fails);
}
