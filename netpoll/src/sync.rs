//! The synchronisation primitives of this crate: std's, or loom's under `cfg(loom)`.
//!
//! Only what the models exercise goes through here; the slab, the poller and the descriptors talk to the
//! kernel and are not built under loom at all.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

/// Locks, taking no notice of poison.
///
/// No critical section of this crate leaves its data half changed when it panics: list changes are single
/// pushes and pops, and foreign code (a `Waker`'s clone or drop) never runs under a lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
