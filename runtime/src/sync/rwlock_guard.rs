//! The guards of [`RwLock`]. `Send` for the reason given in `mutex_guard.rs`: the lock knows no owner, neither the writer nor any reader.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::raw_rwlock::RawRwLock;
use super::rwlock::RwLock;

/// Shared access to the data of a [`RwLock`]; dropping it leaves the lock (and does not switch).
///
/// It may be sent to another goroutine or thread if the data may be shared.
///
/// ```
/// use threadle::sync::RwLock;
/// let lock = RwLock::new("data");
/// let (one, other) = (lock.read(), lock.read());
/// assert_eq!((*one, *other), ("data", "data"));
/// assert!(lock.try_write().is_none());
/// ```
#[must_use = "dropped at once, it leaves the lock at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    data: NonNull<T>,
    _like_a_reference: PhantomData<&'a T>,
}

// SAFETY: it is used like a `&T`, and the lock may be left by any thread.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: sharing it gives out `&T`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// # Safety
    /// The caller has locked it for reading, and leaves the unlocking to the guard.
    #[inline]
    pub(super) unsafe fn new(lock: &'a RwLock<T>) -> Self {
        // SAFETY: a pointer to the inside of a cell is not null.
        let data = unsafe { NonNull::new_unchecked(lock.data()) };
        RwLockReadGuard { raw: lock.raw(), data, _like_a_reference: PhantomData }
    }

    /// A guard of a part of the data. Switches: no.
    ///
    /// ```
    /// use threadle::sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, "one"));
    /// let name = RwLockReadGuard::map(lock.read(), |pair| &pair.1);
    /// assert_eq!(*name, "one");
    /// ```
    pub fn map<U: ?Sized>(this: Self, f: impl FnOnce(&T) -> &U) -> RwLockReadGuard<'a, U> {
        let data = NonNull::from(f(&this));
        let this = ManuallyDrop::new(this);
        RwLockReadGuard { raw: this.raw, data, _like_a_reference: PhantomData }
    }

    /// As [`map`](Self::map), for a part that may not be there.
    ///
    /// # Errors
    /// Gives the guard back if `f` finds no part.
    ///
    /// ```
    /// use threadle::sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(vec![1]);
    /// assert!(RwLockReadGuard::filter_map(lock.read(), |list| list.get(7)).is_err());
    /// ```
    pub fn filter_map<U: ?Sized>(this: Self, f: impl FnOnce(&T) -> Option<&U>) -> Result<RwLockReadGuard<'a, U>, Self> {
        match f(&this).map(NonNull::from) {
            Some(data) => {
                let this = ManuallyDrop::new(this);
                Ok(RwLockReadGuard { raw: this.raw, data, _like_a_reference: PhantomData })
            }
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it points to (a part of) the data of a lock that is held for reading: nobody writes it.
        unsafe { self.data.as_ref() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard is made of a lock held for reading, and dropped once.
        unsafe { self.raw.unlock_read() };
    }
}

/// Exclusive access to the data of a [`RwLock`]; dropping it leaves the lock (and does not switch).
///
/// It may be sent to another goroutine or thread if the data may.
///
/// ```
/// use threadle::sync::RwLock;
/// let lock = RwLock::new(1);
/// let mut guard = lock.write();
/// *guard += 1;
/// assert!(lock.try_read().is_none());
/// drop(guard);
/// assert_eq!(*lock.read(), 2);
/// ```
#[must_use = "dropped at once, it leaves the lock at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    _like_a_mutable_reference: PhantomData<&'a mut T>,
}

// SAFETY: it is used like a `&mut T`, and the lock may be left by any thread.
unsafe impl<T: ?Sized + Send> Send for RwLockWriteGuard<'_, T> {}
// SAFETY: sharing it gives out `&T`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// # Safety
    /// The caller has locked it for writing, and leaves the unlocking to the guard.
    #[inline]
    pub(super) unsafe fn new(lock: &'a RwLock<T>) -> Self {
        RwLockWriteGuard { lock, _like_a_mutable_reference: PhantomData }
    }

    /// Goes on as a reader, without leaving the lock: nobody has written in between. Readers that wait are let in.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use threadle::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.write();
    /// *writer = 2;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!(*reader + *lock.read(), 4);
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let this = ManuallyDrop::new(this);
        // SAFETY: held for writing, and the guard that would leave it is not dropped.
        unsafe { this.lock.raw().downgrade() };
        // SAFETY: held for reading now.
        unsafe { RwLockReadGuard::new(this.lock) }
    }

    /// A guard of a part of the data. Switches: no.
    ///
    /// ```
    /// use threadle::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, "one"));
    /// *RwLockWriteGuard::map(lock.write(), |pair| &mut pair.0) = 2;
    /// assert_eq!(lock.into_inner().0, 2);
    /// ```
    pub fn map<U: ?Sized>(mut this: Self, f: impl FnOnce(&mut T) -> &mut U) -> MappedRwLockWriteGuard<'a, U> {
        let part = NonNull::from(f(&mut this));
        let this = ManuallyDrop::new(this);
        MappedRwLockWriteGuard { raw: this.lock.raw(), part, _like_a_mutable_reference: PhantomData }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held for writing: no other guard reaches the data.
        unsafe { &*self.lock.data() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { &mut *self.lock.data() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard is made of a lock held for writing, and dropped once.
        unsafe { self.lock.raw().unlock_write() };
    }
}

/// Exclusive access to a part of the data of a [`RwLock`], by [`RwLockWriteGuard::map`]; dropping it leaves the lock (and does not switch).
///
/// ```
/// use threadle::sync::{RwLock, RwLockWriteGuard};
/// let lock = RwLock::new((1, "one"));
/// let mut number = RwLockWriteGuard::map(lock.write(), |pair| &mut pair.0);
/// *number = 2;
/// assert!(lock.try_read().is_none());
/// drop(number);
/// assert_eq!(*lock.read(), (2, "one"));
/// ```
#[must_use = "dropped at once, it leaves the lock at once"]
pub struct MappedRwLockWriteGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    part: NonNull<T>,
    _like_a_mutable_reference: PhantomData<&'a mut T>,
}

// SAFETY: it is used like a `&mut T`, and the lock may be left by any thread.
unsafe impl<T: ?Sized + Send> Send for MappedRwLockWriteGuard<'_, T> {}
// SAFETY: sharing it gives out `&T`.
unsafe impl<T: ?Sized + Sync> Sync for MappedRwLockWriteGuard<'_, T> {}

impl<T: ?Sized> Deref for MappedRwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it points into the data of a lock that is held for writing.
        unsafe { self.part.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedRwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { self.part.as_mut() }
    }
}

impl<T: ?Sized> Drop for MappedRwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it took the lock over from a guard, and is dropped once.
        unsafe { self.raw.unlock_write() };
    }
}

macro_rules! shown_as_the_data {
    ($($guard:ident)*) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}
shown_as_the_data!(RwLockReadGuard RwLockWriteGuard MappedRwLockWriteGuard);
