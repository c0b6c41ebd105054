//! M: the thread that runs goroutines. `schedule` is its loop, `lease` its right to a P, `rest` what it does without one.

#[cfg(not(loom))]
mod ahead;
pub(crate) mod arrivals;
#[cfg(not(loom))]
pub(crate) mod current;
#[cfg(not(loom))]
mod due;
#[cfg(not(loom))]
mod execute;
pub(crate) mod fence;
#[cfg(not(loom))]
mod home;
#[cfg(not(loom))]
mod in_place;
pub(crate) mod inbox;
pub(crate) mod lease;
#[cfg(not(loom))]
mod machine;
pub(crate) mod note;
#[cfg(not(loom))]
mod place;
#[cfg(not(loom))]
mod rest;
#[cfg(not(loom))]
mod schedule;
mod slumber;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod vigil;

#[cfg(not(loom))]
pub(crate) use machine::{Inside, M};
#[cfg(not(loom))]
pub use place::connection_accepted;
#[cfg(not(loom))]
pub(crate) use thread::{AbortOnPanic, start_thread};
