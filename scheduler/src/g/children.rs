//! How many goroutines of a scope are not over, and who waits for the last: one word and a cell in the waiter's own frame.
//!
//! A goroutine is *over* when its closure and all that this captured are gone and, where nobody holds its handle, its result too: from then
//! on it touches nothing that it borrowed. That is earlier than its end ([`Completion`](super::completion::Completion)): it still has to
//! leave its stack.
//!
//! # Nobody is left waiting, and nobody comes too late
//!
//! The last goroutine frees the frame it counts down in. As soon as the count is zero the parent may be gone, word and cell with it; so who
//! counts down may look at the cell only if the parent cannot leave.
//!
//! | the parent | a goroutine that is over |
//! |---|---|
//! | 1. writes its waiter into the cell | 1. is done with all that it borrowed |
//! | 2. **CAS: sets `WAITS`, only while the count is not zero** | 2. **subtracts one** |
//! | 3. waits until it is woken; refused: leaves | 3. if that left zero and `WAITS`: takes the waiter out, and wakes it |
//!
//! Both bold steps change the one word. The CAS comes before the last subtraction: that one sees `WAITS`, and the parent, which leaves by being
//! woken alone, stays until the waiter has been read and woken. The last subtraction comes first: the CAS is refused, the parent leaves, and
//! the goroutine, which saw no `WAITS`, touches nothing any more. The subtractions are releases of one release sequence, so the parent sees
//! what all of them did, whichever was the last.
//!
//! No goroutine is added once the parent waits and the count is zero: only the scope's own closure, which is over by then, and its
//! goroutines, each of which counts, can add one.

use crate::sync::atomic::{AtomicUsize, Ordering::*};
use crate::sync::cell::UnsafeCell;
use crate::sync::faulty;
use std::fmt;
use std::panic::RefUnwindSafe;

const WAITS: usize = 1;
const ONE: usize = 2;

/// See the module. Generic over who is woken, so that the model can stand another in.
pub(crate) struct Children<W> {
    word: AtomicUsize,
    waiter: UnsafeCell<Option<W>>,
}

// SAFETY: the cell is the parent's until it sets WAITS, and then that of whoever counts down to zero.
unsafe impl<W: Send> Sync for Children<W> {}
// SAFETY: it owns a W and a word.
unsafe impl<W: Send> Send for Children<W> {}

// Nothing of a user's is in it, and a panic leaves no step half done.
impl<W> RefUnwindSafe for Children<W> {}

impl<W> Children<W> {
    pub(crate) fn new() -> Children<W> {
        Children { word: AtomicUsize::new(0), waiter: UnsafeCell::new(None) }
    }

    /// One more that is not over.
    pub(crate) fn add(&self) {
        // Relaxed: who adds is not over himself, or is the parent before it waits.
        self.word.fetch_add(ONE, Relaxed);
    }

    /// One is over. Whom to wake, if it was the last.
    ///
    /// # Safety
    /// `this` is valid, and the caller one of those that were added, each of which calls this once. Afterwards `this` may be gone.
    #[must_use]
    pub(crate) unsafe fn remove(this: *const Children<W>) -> Option<W> {
        let order = if faulty!(ChildOverRelaxed) { Relaxed } else { AcqRel };
        // SAFETY: valid until this subtraction, as the caller promises.
        let before = unsafe { (*this).word.fetch_sub(ONE, order) };
        if before != ONE | WAITS && !(faulty!(ChildAlwaysLooks) && before == ONE) {
            return None;
        }
        // SAFETY: WAITS was set: the parent leaves only when it is woken, which is our caller's next step, so the cell is there; it was
        // written before WAITS, and nobody else brings this count to zero.
        unsafe { (*this).waiter.with_mut(|cell| (*cell).take()) }
    }

    /// The parent, which adds no more, leaves word whom to wake. False: all are over. After true it must not leave before it was woken.
    ///
    /// # Safety
    /// Called by one thread at a time, and not after a call that has answered true.
    #[must_use]
    pub(crate) unsafe fn wait(&self, waiter: W) -> bool {
        // SAFETY: WAITS is clear, so nobody else looks at the cell.
        self.waiter.with_mut(|cell| unsafe { *cell = Some(waiter) });
        if faulty!(WaitForChildrenByStore) {
            let word = self.word.load(Acquire);
            self.word.store(word | WAITS, Release);
            return word >= ONE;
        }
        self.word.fetch_update(AcqRel, Acquire, |word| (word >= ONE).then_some(word | WAITS)).is_ok()
    }
}

impl<W> fmt::Debug for Children<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Relaxed);
        f.debug_struct("Children").field("count", &(word / ONE)).field("waited_for", &(word & WAITS != 0)).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "children_loom.rs"]
mod loom_tests;
