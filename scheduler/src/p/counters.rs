//! What happened on a P, counted by whoever holds it, summed up by `metrics`.

use std::sync::atomic::{AtomicU64, Ordering::*};

/// A number that one thread at a time writes and anybody reads: an increment is a load and a store, not a locked instruction.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn bump(&self) {
        self.add(1);
    }

    #[inline]
    pub(crate) fn add(&self, n: u64) {
        // Release: whoever reads that a goroutine has ended also reads that it was spawned.
        self.0.store(self.0.load(Relaxed) + n, Release);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Acquire)
    }
}

/// One P's counters; each is written by the holder only.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) spawned: Counter,
    pub(crate) finished: Counter,
    pub(crate) runs: Counter,
    pub(crate) parks: Counter,
    pub(crate) yields: Counter,
    pub(crate) preempted: Counter,
    pub(crate) stolen: Counter,
    pub(crate) steals: Counter,
    pub(crate) overflows: Counter,
    pub(crate) polls: Counter,
    pub(crate) poll_events: Counter,
    pub(crate) timers_fired: Counter,
    pub(crate) vigils: Counter,
}
