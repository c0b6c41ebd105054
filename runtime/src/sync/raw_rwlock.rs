//! The lock of [`RwLock`](super::RwLock): a [`RawMutex`] among the writers, and a [`RawSemaphore`] of as many permits as there can be readers,
//! of which a reader takes one and a writer all.
//!
//! # Who waits for whom
//!
//! The semaphore serves in the order of arrival, and only the writer that holds the mutex ever asks it for all. So
//!
//! * a writer that waits blocks readers that come later: it waits for those that are inside, and no others;
//! * readers that came while a writer was inside are let in together when it leaves, before the next writer, since that one asks only
//!   once it has the mutex;
//! * writers among themselves barge, and are kept from starving, as on any mutex: between two of them without waiting readers there is as a rule
//!   no switch.
//!
//! This is what Go's RWMutex promises. A goroutine must not read twice at once: between the two a writer may have come.
//!
//! # A writer that is gone
//!
//! A writer waits for readers *holding the mutex*. Its runtime may end there, and then it unlocks nothing. Therefore the mutex belongs to the
//! writer's place in the semaphore's list: **whoever takes a writer out of the list unserved unlocks the mutex for it**, be it the one that
//! passes it over or the writer itself at its deadline. The list's lock makes that exactly one.

use std::fmt;

use super::raw_mutex::RawMutex;
use super::raw_semaphore::RawSemaphore;
use crate::base::{Reason, checkpoint, constructor, faulty};
use crate::wait::{GaveUp, Limit};
use crate::waiters::OnLeave;

/// How many can read at once; more wait.
#[cfg(not(loom))]
const READERS: usize = 1 << 40;
#[cfg(loom)]
const READERS: usize = 4;

pub(super) struct RawRwLock {
    /// Held by the writer that is inside or the next to be.
    writers: RawMutex,
    permits: RawSemaphore,
}

impl RawRwLock {
    constructor! {
        pub(super) fn new() -> Self {
            RawRwLock { writers: RawMutex::new(), permits: RawSemaphore::new(READERS) }
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn read(&self, limit: Limit<'_>) -> Result<(), GaveUp> {
        checkpoint();
        self.permits.acquire(1, Reason::RwLockRead, limit, |wanted| self.passed_over(wanted))
    }

    #[inline]
    pub(super) fn try_read(&self) -> bool {
        self.permits.try_acquire(1)
    }

    /// # Safety
    /// The caller holds the lock for reading, and gives that up.
    #[inline]
    pub(super) unsafe fn unlock_read(&self) {
        self.permits.release(1, |wanted| self.passed_over(wanted));
    }

    #[inline]
    #[track_caller]
    pub(super) fn write(&self, limit: Limit<'_>) -> Result<(), GaveUp> {
        self.writers.lock_within(limit)?;
        // Where it must not wait (`no_switch`), it panics before it has queued.
        // SAFETY: locked above.
        let unlock = OnLeave::new(|| unsafe { self.writers.unlock() });
        let acquired = self.permits.acquire(READERS, Reason::RwLockWrite, limit, |wanted| self.passed_over(wanted));
        // Served: it is ours. Given up: it has been unlocked by whoever took us out of the list.
        unlock.disarm();
        acquired
    }

    #[inline]
    pub(super) fn try_write(&self) -> bool {
        if !self.writers.try_lock() {
            return false;
        }
        let acquired = self.permits.try_acquire(READERS);
        if !acquired {
            // SAFETY: locked above, and not queued for the permits.
            unsafe { self.writers.unlock() };
        }
        acquired
    }

    /// # Safety
    /// The caller holds the lock for writing, and gives that up.
    #[inline]
    pub(super) unsafe fn unlock_write(&self) {
        // The readers first: the next writer must find them before it.
        self.permits.release(READERS, |wanted| self.passed_over(wanted));
        // SAFETY: a writer holds the mutex.
        unsafe { self.writers.unlock() };
    }

    /// # Safety
    /// The caller holds the lock for writing, and from now on for reading.
    #[inline]
    pub(super) unsafe fn downgrade(&self) {
        self.permits.release(READERS - 1, |wanted| self.passed_over(wanted));
        // SAFETY: a writer holds the mutex.
        unsafe { self.writers.unlock() };
    }

    /// Somebody left the semaphore's list without his permits; see above.
    fn passed_over(&self, wanted: usize) {
        if wanted == READERS && !faulty!(RwLockKeepsTheGone) {
            // SAFETY: it queued for all permits with the mutex locked, and is in the list no more; nobody else is told of it.
            unsafe { self.writers.unlock() };
        }
    }
}

impl fmt::Debug for RawRwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRwLock").field("writers", &self.writers).field("permits", &self.permits).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "raw_rwlock_loom.rs"]
mod loom_tests;
