//! The end of a goroutine and the one handle that may join it: who reads the result, who drops it, who frees the memory.
//!
//! One word of bits, set by read-modify-writes as long as two may set them (`WAITER` may also be taken back), so each question has one answer:
//!
//! | bit       | set by, when | excludes |
//! |-----------|--------------|----------|
//! | READY     | the goroutine itself, on its own stack: a result is written that somebody must drop | |
//! | DONE      | the M's loop after the last switch, or the shutdown | set once |
//! | ABANDONED | together with DONE: the runtime ended first; there is no result | |
//! | NO_STACK  | together with DONE: it never ran | |
//! | DETACHED  | the handle's drop: nobody will ask | |
//! | WAITER    | the handle: the waiter cell is filled and belongs to whoever sets DONE | |
//!
//! `DONE` must come after the last switch (R38): a joiner that acts on it may recycle the goroutine's memory and its stack. It may not even
//! do so while the finisher still reads the waiter cell, so *finished* means `DONE` and not `WAITER`: the finisher takes the waiter out,
//! clears the bit, and touches the goroutine no more.
//!
//! Where one side is gone, the other has the word to itself and stores, which is half of what an end would cost else: the M that finds
//! `DETACHED`, or has found `WAITER`, whose handle waits for it to be cleared; and the handle that finds `DONE`. But for the shutdown: it swaps, so
//! it changes the word of that life only, and it asks for no more than the waiter. Where it is too late to be seen by such a store, `ABANDONED` is
//! lost, of a goroutine that has ended and whose handle is gone: nobody asks, and the shutdown touches that memory no more.
//!
//! The memory goes back to the slab by whoever comes last of finisher (`DONE`) and handle (`DETACHED`, or the joiner that took the result).
//! A result nobody wants is dropped by the goroutine where `DETACHED` came before `READY`, else by the handle: never on the M's loop, which
//! must not run user code.

use crate::sync::atomic::{AtomicU64, Ordering::*};
use crate::sync::cell::UnsafeCell;
use crate::sync::faulty;
use std::fmt;

const READY: u64 = 1;
const DONE: u64 = 1 << 1;
const ABANDONED: u64 = 1 << 2;
const NO_STACK: u64 = 1 << 3;
const DETACHED: u64 = 1 << 4;
const WAITER: u64 = 1 << 5;
/// The rest counts the lives of the memory, so that the shutdown of one runtime cannot end a goroutine of another in the same place.
const LIFE_SHIFT: u32 = 8;

/// One life of a goroutine's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Life(u64);

/// How a goroutine ended, as the finisher says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It ran; the result is there.
    Returned,
    /// The runtime ended before it did.
    Abandoned,
    /// It never got a stack.
    NoStack,
}

impl End {
    fn bits(self) -> u64 {
        match self {
            End::Returned => DONE,
            End::Abandoned => DONE | ABANDONED,
            End::NoStack => DONE | NO_STACK,
        }
    }
}

/// Outcome of [`Completion::returned`] and [`Completion::finish`].
#[must_use]
#[derive(Debug)]
pub(crate) struct Finish<W> {
    /// Whom to wake.
    pub(crate) waiter: Option<W>,
    /// Nobody holds the handle: the caller frees the memory.
    pub(crate) release: bool,
}

/// Outcome of [`Completion::detach`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Detach {
    /// It goes on without us.
    Running,
    /// There is a result: drop it, then call `detached`.
    DropResult,
    /// It has ended and left no result: the caller frees the memory unless it was abandoned.
    Release,
}

/// See the module's table.
pub(crate) struct Completion<W> {
    word: AtomicU64,
    waiter: UnsafeCell<Option<W>>,
}

// SAFETY: the cell is reached by one side at a time, as the WAITER bit says: the handle while it is clear, the finisher once it is set.
unsafe impl<W: Send> Sync for Completion<W> {}
// SAFETY: it owns a W and a word.
unsafe impl<W: Send> Send for Completion<W> {}

impl<W> Completion<W> {
    pub(crate) fn new() -> Completion<W> {
        Completion { word: AtomicU64::new(0), waiter: UnsafeCell::new(None) }
    }

