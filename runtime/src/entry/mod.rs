//! Starting a runtime, starting goroutines, and the calls about the calling one.

mod builder;
mod goroutine;
mod join;
mod lock;
mod running;
mod sight;

pub use builder::{Builder, run, run_migrating};
pub use goroutine::{GoBuilder, go};
pub use join::{JoinError, JoinHandle};
pub(crate) use join::{outcome, told, wait_until_ended};
pub use lock::{lock_os_thread, unlock_os_thread};
pub use running::{blocking, checkpoint, no_switch, yield_now};
pub use sight::{dump, metrics, num_goroutines, procs};
