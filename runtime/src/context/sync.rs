//! Locks and the like with a context. In all of them a context that has ended is told first, though there would have been nothing to wait
//! for.

use std::convert::Infallible;
use std::sync::Arc;

use super::error::ContextError;
use super::handle::Context;
use super::watch::Watch;
use crate::sync::{
    Barrier, BarrierWaitResult, Condvar, Mutex, MutexGuard, Once, OnceLock, OwnedSemaphorePermit, RwLock,
    RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit, WaitGroup,
};

impl<T: ?Sized> Mutex<T> {
    /// As [`lock`](Self::lock), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; the lock was not taken.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::Mutex};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.lock_with(&context).unwrap_err().is_timeout());
    /// # drop(guard);
    /// ```
    #[track_caller]
    pub fn lock_with(&self, context: &Context) -> Result<MutexGuard<'_, T>, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.lock_within(watch.limit()))
    }
}

impl<T: ?Sized> RwLock<T> {
    /// As [`read`](Self::read), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; the lock was not taken.
    ///
    /// ```
    /// use threadle::{context::Context, sync::RwLock};
    /// assert_eq!(*RwLock::new(1).read_with(&Context::background()).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn read_with(&self, context: &Context) -> Result<RwLockReadGuard<'_, T>, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.read_within(watch.limit()))
    }

    /// As [`write`](Self::write), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; the lock was not taken, and readers who waited because of the caller go on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::RwLock};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.write_with(&context).is_err());
    /// assert!(lock.try_read().is_some());
    /// # drop(reader);
    /// ```
    #[track_caller]
    pub fn write_with(&self, context: &Context) -> Result<RwLockWriteGuard<'_, T>, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.write_within(watch.limit()))
    }
}

impl Condvar {
    /// As [`wait`](Self::wait), until the context ends at most. The mutex is locked again in any case, however long that takes; it is not
    /// even unlocked if the context has ended before.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use threadle::context::Context;
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// let mutex = Mutex::new(1);
    /// let (guard, result) = Condvar::new().wait_with(&context, mutex.lock());
    /// assert!(result.unwrap_err().is_cancelled());
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn wait_with<'a, T: ?Sized>(
        &self,
        context: &Context,
        guard: MutexGuard<'a, T>,
    ) -> (MutexGuard<'a, T>, Result<(), ContextError>) {
        match Watch::new(context) {
            Ok(watch) => {
                let (guard, waited) = self.wait_within(guard, watch.limit());
                (guard, waited.map_err(|_gave_up| watch.error()))
            }
            Err(error) => (guard, Err(error)),
        }
    }

    /// As [`wait_while`](Self::wait_while), until the context ends at most. `Ok`: the condition does not hold any more; it is looked at
    /// first and last.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::context::Context;
    /// use threadle::sync::{Condvar, Mutex};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let left = Mutex::new(1);
    /// let (_guard, result) = Condvar::new().wait_while_with(&context, left.lock(), |left| *left > 0);
    /// assert!(result.unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn wait_while_with<'a, T: ?Sized>(
        &self,
        context: &Context,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, Result<(), ContextError>) {
        let mut result = Ok(());
        while condition(&mut guard) {
            if result.is_err() {
                return (guard, result);
            }
            (guard, result) = self.wait_with(context, guard);
        }
        (guard, Ok(()))
    }
}

impl Semaphore {
    /// As [`acquire`](Self::acquire), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; no permit was taken, and those behind the caller come earlier.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::Semaphore};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let semaphore = Semaphore::new(1);
    /// assert!(semaphore.acquire_with(&context, 2).unwrap_err().is_timeout());
    /// assert_eq!(semaphore.available(), 1);
    /// ```
    #[track_caller]
    pub fn acquire_with(&self, context: &Context, n: usize) -> Result<SemaphorePermit<'_>, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.acquire_within(n, watch.limit()))
    }

    /// As [`acquire_owned`](Self::acquire_owned), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`acquire_with`](Self::acquire_with).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use threadle::{context::Context, sync::Semaphore};
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// assert_eq!(semaphore.acquire_owned_with(&Context::background(), 1).unwrap().permits(), 1);
    /// ```
    #[track_caller]
    pub fn acquire_owned_with(
        self: Arc<Self>,
        context: &Context,
        n: usize,
    ) -> Result<OwnedSemaphorePermit, ContextError> {
        self.acquire_with(context, n)?.forget();
        Ok(self.owned(n))
    }
}

