//! The state of [`Once`](super::Once) and [`OnceLock`](super::OnceLock).
//!
//! | state | means | leaves it |
//! |---|---|---|
//! | `NEW` | nobody has begun, or who had has panicked | to `RUNNING`, by the caller whose initialiser runs |
//! | `RUNNING` | one initialiser runs; callers queue | to `DONE` or, if it panics, to `NEW`, by that caller, who wakes all |
//! | `DONE` | it has returned | never |
//!
//! Changes are made under the list's lock, so that whoever queues under it, having seen a state that is not `DONE`, is in the list when the
//! change comes. After it all are woken and look again: after a panic each of them wants to be the next, and the one that was woken first might be
//! gone with its runtime before it runs. Whether it is done is also asked without the lock: `DONE` is stored with release and loaded with acquire.

use std::fmt;

use crate::base::atomic::{AtomicU8, Ordering};
use crate::base::{self, Parking, Reason, constructor, faulty, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{WaitList, Waiter};

const NEW: u8 = 0;
const RUNNING: u8 = 1;
const DONE: u8 = 2;

pub(super) struct RawOnce {
    state: AtomicU8,
    waiters: base::Mutex<WaitList<()>>,
}

impl RawOnce {
    constructor! {
        pub(super) fn new() -> Self {
            RawOnce { state: AtomicU8::new(NEW), waiters: base::Mutex::new(WaitList::new()) }
        }
    }

    constructor! {
        pub(super) fn new_done() -> Self {
            RawOnce { state: AtomicU8::new(DONE), waiters: base::Mutex::new(WaitList::new()) }
        }
    }

    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Runs `f` unless it is done, or waits, within a limit, for who runs one. `f` says whether it is done now; it is not if `f` panics.
    #[cold]
    #[track_caller]
    pub(super) fn call(&self, limit: Limit<'_>, f: impl FnOnce() -> bool) -> Result<(), GaveUp> {
        loop {
            if self.begin() {
                break;
            }
            self.wait_for_end(true, limit)?;
            if self.is_done() {
                return Ok(());
            }
        }
        let mut end = End { once: self, state: NEW };
        if f() {
            end.state = DONE;
        }
        Ok(())
    }

    /// Waits until it is done, by whomever.
    #[track_caller]
    pub(super) fn wait(&self, limit: Limit<'_>) -> Result<(), GaveUp> {
        while !self.is_done() {
            self.wait_for_end(false, limit)?;
        }
        Ok(())
    }

    /// Whether the caller is now the one whose initialiser runs.
    fn begin(&self) -> bool {
        if faulty!(OnceStartsByStore) {
            let new = self.state.load(Ordering::Relaxed) == NEW;
            if new {
                self.state.store(RUNNING, Ordering::Relaxed);
            }
            return new;
        }
        let _waiters = lock(&self.waiters);
        let new = self.state.load(Ordering::Relaxed) == NEW;
        if new {
            self.state.store(RUNNING, Ordering::Relaxed);
        }
        new
    }

    /// Waits for one end of an initialiser, unless it is done already or, if so wanted, none runs.
    #[track_caller]
    fn wait_for_end(&self, only_if_running: bool, limit: Limit<'_>) -> Result<(), GaveUp> {
        let mut waiters = lock(&self.waiters);
        match self.state.load(Ordering::Relaxed) {
            DONE if !faulty!(OnceSleepsBesideDone) => return Ok(()),
            NEW if only_if_running => return Ok(()),
            _ => {}
        }
        let parking = Parking::open(Reason::OnceWait);
        let node = Waiter::new(parking.ticket(), ());
        // SAFETY: the node is new; it stays in this frame until it is claimed, or `leave` removes it.
        unsafe { waiters.push_back(&node) };
        drop(waiters);
        let leave = || {
            // SAFETY: linked into this list or into none.
            unsafe { lock(&self.waiters).remove(&node) };
        };
        // All are woken: there is nothing to pass on.
        wait(parking, &node, limit, leave, || ())
    }
}

/// Ends the initialiser, also one that panics.
struct End<'a> {
    once: &'a RawOnce,
    state: u8,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        #[cfg(loom)]
        if base::fault::failed() {
            return;
        }
        let mut waiters = lock(&self.once.waiters);
        let order = if faulty!(OnceRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.once.state.store(self.state, order);
        let woken = if self.state == NEW && faulty!(OncePanicsSilently) { Vec::new() } else { waiters.claim_all() };
        drop(waiters);
        drop(woken);
    }
}

impl fmt::Debug for RawOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state.load(Ordering::Relaxed) {
            NEW => "new",
            RUNNING => "running",
            _ => "done",
        })
    }
}

#[cfg(all(test, loom))]
#[path = "raw_once_loom.rs"]
mod loom_tests;
