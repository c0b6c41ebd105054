//! The two words by which others reach the M that is blocked in the poll, or about to be.
//!
//! `pending` deduplicates interrupts (R12): only the caller that sets it rings the eventfd. mio's eventfd is
//! edge-triggered and never drained, so a zero-timeout poll eats the edge; `pending` stays set then, and the next
//! blocking poll tests it, after it has the right to poll and before it sleeps.
//!
//! `until` tells how long the poller sleeps (R13), so that an earlier timer interrupts it and a later one does not.
//!
//! ```text
//! adding a timer                              blocking poll
//! 1. publish the timer                        1. take the turn: `until` = looking
//! 2. fence                                    2. lock the poll, so that nobody eats an edge any more
//! 3. read `until`: looking or later =>        3. test and clear `pending`; was set => go round
//!    set `pending`; was clear => ring         4. fence
//!                                             5. read the timers, store `until`, sleep
//! ```
//! By the fences either the adder sees the turn of step 1, or step 5 sees the timer. If it sees the turn, it sets
//! `pending` before step 3, which then does not sleep, or after it, and rings: nobody can eat that edge since step 2.
//! An adder that finds `pending` set already rests on somebody whose edge is on its way or whose word step 3 sees;
//! and whoever clears the word reads the timers after that.

use crate::sync::{AtomicBool, AtomicU64, Ordering, fence};

/// Nobody is blocked in the poll, or about to be.
const NOBODY: u64 = u64::MAX;
/// Somebody took the turn and has not said how long it will sleep.
const LOOKING: u64 = u64::MAX - 1;
/// Sleeps without end.
const FOREVER: u64 = u64::MAX - 2;

/// What came of the wish that nobody sleep past a deadline.
#[must_use = "when nobody polls, somebody must be made to look at the timers"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blocked {
    /// Nobody is blocked in the poll, nor about to be: whoever blocks next reads the timers first. If nobody is
    /// searching either, wake somebody.
    Nobody,
    /// The poller wakes by itself before that deadline.
    InTime,
    /// The poller was interrupted, or somebody else's interrupt is on its way.
    Interrupted,
}

/// Nanoseconds since the poller was made; what is beyond five centuries is without end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(crate) const FOREVER: Nanos = Nanos(FOREVER);

    pub(crate) fn new(nanos: u64) -> Self {
        Nanos(nanos.min(FOREVER))
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Interrupt {
    pending: AtomicBool,
    until: AtomicU64,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        Interrupt { pending: AtomicBool::new(false), until: AtomicU64::new(NOBODY) }
    }

    /// Interrupts the blocked poll, or else the next one. Calls `ring` unless an interrupt is on its way already.
    pub(crate) fn raise(&self, ring: impl FnOnce()) {
        fence(Ordering::SeqCst);
        self.raise_fenced(ring);
    }

    fn raise_fenced(&self, ring: impl FnOnce()) {
        if self.pending.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            ring();
        }
    }

    /// Interrupts the poll if it may sleep past `deadline`.
    pub(crate) fn raise_if_later(&self, deadline: Nanos, ring: impl FnOnce()) -> Blocked {
        fence(Ordering::SeqCst);
        match self.until.load(Ordering::Acquire) {
            NOBODY => Blocked::Nobody,
            until if until <= deadline.0 => Blocked::InTime,
            _ => {
                self.raise_fenced(ring);
                Blocked::Interrupted
            }
        }
    }

    /// Takes the turn: one at a time blocks in the poll (R34).
    pub(crate) fn take_turn(&self) -> Option<Turn<'_>> {
        self.until
            .compare_exchange(NOBODY, LOOKING, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then(|| Turn { interrupt: self })
    }

    /// Whether somebody has the turn.
    pub(crate) fn is_taken(&self) -> bool {
        self.until.load(Ordering::Acquire) != NOBODY
    }
}

/// The right to be the one blocked poller. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    interrupt: &'a Interrupt,
}

impl Turn<'_> {
    /// True: an interrupt came, do not block. False: it may read the timers now, and then block.
    ///
    /// To be called while it holds the lock of the poll: before, an edge could still be eaten.
    #[must_use]
    pub(crate) fn is_interrupted(&self) -> bool {
        let pending = self.interrupt.pending.swap(false, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        pending
    }

    /// Says how long it will sleep, before it does.
    pub(crate) fn sleeps_until(&self, until: Nanos) {
        self.interrupt.until.store(until.0, Ordering::Release);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.interrupt.until.store(NOBODY, Ordering::Release);
    }
}

#[cfg(all(test, loom))]
#[path = "loom_interrupt.rs"]
mod loom_interrupt;
