//! Locks and the like for goroutines and plain OS threads alike, in any combination. There is no poisoning: `lock` gives a
//! guard, and a panic while it is held unlocks.
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

mod mutex;
mod raw_mutex;
mod wait_group;

pub use mutex::{Mutex, MutexGuard};
pub use wait_group::WaitGroup;
