//! The counter of [`Semaphore`](super::Semaphore), and of the readers of `raw_rwlock.rs`: a word and a list of waiters, served in the order they
//! came. After Go's `x/sync/semaphore`, with the count outside the lock.
//!
//! # The word
//!
//! ```text
//!  63                                       1    0
//! +------------------------------------------+--------+
//! |          permits nobody holds            | QUEUED |
//! +------------------------------------------+--------+
//! ```
//!
//! `QUEUED` is set exactly while somebody is in the list, and is changed only under the list's lock. While it is set every change of the word is
//! made under that lock, too: nobody overtakes who waits, however few permits he wants. So a waiter for many permits is not starved by waiters
//! for one.
//!
//! # Nobody sleeps beside enough permits
//!
//! | who acquires | who releases |
//! |---|---|
//! | 1. locks the list | 1. CAS: adds, **only while `QUEUED` is not set** |
//! | 2. **CAS: sets `QUEUED`, only while the permits do not suffice** | 2. if it is set: locks the list, adds, serves from the front |
//! | 3. queues, unlocks the list, parks | |
//!
//! Both CAS the same word, so one comes first and the other sees it. (Go's semaphore has the two in two words, and a fence on either side.) With
//! `QUEUED` set, one of three things makes the waiter at the front servable, and each of them looks: permits are released; the one before it is
//! served or gives up; the one before it is gone with its runtime. The last makes no call; it is found out by the next release, and by
//! the next one who queues.
//!
//! # What a waiter sees
//!
//! A waiter is owed what every releaser before it did. One who takes permits by CAS acquires the word, which is a chain of
//! read-modify-writes back to all of them. For one who is served, the server acquires the word when it takes the permits out, and passes it
//! on by the claim.

use std::fmt;

