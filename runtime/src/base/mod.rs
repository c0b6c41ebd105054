//! What everything that waits is built from: the scheduler's parks, std's atomics and locks; doubles of all of them under `cfg(loom)`, so that
//! the models run the code that ships.

#[allow(unused_imports, reason = "not every build needs all of them")]
#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{Mutex, MutexGuard, atomic},
};
#[allow(unused_imports, reason = "not every build needs all of them")]
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

#[cfg(not(loom))]
pub(crate) use threadle_scheduler::{
    Leaving, Parking, Reason, Ticket, Woken, checkpoint, now, others_run, prefetch, random,
};

#[cfg(loom)]
mod park_loom;
#[cfg(loom)]
pub(crate) use park_loom::{
    Leaving, Parking, Reason, Ticket, Woken, checkpoint, doomed, now, others_run, prefetch, random,
};

#[cfg(loom)]
pub(crate) mod fault;

/// std's cell with loom's closures.
#[cfg(not(loom))]
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
        look(self.0.get())
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
        change(self.0.get())
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// Locks a short critical section that runs no user code. Poison means a bug of ours elsewhere was already reported by its panic; the data is
/// consistent at every step that can panic, so it is ignored.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A `const fn` where std's types are inside; loom's cannot be made at compile time.
macro_rules! constructor {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attribute])* $visibility const fn $($rest)*
        #[cfg(loom)]
        $(#[$attribute])* $visibility fn $($rest)*
    };
}
pub(crate) use constructor;

/// Whether the model that runs has broken this place on purpose. Always `false`, and no code at all, in a real build.
macro_rules! faulty {
    ($fault:ident) => {{
        #[cfg(loom)]
        let on = $crate::base::fault::is_on($crate::base::fault::Fault::$fault);
        #[cfg(not(loom))]
        let on = false;
        on
    }};
}
pub(crate) use faulty;
