//! The dispatcher: gathers jobs into batches, and gives each to a free worker.

use std::time::{Duration, Instant};

use threadle::chan::{Receiver, Sender};

use super::batch::{Batch, Limits};
use super::job::Job;

/// The pool channel carries the job channels of free workers.
pub type FreeWorker = Sender<Batch>;

/// Runs until the job queue is closed and empty.
#[derive(Debug)]
pub struct Dispatcher {
    /// The job queue.
    pub jobs: Receiver<Job>,
    /// Receives the channels of free workers.
    pub free: Receiver<FreeWorker>,
    /// How large a batch may grow.
    pub limits: Limits,
    /// How long a batch waits for more jobs, counted from its first.
    pub linger: Duration,
}

impl Dispatcher {
    /// The dispatcher's goroutine.
    ///
    /// A batch stays open until it is full or its linger time is over, and as
    /// long as no worker is free. What it has no room for begins the next one.
    pub fn run(self) {
        let mut left_over = None;
        while let Some(first) = left_over.take().or_else(|| self.jobs.recv().ok()) {
            let mut batch = Batch::new(first, self.limits);
            left_over = self.gather(&mut batch);
            // Workers end only when the pool is closed, below, or by a panic.
            let Ok(mut worker) = self.free.recv() else {
                return;
            };
            if left_over.is_none() {
                left_over = self.top_up(&mut batch);
            }
            // A free worker's channel has room for one batch; if it is closed
            // all the same, its worker has died and another one must do.
            while let Err(refused) = worker.send(batch) {
                batch = refused.into_inner();
                match self.free.recv() {
                    Ok(other) => worker = other,
                    Err(_) => return,
                }
            }
        }
        self.release_workers();
    }

    /// Waits for more jobs, for the linger time at most.
    fn gather(&self, batch: &mut Batch) -> Option<Job> {
        let deadline = Instant::now() + self.linger;
        while !batch.is_full() {
            match self.jobs.recv_deadline(deadline) {
                Ok(job) => {
                    if let Some(job) = batch.add(job) {
                        return Some(job);
                    }
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// Takes what has queued up while no worker was free.
    fn top_up(&self, batch: &mut Batch) -> Option<Job> {
        while !batch.is_full() {
            match self.jobs.try_recv() {
                Ok(job) => {
                    if let Some(job) = batch.add(job) {
                        return Some(job);
                    }
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// Closes the pool, and the channels of the workers waiting in it.
    fn release_workers(&self) {
        self.free.close();
        while let Ok(worker) = self.free.recv() {
            worker.close();
        }
    }
}
