//! A batch: the jobs that become one object.

use threadle::chan::Sender;

use super::job::{Job, Outcome};

/// How large a batch may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most payloads.
    pub payloads: usize,
    /// Most bytes, newlines included. A single job may exceed it.
    pub bytes: usize,
}

/// Jobs gathered for one object.
#[derive(Debug)]
pub struct Batch {
    pub(crate) text: Vec<u8>,
    pub(crate) payloads: usize,
    pub(crate) waiting: Vec<Sender<Outcome>>,
    /// Of the payloads, those of jobs that were acknowledged when they were queued.
    pub(crate) promised: usize,
    limits: Limits,
}

impl Batch {
    /// A batch of one job. The job's buffer becomes the batch's.
    pub fn new(job: Job, limits: Limits) -> Self {
        let promised = job.promised();
        Self {
            text: job.share.text,
            payloads: job.share.payloads,
            waiting: Vec::from_iter(job.waiting),
            promised,
            limits,
        }
    }

    /// Adds a job if it fits, else gives it back.
    #[must_use = "a job that did not fit has to go into the next batch"]
    pub fn add(&mut self, job: Job) -> Option<Job> {
        let fits = self.payloads + job.share.payloads <= self.limits.payloads
            && self.text.len() + job.share.text.len() <= self.limits.bytes;
        if !fits {
            return Some(job);
        }
        self.promised += job.promised();
        self.text.extend_from_slice(&job.share.text);
        self.payloads += job.share.payloads;
        self.waiting.extend(job.waiting);
        None
    }

    /// Whether no further job can fit.
    pub fn is_full(&self) -> bool {
        self.payloads >= self.limits.payloads || self.text.len() >= self.limits.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Share;

    fn job(text: &str, payloads: usize) -> Job {
        Job::unwatched(Share { text: text.into(), payloads })
    }

    #[test]
    fn grows_to_its_limits() {
        let limits = Limits { payloads: 3, bytes: 10 };
        let mut batch = Batch::new(job("a\n", 1), limits);
        assert!(batch.add(job("b\n", 1)).is_none());
        assert!(!batch.is_full());
        let back = batch.add(job("c\nd\n", 2)).expect("too many payloads");
        assert_eq!(back.share.payloads, 2);
        let back = batch.add(job("too long\n", 1)).expect("too many bytes");
        assert_eq!(back.share.text, b"too long\n");
        assert!(batch.add(job("e\n", 1)).is_none());
        assert!(batch.is_full());
        assert_eq!((batch.text.as_slice(), batch.payloads), (&b"a\nb\ne\n"[..], 3));
    }

    #[test]
    fn one_large_job_is_a_batch() {
        let limits = Limits { payloads: 1, bytes: 4 };
        let batch = Batch::new(job("longer than that\n", 1), limits);
        assert!(batch.is_full());
    }
}
