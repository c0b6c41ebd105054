//! Locks and the like for goroutines and plain OS threads alike, in any combination. There is no poisoning: `lock` gives a
//! guard, and a panic while it is held unlocks. Names and shapes are std's; what waits also has forms with a time-out and with a deadline.
//! Guards may be held over switching calls, and be sent to another goroutine or thread where the data may.
//!
//! | | |
//! |---|---|
//! | [`Mutex`] | one at a time |
//! | [`RwLock`] | many that read, or one that writes; a writer that waits comes before later readers |
//! | [`Condvar`] | waiting, a mutex in hand, for a change of what it guards |
//! | [`Semaphore`] | a number of permits, served in turn |
//! | [`Barrier`] | a number that wait for each other |
//! | [`Once`], [`OnceLock`] | what happens, or is made, once |
//! | [`WaitGroup`] | a count that is waited on until it is zero |
//!
//! How they work is told in `README.md` beside this file.
//!
//! ```
//! use std::sync::Arc;
//! use threadle::sync::{Mutex, WaitGroup};
//!
//! let total = Arc::new(Mutex::new(0));
//! let group = WaitGroup::new();
//! for n in 1..=4 {
//!     let (total, group) = (Arc::clone(&total), group.clone());
//!     group.add(1);
//!     std::thread::spawn(move || {
//!         *total.lock() += n;
//!         group.done();
//!     });
//! }
//! group.wait();
//! assert_eq!(*total.lock(), 10);
//! ```

mod barrier;
mod condvar;
mod looking;
mod mutex;
mod mutex_guard;
mod once;
mod once_lock;
mod raw_condvar;
mod raw_mutex;
mod raw_once;
mod raw_rwlock;
mod raw_semaphore;
mod rwlock;
mod rwlock_guard;
mod semaphore;
mod wait_group;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::Mutex;
pub use mutex_guard::{MappedMutexGuard, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub use rwlock::RwLock;
pub use rwlock_guard::{MappedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use wait_group::WaitGroup;
