//! `Once`: something that is to happen once, over `raw_once.rs`.

use std::fmt;
use std::time::{Duration, Instant};

use super::raw_once::RawOnce;
use crate::base::checkpoint;
use crate::wait::{GaveUp, Limit};

/// Something that is to happen once, however many ask for it; those that come while it is under way wait.
///
/// An initialiser that panics has not happened: its caller gets the panic, and the next one who asks (or who waits already) tries
/// again. There is no poisoning. An initialiser may switch. One that asks for the same `Once` waits for itself, for ever; so does everybody if the
/// runtime ends under an initialiser that is parked.
///
/// ```
/// use threadle::sync::Once;
///
/// static SET_UP: Once = Once::new();
/// for _ in 0..3 {
///     SET_UP.call_once(|| println!("once"));
/// }
/// assert!(SET_UP.is_completed());
/// ```
pub struct Once {
    raw: RawOnce,
}

impl Once {
    /// It has not happened. Switches: no.
    ///
    /// ```
    /// assert!(!threadle::sync::Once::new().is_completed());
    /// ```
    pub const fn new() -> Self {
        Once { raw: RawOnce::new() }
    }

    /// Calls `f` if nobody has, or waits until somebody's call has returned. Afterwards one has, and what it did is seen.
    ///
    /// Switches: yes.
    ///
    /// # Panics
    /// With `f`'s panic; the next caller tries again.
    ///
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let once = threadle::sync::Once::new();
    /// assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("not yet")))).is_err());
    /// once.call_once(|| println!("now"));
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        if self.call_within(Limit::NONE, f).is_err() {
            unreachable!("nothing ends this wait but the end of the initialiser");
        }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn call_within(&self, limit: Limit<'_>, f: impl FnOnce()) -> Result<(), GaveUp> {
        checkpoint();
        if self.raw.is_done() {
            return Ok(());
        }
        self.raw.call(limit, || {
            f();
            true
        })
    }

    /// Whether it has happened. Switches: no.
    ///
    /// ```
    /// let once = threadle::sync::Once::new();
    /// once.call_once(|| ());
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.raw.is_done()
    }

    /// Waits until it has happened, by whomever; a panic of somebody's initialiser does not end the wait.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let once = threadle::sync::Once::new();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| once.call_once(|| ()));
    ///     once.wait();
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        if self.wait_within(Limit::NONE).is_err() {
            unreachable!("nothing ends this wait but that it happens");
        }
    }

    /// As [`wait`](Self::wait), for at most so long; whether it has happened.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// assert!(!threadle::sync::Once::new().wait_timeout(std::time::Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_within(Limit::after(timeout)).is_ok()
    }

    /// As [`wait`](Self::wait), until `deadline` at most; whether it has happened.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// assert!(!threadle::sync::Once::new().wait_deadline(std::time::Instant::now()));
    /// ```
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_within(Limit::at(deadline)).is_ok()
    }

    #[track_caller]
    pub(crate) fn wait_within(&self, limit: Limit<'_>) -> Result<(), GaveUp> {
        checkpoint();
        self.raw.wait(limit)
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("state", &self.raw).finish()
    }
}
