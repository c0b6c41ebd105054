//! A job: payloads of one request that wait to be stored, and who to tell.

use threadle::chan::{self, Receiver, Sender};

use crate::payload::Share;

/// What became of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the store.
    Stored,
    /// The store did not take it.
    Failed,
}

/// Payloads of one request that go into one object.
#[derive(Debug)]
pub struct Job {
    pub(crate) share: Share,
    /// Nobody waits for a job that was acknowledged as queued.
    pub(crate) waiting: Option<Sender<Outcome>>,
}

impl Job {
    /// A job nobody waits for.
    pub fn unwatched(share: Share) -> Self {
        Self { share, waiting: None }
    }

    /// How many payloads are not watched: somebody was told that they are kept.
    pub(crate) fn promised(&self) -> usize {
        if self.waiting.is_some() { 0 } else { self.share.payloads }
    }
}

/// Tells the waiting handlers of stored or failed jobs.
pub(crate) fn settle(waiting: Vec<Sender<Outcome>>, outcome: Outcome) {
    for handler in waiting {
        // The channel has room for every job of its request; it can only be
        // closed, when the client and so its handler are gone.
        let _gone = handler.try_send(outcome);
    }
}

/// The outcomes of all jobs of one request.
#[derive(Debug)]
pub struct Pending {
    sender: Sender<Outcome>,
    receiver: Receiver<Outcome>,
    jobs: usize,
}

impl Pending {
    /// Room for the outcomes of `jobs` jobs.
    pub fn new(jobs: usize) -> Self {
        let (sender, receiver) = chan::bounded(jobs.max(1));
        Self { sender, receiver, jobs }
    }

    /// A job that is told of here.
    pub fn job(&self, share: Share) -> Job {
        Job { share, waiting: Some(self.sender.clone()) }
    }

    /// Waits until every job is settled. A job that was dropped unsettled
    /// counts as failed. Switches goroutines.
    pub fn wait(self) -> Outcome {
        let Self { sender, receiver, jobs } = self;
        // Or a dropped job would not disconnect the channel.
        drop(sender);
        for _ in 0..jobs {
            match receiver.recv() {
                Ok(Outcome::Stored) => {}
                Ok(Outcome::Failed) | Err(_) => return Outcome::Failed,
            }
        }
        Outcome::Stored
    }
}
