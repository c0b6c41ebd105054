//! The bounded job queue between handlers and dispatcher.

use std::time::{Duration, Instant};

use threadle::chan::{self, Receiver, Sender};

use super::job::Job;
use crate::config::Overload;

/// The handlers' end of the queue.
#[derive(Debug)]
pub struct Queue {
    jobs: Sender<Job>,
    overload: Overload,
    wait: Duration,
}

/// The queue had no room, or is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Queue {
    /// A queue of `capacity` jobs (at least one), and its other end.
    pub fn new(capacity: usize, overload: Overload, wait: Duration) -> (Self, Receiver<Job>) {
        let (jobs, receiver) = chan::bounded(capacity.max(1));
        let queue = Self { jobs, overload, wait };
        (queue, receiver)
    }

    /// By when a request that arrives now must be queued.
    pub fn patience(&self) -> Option<Instant> {
        match self.overload {
            Overload::Wait => Some(Instant::now() + self.wait),
            Overload::Shed => None,
        }
    }

    /// Queues a job, waiting for room until `patience` (not at all if `None`).
    /// Switches goroutines where it waits.
    ///
    /// # Errors
    ///
    /// [`Full`] where there was no room in time.
    pub fn push(&self, job: Job, patience: Option<Instant>) -> Result<(), Full> {
        match patience {
            Some(deadline) => self.jobs.send_deadline(job, deadline).map_err(|_| Full),
            None => self.jobs.try_send(job).map_err(|_| Full),
        }
    }

    /// Jobs waiting now.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job waits now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes no more jobs; those inside can still be received.
    pub fn close(&self) {
        self.jobs.close();
    }
}