    /// For a new life of the memory, by the only one who knows it; whose it is, is written before.
    pub(crate) fn reset(&self) {
        let life = self.word.load(Relaxed) >> LIFE_SHIFT;
        // Release: who reads this life, as a shutdown does, then sees whose it is.
        let order = if faulty!(ResetRelaxed) { Relaxed } else { Release };
        self.word.store((life + 1) << LIFE_SHIFT, order);
    }

    /// The goroutine wrote its result. True: nobody will ask for it, drop it here.
    #[must_use]
    pub(crate) fn ready(&self) -> bool {
        // Acquire: what the handle's holder did before he let it go. No READY then: it was for the handle.
        self.word.load(Acquire) & DETACHED != 0 || self.word.fetch_or(READY, AcqRel) & DETACHED != 0
    }

    /// Which life of the memory this is.
    pub(crate) fn life(&self) -> Life {
        Life(self.word.load(Acquire) >> LIFE_SHIFT)
    }

    /// Ends it, by the M whose goroutine has returned; else as `finish`.
    #[inline]
    pub(crate) fn returned(&self) -> Option<Finish<W>> {
        let mut word = self.word.load(Acquire);
        loop {
            if word & DONE != 0 {
                return None;
            }
            if word & DETACHED != 0 || faulty!(ReturnedByStore) {
                debug_assert!(word & WAITER == 0 || faulty!(ReturnedByStore), "{self:?} has a waiter and no handle");
                self.overwrite(word | DONE);
                return Some(Finish { waiter: None, release: word & DETACHED != 0 });
            }
            match self.word.compare_exchange_weak(word, word | DONE, AcqRel, Acquire) {
                Ok(_) => break,
                Err(seen) => word = seen,
            }
        }
        let mut waiter = None;
        if word & WAITER != 0 {
            // SAFETY: WAITER was set when we set DONE: the cell is ours until we clear it; the handle's write happened before (Acquire).
            waiter = unsafe { self.take_waiter() };
            // A store: the handle changes nothing as long as it sees DONE and WAITER, and a shutdown nothing that is DONE.
            self.overwrite((word | DONE) & !WAITER);
        }
        Some(Finish { waiter, release: false })
    }

    /// A store over whatever a shutdown may just have put there. Under loom a swap, whose answer is not looked at: loom lets a swap read what a
    /// store has overwritten already, which no coherent memory does.
    #[inline]
    fn overwrite(&self, word: u64) {
        if cfg!(loom) {
            let _over = self.word.swap(word, Release);
        } else {
            self.word.store(word, Release);
        }
    }

    /// Ends it, once: later calls change nothing and say `None`.
    pub(crate) fn finish(&self, end: End) -> Option<Finish<W>> {
        self.finish_in(self.life(), end)
    }

    /// As `finish`, by one who cannot know whether the memory serves another by now: only in that life.
    pub(crate) fn finish_in(&self, Life(life): Life, end: End) -> Option<Finish<W>> {
        let done = |word: u64| {
            let this = word >> LIFE_SHIFT == life || faulty!(FinishInAnyLife);
            (word & DONE == 0 && this).then_some(word | end.bits())
        };
        let before = if faulty!(FinishByStore) {
            let word = self.word.load(Acquire);
            self.word.store(done(word)?, Release);
            word
        } else {
            self.word.fetch_update(AcqRel, Acquire, done).ok()?
        };
        let mut waiter = None;
        if before & WAITER != 0 {
            // SAFETY: WAITER was set when we set DONE: the cell is ours until we clear it; the handle's write happened before (AcqRel).
            waiter = unsafe { self.take_waiter() };
            self.word.fetch_and(!WAITER, Release);
        }
        Some(Finish { waiter, release: before & DETACHED != 0 })
    }

    /// How it ended, once it has and its memory may be reused.
    pub(crate) fn end(&self) -> Option<End> {
        let word = self.word.load(Acquire);
        let finished = if faulty!(EndIgnoresWaiter) { word & DONE != 0 } else { word & (DONE | WAITER) == DONE };
        if !finished {
            return None;
        }
        Some(if word & ABANDONED != 0 {
            End::Abandoned
        } else if word & NO_STACK != 0 {
            End::NoStack
        } else {
            End::Returned
        })
    }

