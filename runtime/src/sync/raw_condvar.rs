//! The waiters of [`Condvar`](super::Condvar).
//!
//! # No notification is lost
//!
//! | who waits, with the mutex locked | who notifies |
//! |---|---|
//! | 1. found the condition false | 1. with the mutex locked: makes the condition true |
//! | 2. **queues, and says so in `waiting`** | 2. looks at `waiting`, takes the first one out of the list |
//! | 3. unlocks the mutex, parks | |
//!
//! The mutex orders the two. If the notifier had it first, the waiter's 1 sees the condition true. If the waiter had it first, it was queued
//! before it let the mutex go, and the notifier finds it. That the waiter may not sleep yet is the park's affair: a claim before the wait
//! lets it return at once. Go's tickets (a waiter takes a number, unlocks, and queues later) come to the same; here the place in the list is
//! the number.
//!
//! A notification goes to one who still waits, and to no other: one whose deadline has passed, or whose runtime is gone, cannot be claimed and
//! is passed over, so that `notify_one` always reaches somebody if there is anybody. Where the runtime goes after the claim and before the
//! waiter runs, the notification is passed on to the next.

use std::fmt;

use crate::base::atomic::{AtomicBool, Ordering};
use crate::base::{self, Parking, Reason, constructor, faulty, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{WaitList, Waiter};

pub(super) struct RawCondvar {
    /// Somebody is in the list. Changed under its lock; looked at without, by notifiers whom the user's mutex has ordered after the waiter.
    waiting: AtomicBool,
    waiters: base::Mutex<WaitList<()>>,
}

impl RawCondvar {
    constructor! {
        pub(super) fn new() -> Self {
            RawCondvar { waiting: AtomicBool::new(false), waiters: base::Mutex::new(WaitList::new()) }
        }
    }

    /// Queues, calls `unlock`, and waits to be notified. Where it must not wait (`no_switch`) it panics before it calls `unlock`.
    #[track_caller]
    pub(super) fn wait(&self, unlock: impl FnOnce(), limit: Limit<'_>) -> Result<(), GaveUp> {
        let mut waiters = lock(&self.waiters);
        let parking = Parking::open(Reason::CondvarWait);
        let node = Waiter::new(parking.ticket(), ());
        let mut unlock = Some(unlock);
        if faulty!(CondvarUnlocksFirst)
            && let Some(unlock) = unlock.take()
        {
            drop(waiters);
            unlock();
            waiters = lock(&self.waiters);
        }
        // SAFETY: the node is new; it stays in this frame until it is claimed, or `leave` removes it.
        unsafe { waiters.push_back(&node) };
        self.waiting.store(true, Ordering::Relaxed);
        drop(waiters);
        if let Some(unlock) = unlock {
            unlock();
        }
        let leave = || {
            let mut waiters = lock(&self.waiters);
            // SAFETY: linked into this list or into none.
            unsafe { waiters.remove(&node) };
            self.waiting.store(!waiters.is_empty(), Ordering::Relaxed);
        };
        // One more than there were notifications, where it was `notify_all`; which a waiter must expect.
        wait(parking, &node, limit, leave, || self.notify_one())
    }

    /// Wakes who has waited longest.
    pub(super) fn notify_one(&self) {
        if !self.waiting.load(Ordering::Relaxed) {
            return;
        }
        let mut waiters = lock(&self.waiters);
        let mut woken = None;
        while let Some(first) = waiters.pop() {
            woken = first.claim().ok();
            if woken.is_some() || faulty!(CondvarWakesTheGone) {
                break;
            }
        }
        self.waiting.store(!waiters.is_empty(), Ordering::Relaxed);
        drop(waiters);
        drop(woken);
    }

    /// Wakes everybody who waits now.
    pub(super) fn notify_all(&self) {
        if !self.waiting.load(Ordering::Relaxed) {
            return;
        }
        let mut waiters = lock(&self.waiters);
        let woken = waiters.claim_all();
        self.waiting.store(false, Ordering::Relaxed);
        drop(waiters);
        drop(woken);
    }
}

impl fmt::Debug for RawCondvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCondvar").field("waiting", &self.waiting.load(Ordering::Relaxed)).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "raw_condvar_loom.rs"]
mod loom_tests;
