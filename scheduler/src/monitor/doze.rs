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
//! One of the two sees the other.
//!
//! A nap ends by itself, and what is left to the monitor meanwhile waits that long. But nobody is woken for what lies in a `runnext`: it is
//! the monitor that sees to it while some P idles, and its longest nap is a hundred times the promise. So a long nap is announced with care,
//! to both who can make it wrong:
//!
//! ```text
//! monitor                              g comes into a runnext               a P is let go
//! 1. state = naps                      1. runnext = g                       1. idle Ps + 1
//! 2. heavy fence                       2. light fence                       2. fence(SeqCst)
//! 3. a P idle, and a ring or runnext   3. naps? set the note                3. a runnext filled? as steps 2 and 3
//!    filled? nap but shortly                                                   of the push
//! ```
//!
//! Suppose that in the end the slot is filled, a P idles, and the monitor naps on. The pusher did not see the nap, so the monitor's step 3
//! saw the slot, and took it for harmless because it saw no idle P. Hence its fence came before that of the release, and the pusher's before
//! its own: the release saw the slot, and the nap, and set the note. The push is the hot side: its fence costs it nothing (`m/fence.rs`). A
//! short nap does without the heavy one, and may overlook a `runnext` for its length.
//!
//! So does a long one that begins while every P idles, with an ordinary fence in the place of the heavy one, and a look at the idle Ps behind it.
//! Who pushes holds a P. It took that after the monitor's look, or the monitor would not have found every P idle; whoever takes a P fences
//! (steps 1 and 2 of the first table), so the fence came after the monitor's, and what follows it, the push with its look, sees the nap.

use crate::m::fence;
use crate::sync::atomic::{self, AtomicU8, Ordering::*};
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

    /// A nap begins: steps 1 and, if it is a long one, 2; the look at what lies there is the caller's.
    pub(super) fn nap(&self, long: bool, all_idle: impl FnOnce() -> bool) {
        self.0.store(NAPS, Relaxed);
        if !long || faulty!(NapWithoutFence) {
            return;
        }
        if !faulty!(IdleNapWithoutFence) {
            atomic::fence(SeqCst);
        }
        if !all_idle() {
            fence::heavy();
        }
    }

    /// Steps 1 and 2; the look is the caller's.
    pub(super) fn deepen(&self) {
        self.0.store(DEEP, Relaxed);
        if !faulty!(DozeWithoutFence) {
            atomic::fence(SeqCst);
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
            atomic::fence(SeqCst);
        }
        self.0.load(Relaxed) == DEEP
    }

    /// Something is to be looked at before long: steps 2 and 3 of the push. True, to one caller for each sleep: set the note.
    #[inline]
    pub(super) fn cut_short(&self) -> bool {
        if !faulty!(PushWithoutFence) {
            fence::light();
        }
        self.0.load(Relaxed) != AWAKE && self.0.swap(AWAKE, AcqRel) != AWAKE
    }
}

#[cfg(all(test, loom))]
#[path = "doze_loom.rs"]
mod loom_tests;
