//! `Mutex<T>`: the data beside the lock of `raw_mutex.rs`. Its guards are in `mutex_guard.rs`.

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::mutex_guard::MutexGuard;
use super::raw_mutex::RawMutex;
use crate::base::checkpoint;
use crate::wait::{GaveUp, Limit};

/// Mutual exclusion. Who waits sleeps: a goroutine leaves its thread to others.
///
/// Unlocked, it goes to whoever asks first, which is fastest; but who takes it again and again while a waiter is ready behind it, on its
/// thread, queues after a millisecond, and a waiter that loses the race for one or two is served before everybody else (Go's starvation rule).
/// Locking it twice in one goroutine waits for ever, as with Go's; it is not poisoned by panics. A guard may be held over switching calls, and
/// be dropped in another thread than it was made in.
///
/// ```
/// let mutex = threadle::sync::Mutex::new(1);
/// *mutex.lock() += 1;
/// assert_eq!(mutex.into_inner(), 2);
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    data: UnsafeCell<T>,
}

// SAFETY: the lock lets one guard at a time reach the data, so sharing the mutex hands `T` from thread to thread (`T: Send`) but
// never shares it.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: owning the mutex is owning the data.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `data`. Switches: no.
    ///
    /// ```
    /// use threadle::sync::Mutex;
    /// static COUNTER: Mutex<u32> = Mutex::new(0);
    /// *COUNTER.lock() += 1;
    /// ```
    pub const fn new(data: T) -> Self {
        Mutex { raw: RawMutex::new(), data: UnsafeCell::new(data) }
    }

    /// The data. Switches: no.
    ///
    /// ```
    /// assert_eq!(threadle::sync::Mutex::new(5).into_inner(), 5);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free and takes it. It is released when the guard is dropped.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let mutex = threadle::sync::Mutex::new(vec![1]);
    /// mutex.lock().push(2);
    /// assert_eq!(*mutex.lock(), [1, 2]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.raw.lock();
        // SAFETY: locked a line above.
        unsafe { MutexGuard::new(self) }
    }

    /// Takes the lock if it is free.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let mutex = threadle::sync::Mutex::new(0);
    /// let guard = mutex.lock();
    /// assert!(mutex.try_lock().is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        // SAFETY: made only if it was locked.
        self.raw.try_lock().then(|| unsafe { MutexGuard::new(self) })
    }

    /// As [`lock`](Self::lock), for at most so long: `None` when the time is over. A lock that is free is taken whatever the time.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mutex = threadle::sync::Mutex::new(0);
    /// let guard = mutex.lock();
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
    /// drop(guard);
    /// assert!(mutex.lock_timeout(Duration::ZERO).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        checkpoint();
        match self.try_lock() {
            None => self.lock_within(Limit::after(timeout)).ok(),
            got => got,
        }
    }

    /// As [`lock`](Self::lock), until `deadline` at most: `None` when it has passed. A lock that is free is taken whatever the time.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let mutex = threadle::sync::Mutex::new(0);
    /// assert!(mutex.lock_deadline(Instant::now()).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_deadline(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.lock_within(Limit::at(deadline)).ok()
    }

    #[inline]
    #[track_caller]
    pub(crate) fn lock_within(&self, limit: Limit<'_>) -> Result<MutexGuard<'_, T>, GaveUp> {
        self.raw.lock_within(limit)?;
        // SAFETY: locked a line above.
        Ok(unsafe { MutexGuard::new(self) })
    }

    /// The data, without locking: the exclusive borrow shows that nobody else holds the lock. Switches: no.
    ///
    /// ```
    /// let mut mutex = threadle::sync::Mutex::new(1);
    /// *mutex.get_mut() = 2;
    /// assert_eq!(*mutex.lock(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    pub(super) fn raw(&self) -> &RawMutex {
        &self.raw
    }

    pub(super) fn data(&self) -> *mut T {
        self.data.get()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(guard) => debug.field("data", &&*guard).finish(),
            None => debug.field("data", &format_args!("<locked>")).finish(),
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(data: T) -> Self {
        Mutex::new(data)
    }
}
