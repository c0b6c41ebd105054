//! The guards of [`Mutex`].
//!
//! A guard unlocks wherever it is dropped: the lock knows no owner, and its word may be written by any thread. So a guard is `Send` where the
//! data is, and a goroutine that holds one may be moved to another thread (migrating mode), hand it to another goroutine or a plain thread (both
//! modes), or be resumed on its own thread as ever (bound mode). std's is not `Send`, as some systems want a lock released by the
//! thread that took it; ours is no lock of the system's.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::mutex::Mutex;
use super::raw_mutex::RawMutex;

/// Access to the data of a locked [`Mutex`]; dropping it unlocks (and does not switch).
///
/// It may be sent to another goroutine or thread if the data may.
///
/// ```
/// use threadle::sync::Mutex;
/// let count = Mutex::new(1);
/// let mut guard = count.lock();
/// *guard += 1;
/// assert!(count.try_lock().is_none());
/// drop(guard);
/// assert_eq!(*count.lock(), 2);
/// ```
#[must_use = "dropped at once, it unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// The reference above is `Sync` where `T: Send`; sharing a guard shares `&T` and needs `T: Sync`.
    _not_sync_unless_data_is: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// # Safety
    /// The caller has locked the mutex, and leaves the unlocking to the guard.
    #[inline]
    pub(super) unsafe fn new(mutex: &'a Mutex<T>) -> Self {
        MutexGuard { mutex, _not_sync_unless_data_is: PhantomData }
    }

    /// The mutex it locks, for whoever unlocks it for a while.
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }

    /// A guard of a part of the data. An associated function, so as not to hide a method of the data. Switches: no.
    ///
    /// ```
    /// use threadle::sync::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(mutex.lock(), |pair| &mut pair.0);
    /// *number = 2;
    /// drop(number);
    /// assert_eq!(*mutex.lock(), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(this: Self, f: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U> {
        match Self::filter_map(this, |data| Some(f(data))) {
            Ok(mapped) => mapped,
            Err(_) => unreachable!("there always is a part"),
        }
    }

    /// As [`map`](Self::map), for a part that may not be there.
    ///
    /// # Errors
    /// Gives the guard back if `f` finds no part.
    ///
    /// ```
    /// use threadle::sync::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(vec![1, 2]);
    /// let second = MutexGuard::filter_map(mutex.lock(), |list| list.get_mut(1)).unwrap();
    /// assert_eq!(*second, 2);
    /// drop(second);
    /// let whole = MutexGuard::filter_map(mutex.lock(), |list| list.get_mut(7)).unwrap_err();
    /// assert_eq!(whole.len(), 2);
    /// ```
    pub fn filter_map<U: ?Sized>(
        mut this: Self,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        // As a pointer: the borrow of `this` ends here, and the lock is held on.
        match f(&mut this).map(NonNull::from) {
            Some(part) => {
                let this = ManuallyDrop::new(this);
                Ok(MappedMutexGuard { raw: this.mutex.raw(), part, _like_a_mutable_reference: PhantomData })
            }
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so no other guard, hence no other reference, reaches the data.
        unsafe { &*self.mutex.data() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { &mut *self.mutex.data() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard is made of a locked mutex, and dropped once.
        unsafe { self.mutex.raw().unlock() };
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

/// Access to a part of the data of a locked [`Mutex`], by [`MutexGuard::map`]; dropping it unlocks (and does not switch).
///
/// It is `Send` and `Sync` where the part is. A [`Condvar`](super::Condvar) does not take it.
///
/// ```
/// use threadle::sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// struct Account {
///     balance: Mutex<(i64, String)>,
/// }
/// impl Account {
///     /// Gives out the amount, and keeps the currency to itself.
///     fn amount(&self) -> MappedMutexGuard<'_, i64> {
///         MutexGuard::map(self.balance.lock(), |(amount, _)| amount)
///     }
/// }
/// let account = Account { balance: Mutex::new((100, "EUR".into())) };
/// *account.amount() -= 30;
/// assert_eq!(*account.amount(), 70);
/// ```
#[must_use = "dropped at once, it unlocks at once"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    raw: &'a RawMutex,
    part: NonNull<T>,
    _like_a_mutable_reference: PhantomData<&'a mut T>,
}

// SAFETY: it is used like a `&mut T`, and may be unlocked by any thread.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: sharing it gives out `&T`.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// A guard of a part of this part. Switches: no.
    ///
    /// ```
    /// use threadle::sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(((1, 2), 3));
    /// let pair = MutexGuard::map(mutex.lock(), |all| &mut all.0);
    /// let second = MappedMutexGuard::map(pair, |pair| &mut pair.1);
    /// assert_eq!(*second, 2);
    /// ```
    pub fn map<U: ?Sized>(mut this: Self, f: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U> {
        let part = NonNull::from(f(&mut this));
        let this = ManuallyDrop::new(this);
        MappedMutexGuard { raw: this.raw, part, _like_a_mutable_reference: PhantomData }
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it points into the data of a mutex that this guard holds locked.
        unsafe { self.part.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { self.part.as_mut() }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it took the lock over from a guard, and is dropped once.
        unsafe { self.raw.unlock() };
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
