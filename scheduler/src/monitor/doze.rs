//! Whether the monitor sleeps and how deeply, in one word, so that those who give it something to do know whether to wake it.
//!
//! It sleeps for good when every P idles, and nothing wakes it but an M that takes a P, or somebody who leaves to it what nobody else looks
//! after (a goroutine without a stack, a P without a thread):
//!
//! ```text
//! monitor                                   an M takes a P, or something is left to the monitor
//! 1. state = deep                           1. idle Ps - 1 (a read-modify-write), or what is left
//! 2. fence(SeqCst)                          2. fence(SeqCst)
//! 3. all Ps idle, nothing left? sleep       3. deep? set the note
//! ```
//!
//! One of the two sees the other. A nap ends by itself: who cuts it short looks at the word without a fence, and what he misses is late by
//! a nap at most.

use crate::sync::atomic::{AtomicU8, Ordering::*, fence};
use crate::sync::faulty;

const AWAKE: u8 = 0;
/// A nap that is to be cut short if there is something to look at soon.
const NAPS: u8 = 1;
/// Asleep until somebody sets the note.
const DEEP: u8 = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Doze(AtomicU8);

impl Doze {
    pub(super) fn new() -> Doze {
        Doze(AtomicU8::new(AWAKE))
    }

    // The monitor's own.

    /// A nap begins.
    pub(super) fn nap(&self) {
        self.0.store(NAPS, Relaxed);
    }

    /// Steps 1 and 2; the look is the caller's.
    pub(super) fn deepen(&self) {
        self.0.store(DEEP, Relaxed);
        if !faulty!(DozeWithoutFence) {
            fence(SeqCst);
        }
    }

    /// Awake, of whichever sleep.
    pub(super) fn rise(&self) {
        self.0.store(AWAKE, Relaxed);
    }

    // Everybody else's.

    /// Steps 2 and 3. True: set the note.
    #[inline]
    pub(super) fn is_deep(&self) -> bool {
        if !faulty!(BusyWithoutFence) {
            fence(SeqCst);
        }
        self.0.load(Relaxed) == DEEP
    }

    /// Something is to be looked at before long. True, to one caller for each sleep: set the note.
    #[inline]
    pub(super) fn cut_short(&self) -> bool {
        self.0.load(Relaxed) != AWAKE && self.0.swap(AWAKE, AcqRel) != AWAKE
    }
}

#[cfg(all(test, loom))]
#[path = "doze_loom.rs"]
mod loom_tests;