impl Barrier {
    /// As [`wait`](Self::wait), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended, and it is as if the caller had never come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::Barrier};
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert!(Barrier::new(2).wait_with(&context).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn wait_with(&self, context: &Context) -> Result<BarrierWaitResult, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.wait_within(watch.limit()))
    }
}

impl Once {
    /// As [`wait`](Self::wait), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::Once};
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert!(Once::new().wait_with(&context).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn wait_with(&self, context: &Context) -> Result<(), ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.wait_within(watch.limit()))
    }
}

impl Once {
    /// As [`call_once`](Self::call_once), waiting for an initialiser that is under way until the context ends at most. An `f` that is
    /// called is not cut short.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; `f` was not called.
    ///
    /// # Panics
    /// With `f`'s panic; the next caller tries again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::Once};
    /// let once = Once::new();
    /// once.call_once(|| {
    ///     // Whoever asks meanwhile waits no longer than its request may take.
    ///     let (request, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     assert!(once.call_once_with(&request, || unreachable!()).unwrap_err().is_timeout());
    /// });
    /// assert!(once.call_once_with(&Context::background(), || unreachable!()).is_ok());
    /// ```
    #[track_caller]
    pub fn call_once_with(&self, context: &Context, f: impl FnOnce()) -> Result<(), ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.call_within(watch.limit(), f))
    }
}

impl<T> OnceLock<T> {
    /// As [`get_or_init`](Self::get_or_init), waiting for an initialiser that is under way until the context ends at most. An `f` that is
    /// called is not cut short.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; `f` was not called.
    ///
    /// # Panics
    /// With `f`'s panic; the cell stays empty.
    ///
    /// ```
    /// use threadle::{context::Context, sync::OnceLock};
    /// let (context, cancel) = Context::background().with_cancel();
    /// let cell = OnceLock::new();
    /// assert_eq!(cell.get_or_init_with(&context, || 1).unwrap(), &1);
    /// cancel.cancel();
    /// assert!(cell.get_or_init_with(&context, || 2).unwrap_err().is_cancelled());
    /// ```
    #[track_caller]
    pub fn get_or_init_with(&self, context: &Context, f: impl FnOnce() -> T) -> Result<&T, ContextError> {
        match self.get_or_try_init_with(context, || Ok::<T, Infallible>(f()))? {
            Ok(value) => Ok(value),
            Err(never) => match never {},
        }
    }

    /// As [`get_or_try_init`](Self::get_or_try_init), waiting for an initialiser that is under way until the context ends at most. An `f`
    /// that is called is not cut short, unless it heeds the context itself.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The outer: the context has ended, and `f` was not called. The inner: `f`'s; the cell stays empty, and the next one tries.
    ///
    /// # Panics
    /// With `f`'s panic; the cell stays empty.
    ///
    /// ```
    /// use threadle::{context::Context, sync::OnceLock};
    /// let cell = OnceLock::<u8>::new();
    /// let context = Context::background();
    /// assert!(cell.get_or_try_init_with(&context, || "x".parse()).unwrap().is_err());
    /// assert_eq!(cell.get_or_try_init_with(&context, || "7".parse()).unwrap(), Ok(&7));
    /// ```
    #[track_caller]
    pub fn get_or_try_init_with<E>(
        &self,
        context: &Context,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<&T, E>, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.get_or_try_init_within(watch.limit(), f))
    }

    /// As [`wait`](Self::wait), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended.
    ///
    /// ```
    /// use threadle::{context::Context, sync::OnceLock};
    /// assert_eq!(OnceLock::from(7).wait_with(&Context::background()).unwrap(), &7);
    /// ```
    #[track_caller]
    pub fn wait_with(&self, context: &Context) -> Result<&T, ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.wait_within(watch.limit()))
    }
}

impl WaitGroup {
    /// As [`wait`](Self::wait), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, sync::WaitGroup};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let group = WaitGroup::new();
    /// group.add(1);
    /// assert!(group.wait_with(&context).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn wait_with(&self, context: &Context) -> Result<(), ContextError> {
        let watch = Watch::new(context)?;
        watch.told(self.wait_within(watch.limit()))
    }
}
