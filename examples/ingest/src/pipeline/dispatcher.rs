//! The dispatcher: gathers jobs into batches, and gives each to a free worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use threadle::chan::Receiver;
use threadle::pool::Pool;

use super::batch::{Batch, Limits};
use super::job::Job;
use super::uploader::Uploader;

/// Runs until the job queue is closed and empty.
#[derive(Debug)]
pub struct Dispatcher {
    /// The job queue.
    pub jobs: Receiver<Job>,
    /// The workers, without a queue of their own.
    pub pool: Pool,
    /// What they do.
    pub uploader: Arc<Uploader>,
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
            // In the article: the job channel of a free worker, received from the pool channel.
            let Ok(worker) = self.pool.reserve() else {
                return; // closed because the drain time is over
            };
            if left_over.is_none() {
                left_over = self.top_up(&mut batch);
            }
            let uploader = Arc::clone(&self.uploader);
            if worker.submit(move || uploader.upload(batch)).is_err() {
                return;
            }
        }
        self.pool.close();
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
}
