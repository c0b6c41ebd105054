//! Counters of what happened, and the one line that shutdown prints.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Running totals. Relaxed throughout: they are read for people, never to
/// decide anything.
#[derive(Debug, Default)]
pub struct Counters {
    requests: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    stored: AtomicU64,
    objects: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    owed: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stored(&self, payloads: usize, bytes: usize) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.stored.fetch_add(payloads as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody is about to be told that these payloads are kept.
    pub(crate) fn owe(&self, payloads: usize) {
        self.owed.fetch_add(payloads as u64, Ordering::Relaxed);
    }

    /// These are, or nobody was told after all.
    pub(crate) fn kept(&self, payloads: usize) {
        let less = |owed: u64| Some(owed.saturating_sub(payloads as u64));
        // Not below zero: they may have been given up a moment ago.
        let _never_refused = self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Nothing more is waited for: what is still owed counts as dropped, wherever it is (in the queue, in a batch, in a put that hangs, or
    /// gone with a worker's panic).
    pub(crate) fn give_up(&self) {
        let owed = self.owed.swap(0, Ordering::Relaxed);
        self.dropped.fetch_add(owed, Ordering::Relaxed);
    }

    /// The totals now.
    pub fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            requests: read(&self.requests),
            accepted: read(&self.accepted),
            refused: read(&self.refused),
            stored: read(&self.stored),
            objects: read(&self.objects),
            bytes: read(&self.bytes),
            retries: read(&self.retries),
            dropped: read(&self.dropped),
        }
    }
}

/// A reading of [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Whole POSTs received.
    pub requests: u64,
    /// Of these, answered with 200.
    pub accepted: u64,
    /// Of these, answered with 503.
    pub refused: u64,
    /// Payloads in the store.
    pub stored: u64,
    /// Objects they are in.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Attempts to store that were repeated.
    pub retries: u64,
    /// Payloads acknowledged as queued of which it was not known at the end that
    /// they are in the store. Always 0 where requests are acknowledged as stored.
    pub dropped: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, accepted, refused, stored, objects, bytes, retries, dropped } = self;
        write!(
            f,
            "{requests} requests, {accepted} accepted, {refused} refused; {stored} payloads in \
             {objects} objects, {bytes} bytes; {retries} retries, {dropped} dropped"
        )
    }
}
