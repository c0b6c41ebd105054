#![cfg_attr(not(loom), doc = include_str!("../README.md"))]
#![cfg_attr(loom, doc = "The words and lists alone, for their models.")]
// The descriptors and the poller, whose parts these are, are not built under loom.
#![cfg_attr(loom, allow(dead_code))]

mod direction;
mod interrupt;
mod ready;
mod sync;
mod waiters;
mod word;

#[cfg(not(loom))]
mod descriptor;
#[cfg(not(loom))]
mod poller;
#[cfg(not(loom))]
mod slab;
#[cfg(not(loom))]
mod timerfd;

pub use direction::{Direction, Wait};
pub use interrupt::Blocked;
pub use ready::{Drain, Ready, Woken};
pub use waiters::Waits;

#[cfg(not(loom))]
pub use descriptor::{Descriptor, Operation, TaskWaiter, closed_error, stopped_error};
#[cfg(not(loom))]
pub use poller::{Polled, Poller, Sleep};
#[cfg(not(loom))]
pub use slab::Slab;
