//! Whether who finds a lock taken looks on for a moment before it queues.
//!
//! Looking on pays where the holder runs on another processor and is about to be done: a park, a wake-up and two switches take longer, and
//! the lock's line goes to and fro for each of them. Between two looks lies a pause, in which the holder's thread has the line for itself, and takes
//! and frees the lock a few dozen times.
//!
//! It is in vain where the holder is switched away, or takes its time inside. So nobody looks on while nobody else of its runtime runs; and who
//! has looked in vain says so: after [`TRIES`] in a row the next [`SKIPPED`] that come queue at once, then one looks again. A moment is some
//! 3 us, so a lock that is held for long costs each who waits for it some tenths of a microsecond.
//!
//! The count is a hint: an update that is lost is made up for by the next.
//!
//! The models of the locks do without. A look is a load of the word, checked by the CAS that follows, by one who is in no list and holds nothing. A
//! waiter that was woken owes it to the others to take the lock or to queue again; it may always have been late in that, and a look makes it later.

use crate::base::atomic::{AtomicU32, Ordering};
use crate::base::{constructor, others_run};

/// So often who waits looks again.
const LOOKS: u32 = 4;
/// So many pauses between two looks, as in Go: about 0.7 us on this decade's processors.
const PAUSES: u32 = 30;
const TRIES: u32 = 4;
const SKIPPED: u32 = 32;

pub(super) struct Looking {
    /// How many have looked in vain since one last did not, up to `TRIES` - 1; above that, `TRIES` - 1 and how many are yet to queue at once.
    vain: AtomicU32,
}

/// The looks of one who waits.
pub(super) struct Look<'a> {
    looking: &'a Looking,
    left: u32,
}

impl Looking {
    constructor! {
        pub(super) fn new() -> Self {
            Looking { vain: AtomicU32::new(0) }
        }
    }

    /// `None`: it does not pay.
    pub(super) fn begin(&self) -> Option<Look<'_>> {
        if cfg!(loom) {
            return None;
        }
        let vain = self.vain.load(Ordering::Relaxed);
        if vain >= TRIES {
            self.vain.store(vain - 1, Ordering::Relaxed);
            return None;
        }
        others_run().then_some(Look { looking: self, left: LOOKS })
    }

    fn was_in_vain(&self) {
        let vain = self.vain.load(Ordering::Relaxed) + 1;
        self.vain.store(if vain < TRIES { vain } else { TRIES - 1 + SKIPPED }, Ordering::Relaxed);
    }
}

impl Look<'_> {
    /// Waits a moment, and true: look again. False: that was all.
    pub(super) fn again(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.left == 0 {
            // Unless the last look finds it free (`paid`).
            self.looking.was_in_vain();
        }
        (0..PAUSES).for_each(|_| std::hint::spin_loop());
        true
    }

    /// The lock was taken.
    pub(super) fn paid(self) {
        if self.left < LOOKS && self.looking.vain.load(Ordering::Relaxed) != 0 {
            self.looking.vain.store(0, Ordering::Relaxed);
        }
    }
}
