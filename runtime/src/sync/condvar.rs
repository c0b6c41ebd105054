//! `Condvar`: waiting for a condition of what a [`Mutex`] guards, over `raw_condvar.rs`.

use std::fmt;
use std::time::{Duration, Instant};

use super::mutex_guard::MutexGuard;
use super::raw_condvar::RawCondvar;
use crate::wait::{GaveUp, Limit};

/// Lets goroutines and threads wait, a [`Mutex`](super::Mutex) in hand, until somebody says that something has changed.
///
/// Nobody is woken but by a notification, a deadline or, where one was given, a context (as in Go, and unlike std); still the condition
/// must be looked at again, for others may lock the mutex first. Waiters are woken in the order they came. It may be used with several
/// mutexes.
///
/// ```
/// use std::sync::Arc;
/// use threadle::sync::{Condvar, Mutex};
///
/// threadle::run(|| {
///     let shared = Arc::new((Mutex::new(false), Condvar::new()));
///     let other = Arc::clone(&shared);
///     threadle::go(move || {
///         *other.0.lock() = true;
///         other.1.notify_one();
///     });
///     let (ready, changed) = &*shared;
///     let ready = changed.wait_while(ready.lock(), |ready| !*ready);
///     assert!(*ready);
/// });
/// ```
pub struct Condvar {
    raw: RawCondvar,
}

/// Whether a wait with a limit came to it; what [`Condvar::wait_timeout`] and its kin say.
///
/// ```
/// use std::time::Duration;
/// use threadle::sync::{Condvar, Mutex};
/// let ready = Mutex::new(false);
/// let (ready, result) = Condvar::new().wait_timeout(ready.lock(), Duration::from_millis(1));
/// assert!(result.timed_out() && !*ready); // nobody notifies
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the wait ended at its limit. Switches: no.
    ///
    /// ```
    /// # use threadle::sync::{Condvar, Mutex};
    /// # use std::time::Duration;
    /// let mutex = Mutex::new(());
    /// let (_guard, result) = Condvar::new().wait_timeout(mutex.lock(), Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// ```
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A condition variable that nobody waits on. Switches: no.
    ///
    /// ```
    /// static CHANGED: threadle::sync::Condvar = threadle::sync::Condvar::new();
    /// CHANGED.notify_all();
    /// ```
    pub const fn new() -> Self {
        Condvar { raw: RawCondvar::new() }
    }

    /// Unlocks the mutex, waits to be notified, and locks it again. No notification that is made after the mutex was unlocked is missed.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| {
    ///         *ready.lock() = true;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = ready.lock();
    ///     while !*guard {
    ///         guard = changed.wait(guard);
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_within(guard, Limit::NONE).0
    }

    /// Waits while `condition` holds; looks at it before the first wait.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let left = Mutex::new(0);
    /// let guard = Condvar::new().wait_while(left.lock(), |left| *left > 0);
    /// assert_eq!(*guard, 0);
    /// ```
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        self.wait_while_within(guard, Limit::NONE, condition).0
    }

    /// As [`wait`](Self::wait), for at most so long. The mutex is locked again in any case, however long that takes.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let mutex = Mutex::new(1);
    /// let (guard, result) = Condvar::new().wait_timeout(mutex.lock(), Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        timed(self.wait_within(guard, Limit::after(timeout)))
    }

    /// As [`wait`](Self::wait), until `deadline` at most. The mutex is locked again in any case.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let mutex = Mutex::new(1);
    /// let (guard, result) = Condvar::new().wait_deadline(mutex.lock(), std::time::Instant::now());
    /// assert!(result.timed_out());
    /// # drop(guard);
    /// ```
    #[track_caller]
    pub fn wait_deadline<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        timed(self.wait_within(guard, Limit::at(deadline)))
    }

    /// As [`wait_while`](Self::wait_while), for at most so long altogether. It has timed out if the condition still holds.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let left = Mutex::new(1);
    /// let (_guard, result) =
    ///     Condvar::new().wait_timeout_while(left.lock(), Duration::from_millis(1), |left| *left > 0);
    /// assert!(result.timed_out());
    /// ```
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        timed(self.wait_while_within(guard, Limit::after(timeout), condition))
    }

    /// As [`wait_while`](Self::wait_while), until `deadline` at most. It has timed out if the condition still holds.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let left = Mutex::new(0);
    /// let now = std::time::Instant::now();
    /// let (_guard, result) = Condvar::new().wait_deadline_while(left.lock(), now, |left| *left > 0);
    /// assert!(!result.timed_out());
    /// ```
    #[track_caller]
    pub fn wait_deadline_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
        condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        timed(self.wait_while_within(guard, Limit::at(deadline), condition))
    }

    #[track_caller]
    pub(crate) fn wait_within<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Limit<'_>,
    ) -> (MutexGuard<'a, T>, Result<(), GaveUp>) {
        let mutex = guard.mutex();
        let result = self.raw.wait(|| drop(guard), limit);
        (mutex.lock(), result)
    }

    #[track_caller]
    pub(crate) fn wait_while_within<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Limit<'_>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, Result<(), GaveUp>) {
        let mut result = Ok(());
        while condition(&mut guard) {
            if result.is_err() {
                return (guard, result);
            }
            (guard, result) = self.wait_within(guard, limit);
        }
        (guard, Ok(()))
    }

    /// Wakes the one that has waited longest, if anybody waits. The mutex need not be locked.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::sync::Condvar::new().notify_one(); // nobody waits, and nothing is remembered
    /// ```
    #[inline]
    pub fn notify_one(&self) {
        self.raw.notify_one();
    }

    /// Wakes everybody who waits now. The mutex need not be locked.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::sync::Condvar::new().notify_all();
    /// ```
    #[inline]
    pub fn notify_all(&self) {
        self.raw.notify_all();
    }
}

fn timed<G>((guard, result): (G, Result<(), GaveUp>)) -> (G, WaitTimeoutResult) {
    (guard, WaitTimeoutResult(result.is_err()))
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").field("raw", &self.raw).finish()
    }
}
