//! What the lock-free parts are built from: loom's doubles under `cfg(loom)`, the standard library otherwise.

#[allow(unused_imports, reason = "not every build needs all of them")]
#[cfg(loom)]
pub(crate) use loom::{
    cell, hint,
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};
#[allow(unused_imports, reason = "not every build needs all of them")]
#[cfg(not(loom))]
pub(crate) use std::{
    hint,
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};

/// Loom's closure-shaped access, so that one source serves both.
#[cfg(not(loom))]
pub(crate) mod cell {
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }
        #[cfg(test)]
        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}

/// Locks, poisoned or not: no user code runs under the scheduler's locks, and each section leaves its data whole.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(loom)]
pub(crate) mod fault;
#[cfg(test)]
pub(crate) mod item;
/// Whether the model that runs has broken this place on purpose. Always `false`, and no code at all, in a real build.
macro_rules! faulty {
    ($fault:ident) => {{
        #[cfg(loom)]
        let on = $crate::sync::fault::is_on($crate::sync::fault::Fault::$fault);
        #[cfg(not(loom))]
        let on = false;
        on
    }};
}
pub(crate) use faulty;
