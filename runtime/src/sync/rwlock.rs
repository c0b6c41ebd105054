//! `RwLock<T>`: the data beside the lock of `raw_rwlock.rs`. Its guards are in `rwlock_guard.rs`.

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::raw_rwlock::RawRwLock;
use super::rwlock_guard::{RwLockReadGuard, RwLockWriteGuard};
use crate::base::checkpoint;
use crate::wait::{GaveUp, Limit};

/// Many readers, or one writer. Who waits sleeps: a goroutine leaves its thread to others.
///
/// A writer that waits blocks readers that come after it, so writers are not starved; readers that waited for a writer are all let in when it
/// leaves, so readers are not starved either. As with Go's, a goroutine must therefore not read while it reads already: a writer that came between
/// the two waits for the first and blocks the second. It is not poisoned by panics. Guards may be held over switching calls, and be dropped in
/// another thread than they were made in.
///
/// ```
/// use threadle::sync::RwLock;
///
/// let lock = RwLock::new(vec![1]);
/// {
///     let (one, other) = (lock.read(), lock.try_read().unwrap());
///     assert_eq!(one.len() + other.len(), 2);
/// }
/// lock.write().push(2);
/// assert_eq!(lock.into_inner(), [1, 2]);
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    data: UnsafeCell<T>,
}

// SAFETY: readers share the data (`T: Sync`), and a writer has it for itself, in whatever thread (`T: Send`).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: owning the lock is owning the data.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    /// An unlocked lock around `data`. Switches: no.
    ///
    /// ```
    /// use threadle::sync::RwLock;
    /// static NAMES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
    /// assert!(NAMES.read().is_empty());
    /// ```
    pub const fn new(data: T) -> Self {
        RwLock { raw: RawRwLock::new(), data: UnsafeCell::new(data) }
    }

    /// The data. Switches: no.
    ///
    /// ```
    /// assert_eq!(threadle::sync::RwLock::new(5).into_inner(), 5);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no writer is inside or waits, and enters as a reader.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let lock = threadle::sync::RwLock::new(1);
    /// assert_eq!(*lock.read(), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        match self.read_within(Limit::NONE) {
            Ok(guard) => guard,
            Err(_) => unreachable!("nothing ends this wait but the lock"),
        }
    }

    /// Enters as a reader if no writer is inside or waits.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let lock = threadle::sync::RwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.try_read().is_none());
    /// drop(writer);
    /// assert!(lock.try_read().is_some());
    /// ```
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        // SAFETY: made only if it was locked for reading.
        self.raw.try_read().then(|| unsafe { RwLockReadGuard::new(self) })
    }

    /// As [`read`](Self::read), for at most so long: `None` when the time is over.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = threadle::sync::RwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.read_timeout(Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
        checkpoint();
        match self.try_read() {
            None => self.read_within(Limit::after(timeout)).ok(),
            got => got,
        }
    }

    /// As [`read`](Self::read), until `deadline` at most: `None` when it has passed.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let lock = threadle::sync::RwLock::new(1);
    /// assert!(lock.read_deadline(std::time::Instant::now()).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn read_deadline(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T>> {
        self.read_within(Limit::at(deadline)).ok()
    }

    #[inline]
    #[track_caller]
    pub(crate) fn read_within(&self, limit: Limit<'_>) -> Result<RwLockReadGuard<'_, T>, GaveUp> {
        self.raw.read(limit)?;
        // SAFETY: locked for reading a line above.
        Ok(unsafe { RwLockReadGuard::new(self) })
    }

    /// Waits until nobody is inside, and enters as the writer. Readers that come later wait.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let lock = threadle::sync::RwLock::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        match self.write_within(Limit::NONE) {
            Ok(guard) => guard,
            Err(_) => unreachable!("nothing ends this wait but the lock"),
        }
    }

    /// Enters as the writer if nobody is inside.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let lock = threadle::sync::RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.try_write().is_none());
    /// drop(reader);
    /// assert!(lock.try_write().is_some());
    /// ```
    #[inline]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        // SAFETY: made only if it was locked for writing.
        self.raw.try_write().then(|| unsafe { RwLockWriteGuard::new(self) })
    }

    /// As [`write`](Self::write), for at most so long: `None` when the time is over.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = threadle::sync::RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_none());
    /// assert!(lock.try_read().is_some(), "the writer has gone, and blocks nobody");
    /// # drop(reader);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        checkpoint();
        match self.try_write() {
            None => self.write_within(Limit::after(timeout)).ok(),
            got => got,
        }
    }

    /// As [`write`](Self::write), until `deadline` at most: `None` when it has passed.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let lock = threadle::sync::RwLock::new(1);
    /// assert!(lock.write_deadline(std::time::Instant::now()).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn write_deadline(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T>> {
        self.write_within(Limit::at(deadline)).ok()
    }

    #[inline]
    #[track_caller]
    pub(crate) fn write_within(&self, limit: Limit<'_>) -> Result<RwLockWriteGuard<'_, T>, GaveUp> {
        self.raw.write(limit)?;
        // SAFETY: locked for writing a line above.
        Ok(unsafe { RwLockWriteGuard::new(self) })
    }

    /// The data, without locking: the exclusive borrow shows that nobody else is inside. Switches: no.
    ///
    /// ```
    /// let mut lock = threadle::sync::RwLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    pub(super) fn raw(&self) -> &RawRwLock {
        &self.raw
    }

    pub(super) fn data(&self) -> *mut T {
        self.data.get()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RwLock");
        match self.try_read() {
            Some(guard) => debug.field("data", &&*guard).finish(),
            None => debug.field("data", &format_args!("<locked>")).finish(),
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(data: T) -> Self {
        RwLock::new(data)
    }
}
