//! The way of a job to a worker, and its end: "How it works" and "Closing" in the module are about this file.

use crate::base::faulty;
use crate::chan::{self, Receiver, Sender, TrySendError, Unsent};
use crate::wait::Limit;

/// Why there was no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// None was free, or none within the limit.
    Full,
    Closed,
}

/// Places, and the jobs of those who have one.
pub(super) struct Gate<J> {
    /// To send is to take a place.
    places: Sender<()>,
    /// To receive gives one back.
    taken: Receiver<()>,
    /// Has room for whoever has a place.
    jobs: Sender<J>,
    queue: Receiver<J>,
}

impl<J> Gate<J> {
    pub(super) fn new(places: usize) -> Gate<J> {
        let (places, taken) = chan::bounded(places);
        let (jobs, queue) = chan::unbounded();
        Gate { places, taken, jobs, queue }
    }

    /// Takes a place, waiting for one within a limit. Switches.
    #[track_caller]
    pub(super) fn take(&self, limit: Limit<'_>) -> Result<(), Refusal> {
        self.places.send_within((), limit).map_err(|unsent| match unsent {
            Unsent::GaveUp(()) => Refusal::Full,
            Unsent::Closed(()) => Refusal::Closed,
        })
    }

    /// Takes a place if one is free. Does not switch.
    pub(super) fn try_take(&self) -> Result<(), Refusal> {
        self.places.try_send(()).map_err(|error| match error {
            TrySendError::Full(()) => Refusal::Full,
            TrySendError::Disconnected(()) => Refusal::Closed,
        })
    }

    /// Gives a place back. Does not switch.
    pub(super) fn give_back(&self) {
        // Closed channels can be received from until they are empty, and this place is in there.
        let given = self.taken.try_recv();
        debug_assert!(given.is_ok(), "a place was given back that nobody had");
    }

    /// Queues a job of somebody who has a place, who keeps both if this is refused. Does not switch.
    pub(super) fn accept(&self, job: J) -> Result<(), J> {
        self.jobs.try_send(job).map_err(TrySendError::into_inner)
    }

    /// The next job for a worker, who gives the place back; `None`: there will be no more. Switches.
    pub(super) fn next(&self) -> Option<J> {
        self.queue.recv().ok()
    }

    /// How many jobs wait for a worker.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Refuses all that comes from now on. Does not switch.
    pub(super) fn close(&self) {
        self.places.close();
        if !faulty!(PoolSweepsOpen) {
            self.jobs.close();
        }
    }

    /// After `close`: takes out what no worker has begun, with `end`, and gives its places back. Nothing follows it. Does not switch.
    pub(super) fn sweep(&self, mut end: impl FnMut(J)) {
        while let Ok(job) = self.queue.try_recv() {
            end(job);
            self.give_back();
        }
        if faulty!(PoolSweepsOpen) {
            self.jobs.close();
        }
    }

    /// There is nobody left to receive: as after `close` and `sweep`. Does not switch.
    pub(super) fn end(&self, end: impl FnMut(J)) {
        if faulty!(PoolOutlivesItsWorkers) {
            return;
        }
        self.close();
        self.sweep(end);
    }
}

#[cfg(all(loom, test))]
#[path = "gate_loom.rs"]
mod loom_pool;