use crate::base::atomic::{AtomicUsize, Ordering};
use crate::base::{self, Parking, Reason, Woken, constructor, faulty, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{Popped, WaitList, Waiter};

const QUEUED: usize = 1;
const ONE: usize = 2;

/// The most permits that a semaphore can have.
pub(super) const MAX: usize = usize::MAX >> 1;

pub(super) struct RawSemaphore {
    word: AtomicUsize,
    /// How many each of them wants.
    waiters: base::Mutex<WaitList<usize>>,
}

/// Told of each waiter that left the list without its permits, or never came to use them, and of how many it wanted; once, outside the lock. A
/// waiter that gave up tells of itself.
pub(super) trait PassedOver: Fn(usize) {}

impl<F: Fn(usize)> PassedOver for F {}

/// Those who were served, and those who were passed over; to be settled without the lock.
#[derive(Default)]
struct Served {
    /// Mostly there is one at most, and nothing is allocated.
    first: Option<Woken>,
    more: Vec<Woken>,
    gone: Vec<usize>,
}

impl Served {
    fn push(&mut self, woken: Woken) {
        match self.first {
            None => self.first = Some(woken),
            Some(_) => self.more.push(woken),
        }
    }

    fn settle(self, passed_over: impl PassedOver) {
        self.gone.into_iter().for_each(passed_over);
    }
}

impl RawSemaphore {
    constructor! {
        /// `permits` is at most [`MAX`].
        pub(super) fn new(permits: usize) -> Self {
            RawSemaphore { word: AtomicUsize::new(permits * ONE), waiters: base::Mutex::new(WaitList::new()) }
        }
    }

    /// How many permits nobody holds. Some may be set aside for one who waits for more.
    pub(super) fn available(&self) -> usize {
        self.word.load(Ordering::Relaxed) / ONE
    }

    /// Whether somebody waits.
    #[cfg(loom)]
    pub(super) fn is_queued(&self) -> bool {
        self.word.load(Ordering::Relaxed) & QUEUED != 0
    }

    #[inline]
    pub(super) fn try_acquire(&self, n: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while (word & QUEUED == 0 || faulty!(SemaphoreOvertakes)) && word / ONE >= n {
            match self.word.compare_exchange_weak(word, word - n * ONE, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Takes `n` permits, at most [`MAX`], after everybody who waits already. Does not heed a preemption unless it waits.
    #[inline]
    #[track_caller]
    pub(super) fn acquire(
        &self,
        n: usize,
        reason: Reason,
        limit: Limit<'_>,
        passed_over: impl PassedOver,
    ) -> Result<(), GaveUp> {
        if self.try_acquire(n) { Ok(()) } else { self.acquire_slow(n, reason, limit, passed_over) }
    }

    #[cold]
    #[track_caller]
    fn acquire_slow(
        &self,
        n: usize,
        reason: Reason,
        limit: Limit<'_>,
        passed_over: impl PassedOver,
    ) -> Result<(), GaveUp> {
        let mut waiters = lock(&self.waiters);
        let parking = Parking::open(reason);
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 {
            let (next, acquires) = if word / ONE >= n { (word - n * ONE, true) } else { (word | QUEUED, false) };
            if faulty!(SemaphoreQueuesByStore) && !acquires {
                self.word.store(next, Ordering::Relaxed);
                break;
            }
            let order = if acquires { Ordering::Acquire } else { Ordering::Relaxed };
            match self.word.compare_exchange(word, next, order, Ordering::Relaxed) {
                Ok(_) if acquires => return Ok(()),
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        let node = Waiter::new(parking.ticket(), n);
        // SAFETY: the node is new; it stays in this frame until it is claimed, or `leave` removes it.
        unsafe { waiters.push_back(&node) };
        // Perhaps all those before it are gone.
        let served = self.serve(&mut waiters);
        drop(waiters);
        served.settle(&passed_over);
        let pass_on = || {
            // Served, and never to run: as if it had released what it got, and then not been there.
            self.release(n, &passed_over);
            passed_over(n);
        };
        wait(parking, &node, limit, || self.leave(&node, n, &passed_over), pass_on)
    }

    /// Gives `n` permits back, or new ones.
    ///
    /// # Panics
    /// If there were more than [`MAX`].
    #[inline]
    #[track_caller]
    pub(super) fn release(&self, n: usize, passed_over: impl PassedOver) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 {
            let next = add(word, n);
            match self.word.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.release_slow(n, passed_over);
    }

    #[cold]
    #[track_caller]
    fn release_slow(&self, n: usize, passed_over: impl PassedOver) {
        let mut waiters = lock(&self.waiters);
        let mut word = self.word.load(Ordering::Relaxed);
        // The list may have emptied: then others change the word without the lock.
        while let Err(now) = self.word.compare_exchange(word, add(word, n), Ordering::Release, Ordering::Relaxed) {
            word = now;
        }
        let served = self.serve(&mut waiters);
        drop(waiters);
        served.settle(passed_over);
    }

    /// Gives permits to those at the front for whom they suffice. The caller holds the lock of `waiters`.
    fn serve(&self, waiters: &mut WaitList<usize>) -> Served {
        let mut served = Served::default();
        while let Some(&mut wanted) = waiters.front() {
            // With somebody in the list, `QUEUED` is set and nobody else changes the word.
            if self.available() < wanted {
                if !waiters.front_is_gone() {
                    return served;
                }
                let _: Option<Popped<'_, usize>> = waiters.pop();
                served.gone.push(wanted);
                continue;
            }
            let Some(first) = waiters.pop() else { unreachable!("it was at the front under this lock") };
            let order = if faulty!(SemaphoreGrantsRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
            self.word.fetch_sub(wanted * ONE, order);
            match first.claim() {
                Ok(woken) => served.push(woken),
                Err(_) => {
                    if !faulty!(SemaphoreGrantsTheGone) {
                        // Nothing to publish: these permits were not used.
                        self.word.fetch_add(wanted * ONE, Ordering::Relaxed);
                    }
                    served.gone.push(wanted);
                }
            }
        }
        self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        served
    }

    /// A waiter gives up. Those behind it may want less than it did.
    #[cold]
    fn leave(&self, node: &Waiter<usize>, wanted: usize, passed_over: &impl PassedOver) {
        let mut waiters = lock(&self.waiters);
        // SAFETY: linked into this list or into none.
        let was_waiting = unsafe { waiters.remove(node) };
        let served = if faulty!(SemaphoreLeavesSilently) { Served::default() } else { self.serve(&mut waiters) };
        drop(waiters);
        if was_waiting {
            passed_over(wanted);
        }
        served.settle(passed_over);
    }
}

/// The word with `n` permits more.
#[track_caller]
fn add(word: usize, n: usize) -> usize {
    match (word / ONE).checked_add(n) {
        Some(permits) if permits <= MAX => (permits * ONE) | (word & QUEUED),
        _ => panic!("a semaphore cannot have more than Semaphore::MAX_PERMITS permits"),
    }
}

impl fmt::Debug for RawSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Ordering::Relaxed);
        f.debug_struct("RawSemaphore").field("available", &(word / ONE)).field("queued", &(word & QUEUED != 0)).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "raw_semaphore_loom.rs"]
mod loom_tests;
