//! Models of the reader-writer lock: readers and writers keep each other out, a writer that waits keeps later readers out, and one that gives
//! up or is gone keeps out nobody.

use std::sync::Arc;
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::thread;

use super::*;
use crate::base::doomed;
use crate::base::fault::{Fault, check, step, with_fault};

struct World {
    lock: RawRwLock,
    data: UnsafeCell<usize>,
}

// SAFETY: that the cell is not read and written at once is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World { lock: RawRwLock::new(), data: UnsafeCell::new(0) })
    }

    fn read(&self) -> usize {
        step();
        self.lock.read(Limit::NONE).unwrap();
        self.look()
    }

    fn look(&self) -> usize {
        // SAFETY: the caller believes that it holds the lock for reading, and loom checks that.
        let seen = self.data.with(|data| unsafe { *data });
        step();
        // SAFETY: as above.
        unsafe { self.lock.unlock_read() };
        seen
    }

    fn write(&self) {
        step();
        self.lock.write(Limit::NONE).unwrap();
        self.change();
    }

    fn change(&self) {
        // SAFETY: the caller believes that it holds the lock for writing, and loom checks that.
        self.data.with_mut(|data| unsafe { *data += 1 });
        step();
        // SAFETY: as above.
        unsafe { self.lock.unlock_write() };
    }

    fn assert_free(&self) {
        assert!(self.lock.try_write(), "{:?}", self.lock);
        self.change();
    }
}

fn spawn<T: 'static>(world: &Arc<World>, f: impl FnOnce(&World) -> T + 'static) -> thread::JoinHandle<T> {
    let world = Arc::clone(world);
    thread::spawn(move || f(&world))
}

#[test]
fn loom_rwlock_two_writers_and_a_reader() {
    check(2, || {
        let world = World::new();
        let writer = spawn(&world, World::write);
        let reader = spawn(&world, World::read);
        world.write();
        writer.join().unwrap();
        assert!(reader.join().unwrap() <= 2);
        world.assert_free();
    });
}

#[test]
fn loom_rwlock_two_readers_and_a_writer() {
    check(2, || {
        let world = World::new();
        let writer = spawn(&world, World::write);
        let reader = spawn(&world, World::read);
        world.read();
        writer.join().unwrap();
        assert!(reader.join().unwrap() <= 1);
        world.assert_free();
    });
}

/// A writer waits for one reader; another reader that comes then sees what the writer wrote.
fn writer_first() {
    check(2, || {
        let world = World::new();
        assert!(world.lock.try_read());
        let writer = spawn(&world, World::write);
        while !world.lock.permits.is_queued() {
            thread::yield_now();
        }
        assert!(!world.lock.try_read(), "a reader overtook the writer");
        let late = spawn(&world, World::read);
        assert_eq!(world.look(), 0);
        writer.join().unwrap();
        assert_eq!(late.join().unwrap(), 1);
        world.assert_free();
    });
}

#[test]
fn loom_rwlock_a_waiting_writer_comes_first() {
    writer_first();
}

#[test]
#[should_panic(expected = "a reader overtook the writer")]
fn loom_rwlock_broken_readers_overtake() {
    with_fault(Fault::SemaphoreOvertakes, writer_first);
}

/// A writer that gives up while a reader is inside: later readers and writers pass.
fn writer_gives_up() {
    check(2, || {
        let world = World::new();
        let hasty = spawn(&world, |world| {
            step();
            let locked = world.lock.write(Limit::at(Instant::now())).is_ok();
            if locked {
                world.change();
            }
        });
        let writer = spawn(&world, World::write);
        world.read();
        hasty.join().unwrap();
        writer.join().unwrap();
        world.assert_free();
    });
}

#[test]
fn loom_rwlock_deadline_of_a_writer() {
    writer_gives_up();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_rwlock_broken_keeps_the_gone() {
    with_fault(Fault::RwLockKeepsTheGone, writer_gives_up);
}

#[test]
fn loom_rwlock_downgrade_lets_no_writer_in_between() {
    check(2, || {
        let world = World::new();
        let writer = spawn(&world, World::write);
        step();
        world.lock.write(Limit::NONE).unwrap();
        // SAFETY: held for writing.
        let before = world.data.with_mut(|data| unsafe {
            *data += 10;
            *data
        });
        // SAFETY: held for writing.
        unsafe { world.lock.downgrade() };
        assert_eq!(world.look(), before);
        writer.join().unwrap();
        world.assert_free();
    });
}

/// A writer is served as its runtime ends, and never runs: it keeps out nobody.
#[test]
fn loom_rwlock_served_and_gone() {
    check(2, || {
        let world = World::new();
        world.lock.read(Limit::NONE).unwrap();
        let late = spawn(&world, |world| doomed(|| world.write()).is_some());
        let reader = spawn(&world, World::read);
        let seen = world.look();
        let written = late.join().unwrap();
        assert_eq!(seen, 0);
        assert!(reader.join().unwrap() <= usize::from(written));
        world.assert_free();
    });
}
