//! Models of a pool's end, over the real channels: each job that was accepted is run, or swept and counted; nothing begins after the sweep that it
//! did not see; every place is free again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};

use loom::thread;

use super::*;
use crate::base::fault::{Fault, check, step, with_fault};

/// What became of the jobs. Counted by std's atomics: they are no part of the model.
#[derive(Default)]
struct Tally {
    accepted: Count,
    refused: Count,
    ran: Count,
    swept: Count,
}

struct World {
    gate: Gate<u8>,
    tally: Tally,
}

impl World {
    fn new(places: usize) -> Arc<World> {
        Arc::new(World { gate: Gate::new(places), tally: Tally::default() })
    }

    fn spawn(self: &Arc<Self>, f: impl FnOnce(&World) + 'static) -> thread::JoinHandle<()> {
        let world = Arc::clone(self);
        thread::spawn(move || {
            step();
            f(&world);
        })
    }

    /// As `Pool::try_submit`.
    fn submit(&self) {
        if self.gate.try_take().is_err() {
            self.tally.refused.fetch_add(1, Relaxed);
            return;
        }
        step();
        match self.gate.accept(1) {
            Ok(()) => self.tally.accepted.fetch_add(1, Relaxed),
            Err(_) => {
                self.gate.give_back();
                self.tally.refused.fetch_add(1, Relaxed)
            }
        };
    }

    fn work(&self) {
        while self.gate.next().is_some() {
            self.tally.ran.fetch_add(1, Relaxed);
            self.gate.give_back();
        }
    }

    /// As a shutdown whose time is over.
    fn shut(&self) {
        self.gate.close();
        step();
        self.gate.sweep(|_| {
            self.tally.swept.fetch_add(1, Relaxed);
        });
    }

    fn assert_settled(&self, submitted: usize) {
        let Tally { accepted, refused, ran, swept } = &self.tally;
        let read = |count: &Count| count.load(Relaxed);
        assert_eq!(read(accepted) + read(refused), submitted);
        assert_eq!(read(accepted), read(ran) + read(swept), "a job was accepted and forgotten");
        assert_eq!((self.gate.waiting(), self.gate.taken.len()), (0, 0), "something is left behind");
    }
}

/// Every worker hangs: whatever was accepted is for the sweep.
fn nobody_works() {
    check(3, || {
        let world = World::new(2);
        let submitters = [world.spawn(World::submit), world.spawn(World::submit)];
        world.shut();
        submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
        world.assert_settled(2);
    });
}

#[test]
fn loom_pool_sweeps_all_that_was_accepted() {
    nobody_works();
}

#[test]
#[should_panic(expected = "accepted and forgotten")]
fn loom_pool_broken_sweeps_before_it_is_closed() {
    with_fault(Fault::PoolSweepsOpen, nobody_works);
}

/// The only worker ends without having begun (its runtime is over, or there is no stack for it) while somebody submits; nobody shuts the pool down,
/// or somebody does.
fn the_worker_is_lost(somebody_shuts_down: bool) {
    check(if somebody_shuts_down { 2 } else { 3 }, move || {
        let world = World::new(2);
        let mut threads = vec![world.spawn(World::submit)];
        threads.push(world.spawn(if somebody_shuts_down { World::shut } else { World::submit }));
        world.gate.end(|_| {
            world.tally.swept.fetch_add(1, Relaxed);
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        world.assert_settled(if somebody_shuts_down { 1 } else { 2 });
    });
}

#[test]
fn loom_pool_without_workers() {
    the_worker_is_lost(false);
}

#[test]
#[should_panic(expected = "accepted and forgotten")]
fn loom_pool_broken_outlives_its_workers() {
    with_fault(Fault::PoolOutlivesItsWorkers, || the_worker_is_lost(false));
}

/// The two sweeps meet.
#[test]
fn loom_pool_without_workers_is_shut_down() {
    the_worker_is_lost(true);
}

/// Somebody works: each job goes to the worker or to the sweep, and the worker ends.
#[test]
fn loom_pool_jobs_end_once() {
    check(2, || {
        let world = World::new(1);
        let threads = [world.spawn(World::work), world.spawn(World::submit)];
        world.shut();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        world.assert_settled(1);
    });
}

/// Without a sweep, the worker runs all that was accepted before it ends.
#[test]
fn loom_pool_workers_finish_what_was_accepted() {
    check(2, || {
        let world = World::new(1);
        let threads = [world.spawn(World::work), world.spawn(World::submit)];
        world.gate.close();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(world.tally.swept.load(Relaxed), 0);
        world.assert_settled(1);
    });
}