    /// The handle leaves word whom to wake, in place of the one before. False: it has ended (or is about to: ask [`Completion::end`]
    /// again); nobody will wake this waiter.
    #[must_use]
    pub(crate) fn wait(&self, waiter: W) -> bool {
        if !self.forget_waiter() {
            return false;
        }
        // SAFETY: WAITER is clear and DONE was not set with it: the finisher does not look at the cell; there is one handle.
        self.waiter.with_mut(|cell| unsafe { *cell = Some(waiter) });
        if self.word.fetch_or(WAITER, AcqRel) & DONE == 0 {
            return true;
        }
        // The finisher came in between and saw no waiter.
        // SAFETY: so the cell is the handle's still.
        let refused = unsafe { self.take_waiter() };
        self.word.fetch_and(!WAITER, Release);
        drop(refused);
        false
    }

    /// # Safety
    /// The cell belongs to the caller, as the module's table says.
    unsafe fn take_waiter(&self) -> Option<W> {
        // SAFETY: as demanded of the caller.
        self.waiter.with_mut(|cell| unsafe { (*cell).take() })
    }

    /// The handle takes the right to the cell back. False: the finisher has it already.
    fn forget_waiter(&self) -> bool {
        let word = self.word.load(Relaxed);
        if word & (WAITER | DONE) == 0 {
            return true;
        }
        self.word.fetch_update(AcqRel, Acquire, |word| (word & DONE == 0).then_some(word & !WAITER)).is_ok()
    }

    /// The handle goes. After `DropResult` the caller drops the result and calls [`Completion::detached`].
    pub(crate) fn detach(&self) -> Detach {
        let mut word = self.word.load(Acquire);
        if word & WAITER != 0 {
            if self.forget_waiter() && !faulty!(DetachLeavesWaiter) {
                // It would lie there until the memory serves another goroutine's joiner: a waker keeps its whole task alive.
                // SAFETY: the finisher does not look at the cell, and the handle, which may fill it, is ours.
                drop(unsafe { self.take_waiter() });
            }
            // From here on WAITER means that the finisher has it.
            word = self.word.load(Acquire);
        }
        loop {
            if word & DONE != 0 {
                if word & WAITER != 0 {
                    // The finisher is between two instructions of `finish`.
                    crate::sync::thread::yield_now();
                    word = self.word.load(Acquire);
                    continue;
                }
                return if word & (ABANDONED | NO_STACK) == 0 { Detach::DropResult } else { Detach::Release };
            }
            if word & READY != 0 {
                return Detach::DropResult;
            }
            if faulty!(DetachByStore) {
                self.word.store(word | DETACHED, Release);
                return Detach::Running;
            }
            match self.word.compare_exchange_weak(word, word | DETACHED, AcqRel, Acquire) {
                Ok(_) => return Detach::Running,
                Err(seen) => word = seen,
            }
        }
    }

    /// The handle took or dropped the result. True: the goroutine has ended, the caller frees the memory.
    #[must_use]
    pub(crate) fn detached(&self) -> bool {
        let mut before = self.word.load(Acquire);
        if before & DONE == 0 {
            before = self.word.fetch_or(DETACHED, AcqRel);
        }
        // `end` and `detach` have seen to that.
        debug_assert!(before & WAITER == 0, "{self:?} is freed while its waiter is looked at");
        before & DONE != 0
    }

    /// As `detached`, of a result that nobody asked for: the goroutine may have been abandoned after the result was there, and run on. Where it
    /// was, and `left_behind` says that its memory is not to be used again, nobody frees it.
    #[must_use]
    pub(crate) fn detached_unasked(&self, left_behind: impl FnOnce() -> bool) -> bool {
        if faulty!(AbandonedAskedFirst) {
            let abandoned = self.abandoned();
            return self.detached() && !(abandoned && left_behind());
        }
        // In this order: what has not ended when we go, ends without us.
        self.detached() && !(self.abandoned() && left_behind())
    }

    /// Whether the shutdown ended it; its memory must then stay as it is, for its stack is still there.
    pub(crate) fn abandoned(&self) -> bool {
        self.word.load(Acquire) & ABANDONED != 0
    }
}

impl<W> fmt::Debug for Completion<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Relaxed);
        let names = [
            (READY, "READY"),
            (DONE, "DONE"),
            (ABANDONED, "ABANDONED"),
            (NO_STACK, "NO_STACK"),
            (DETACHED, "DETACHED"),
            (WAITER, "WAITER"),
        ];
        f.debug_set().entries(names.iter().filter(|(bit, _)| word & bit != 0).map(|(_, name)| name)).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "completion_loom.rs"]
mod loom_tests;
