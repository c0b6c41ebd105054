//! `OnceLock<T>`: a value that is made once, over `raw_once.rs`.

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::raw_once::RawOnce;
use crate::base::checkpoint;
use crate::wait::{GaveUp, Limit};

/// A value that is made once, by the first who needs it; those that come meanwhile wait.
///
/// An initialiser that panics, or fails, leaves it empty, and the next one tries again. It may switch: a connection may be made in it, say.
/// One that asks for the value it makes waits for itself, for ever.
///
/// ```
/// use threadle::sync::OnceLock;
///
/// static NAMES: OnceLock<Vec<&str>> = OnceLock::new();
/// assert_eq!(NAMES.get(), None);
/// assert_eq!(NAMES.get_or_init(|| vec!["a", "b"]).len(), 2);
/// assert_eq!(NAMES.get_or_init(|| unreachable!()).len(), 2);
/// ```
pub struct OnceLock<T> {
    once: RawOnce,
    /// Written by the one initialiser before `once` is done, and shared from then on.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is shared (`T: Sync`), and may be made in one thread and dropped, or taken, in another (`T: Send`).
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}
// SAFETY: owning the cell is owning the value.
unsafe impl<T: Send> Send for OnceLock<T> {}

impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// An empty cell. Switches: no.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::<u8>::new();
    /// assert!(cell.get().is_none());
    /// ```
    pub const fn new() -> Self {
        OnceLock { once: RawOnce::new(), value: UnsafeCell::new(None) }
    }

    /// The value, if it has been made. Switches: no.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::from(1);
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_done() {
            return None;
        }
        // SAFETY: it is done: the value was written before, and is only read as long as the cell is shared.
        unsafe { (*self.value.get()).as_ref() }
    }

    /// The value, if it has been made: the exclusive borrow shows that nobody is making it. Switches: no.
    ///
    /// ```
    /// let mut cell = threadle::sync::OnceLock::from(1);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.get(), Some(&2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Puts the value in, unless there is one. Waits for an initialiser that is under way.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Gives `value` back if there is one already.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(2));
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut left = Some(value);
        self.get_or_init(|| match left.take() {
            Some(value) => value,
            None => unreachable!("an initialiser is called once"),
        });
        left.map_or(Ok(()), Err)
    }

    /// The value; made by `f` if there is none. Waits for an initialiser that is under way.
    ///
    /// Switches: yes.
    ///
    /// # Panics
    /// With `f`'s panic; the cell stays empty.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::new();
    /// assert_eq!(cell.get_or_init(|| 1), &1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, Infallible>(f())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value; made by `f` if there is none. Waits for an initialiser that is under way.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// With `f`'s error; the cell stays empty, and the next one tries.
    ///
    /// # Panics
    /// With `f`'s panic; likewise.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::<u8>::new();
    /// assert!(cell.get_or_try_init(|| "x".parse()).is_err());
    /// assert_eq!(cell.get_or_try_init(|| "7".parse()), Ok(&7));
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        match self.get_or_try_init_within(Limit::NONE, f) {
            Ok(outcome) => outcome,
            Err(_) => unreachable!("nothing ends this wait but the end of the initialiser"),
        }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn get_or_try_init_within<E>(
        &self,
        limit: Limit<'_>,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<&T, E>, GaveUp> {
        checkpoint();
        if let Some(value) = self.get() {
            return Ok(Ok(value));
        }
        if let Err(error) = self.init(limit, f)? {
            return Ok(Err(error));
        }
        match self.get() {
            Some(value) => Ok(Ok(value)),
            None => unreachable!("it is initialised, or `init` has failed"),
        }
    }

    /// Afterwards there is a value, or this caller's initialiser has failed, or it gave up waiting for another's.
    #[cold]
    #[track_caller]
    fn init<E>(&self, limit: Limit<'_>, f: impl FnOnce() -> Result<T, E>) -> Result<Result<(), E>, GaveUp> {
        let mut result = Ok(());
        self.once.call(limit, || match f() {
            Ok(value) => {
                // SAFETY: this is the one initialiser, and it is not done: nobody else touches the value.
                unsafe { *self.value.get() = Some(value) };
                true
            }
            Err(error) => {
                result = Err(error);
                false
            }
        })?;
        Ok(result)
    }

    /// Waits until somebody has made the value. A panic or failure of somebody's initialiser does not end the wait.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::new();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| cell.set(7));
    ///     assert_eq!(cell.wait(), &7);
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self) -> &T {
        match self.wait_within(Limit::NONE) {
            Ok(value) => value,
            Err(_) => unreachable!("nothing ends this wait but the value"),
        }
    }

    /// As [`wait`](Self::wait), for at most so long: `None` when the time is over.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::<u8>::new();
    /// assert!(cell.wait_timeout(std::time::Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Option<&T> {
        self.wait_within(Limit::after(timeout)).ok()
    }

    /// As [`wait`](Self::wait), until `deadline` at most: `None` when it has passed.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let cell = threadle::sync::OnceLock::from(7);
    /// assert_eq!(cell.wait_deadline(std::time::Instant::now()), Some(&7));
    /// ```
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Option<&T> {
        self.wait_within(Limit::at(deadline)).ok()
    }

    #[track_caller]
    pub(crate) fn wait_within(&self, limit: Limit<'_>) -> Result<&T, GaveUp> {
        checkpoint();
        self.once.wait(limit)?;
        match self.get() {
            Some(value) => Ok(value),
            None => unreachable!("it is done"),
        }
    }

    /// The value, if it has been made. Switches: no.
    ///
    /// ```
    /// assert_eq!(threadle::sync::OnceLock::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, and leaves the cell empty. Switches: no.
    ///
    /// ```
    /// let mut cell = threadle::sync::OnceLock::from(1);
    /// assert_eq!(cell.take(), Some(1));
    /// assert_eq!(cell.set(2), Ok(()));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        OnceLock { once: RawOnce::new_done(), value: UnsafeCell::new(Some(value)) }
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => debug.field(value).finish(),
            None => debug.field(&format_args!("<empty>")).finish(),
        }
    }
}
