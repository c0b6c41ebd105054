//! `Mutex<T>`: the data beside the lock of `raw_mutex.rs`.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::raw_mutex::RawMutex;

/// Mutual exclusion. Who waits sleeps: a goroutine leaves its thread to others.
///
/// Unlocked, it goes to whoever asks first, which is fastest; a waiter that has lost that race for a millisecond is served before
/// everybody else (Go's starvation rule). Locking it twice in one goroutine waits for ever, as with Go's; it is not poisoned by
/// panics. A guard may be held over switching calls, and be dropped in another thread than it was made in.
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
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.raw.lock();
        MutexGuard { mutex: self, _not_sync_unless_data_is: PhantomData }
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
        self.raw.try_lock().then(|| MutexGuard { mutex: self, _not_sync_unless_data_is: PhantomData })
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

/// Access to the data of a locked [`Mutex`]; dropping it unlocks (and does not switch).
#[must_use = "dropped at once, it unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// The reference above is `Sync` where `T: Send`; sharing a guard shares `&T` and needs `T: Sync`.
    _not_sync_unless_data_is: PhantomData<&'a mut T>,
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so no other guard, hence no other reference, reaches the data.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard is made by taking the lock, and dropped once.
        unsafe { self.mutex.raw.unlock() };
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
