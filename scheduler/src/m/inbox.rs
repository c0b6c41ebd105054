//! The inbox of an M: goroutines that started on it (bound mode) and have become ready, put there by whoever woke them.
//!
//! A Treiber stack of which all is taken at once, and turned round into the order of arrival. Taking all is what makes
//! it this simple: nobody ever compares against a link he read, so there is no ABA, and one element comes to pushing
//! one swap. Rejected: a ring, because an inbox has no bound (a million bound goroutines of one thread may be woken at
//! once) and its waker may not block; a lock, because a waker preempted under it would hold up the M.

use crate::injector::{Chain, Linked, element, pointer};
use crate::sync::atomic::{AtomicPtr, Ordering::*};
use crate::sync::faulty;
use std::fmt;
use std::ptr::null_mut;

/// Many put in, one takes out.
pub(crate) struct Inbox<T: Linked> {
    /// The newest; each links to the one before it, the oldest to null.
    newest: AtomicPtr<T>,
}

impl<T: Linked> Inbox<T> {
    pub(crate) fn new() -> Self {
        Self { newest: AtomicPtr::new(null_mut()) }
    }

    /// Puts `last` in. `true`: the inbox was empty, so this push is the one to see that the M comes: of each batch that
    /// [`take`](Self::take) returns, exactly one push reports it.
    #[inline]
    pub(crate) fn push(&self, last: &'static T) -> bool {
        // Release: the link, and what the element points to. Earlier pushes stay visible, since each push is a
        // read-modify-write.
        let order = if faulty!(InboxPushRelaxed) { Relaxed } else { Release };
        let mut before = self.newest.load(Relaxed);
        loop {
            last.link().store(before, Relaxed);
            match self.newest.compare_exchange_weak(before, pointer(last), order, Relaxed) {
                Ok(_) => return before.is_null(),
                Err(moved) => before = moved,
            }
        }
    }

    /// Takes all, oldest first. O(their number), so that a push is O(1).
    #[inline]
    pub(crate) fn take(&self) -> Chain<T> {
        if self.is_empty() { Chain::new() } else { self.take_slow() }
    }

    fn take_slow(&self) -> Chain<T> {
        let mut newest = if faulty!(InboxTakeByStore) {
            let newest = self.newest.load(Acquire);
            self.newest.store(null_mut(), Relaxed);
            newest
        } else {
            // Acquire: pairs with the release of every push in the batch.
            self.newest.swap(null_mut(), Acquire)
        };
        let mut batch = Chain::new();
        while !newest.is_null() {
            // SAFETY: not null, and put in by `push`: a `&'static T`.
            let taken = unsafe { element(newest) };
            newest = taken.link().load(Relaxed);
            batch.push_front(taken);
        }
        batch
    }

    /// Whether nothing waits here. After a fence it misses nothing whose pusher has passed its own fence.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.load(Relaxed).is_null()
    }
}

impl<T: Linked> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("empty", &self.is_empty()).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "inbox_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
#[path = "inbox_tests.rs"]
mod tests;
