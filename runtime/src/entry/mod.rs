//! Starting a runtime, starting goroutines, and the calls about the calling one.

mod builder;
mod goroutine;
mod join;

pub use builder::{Builder, run, run_migrating};
pub use goroutine::{GoBuilder, go};
pub use join::{JoinError, JoinHandle};
