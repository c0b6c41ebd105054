//! P: the right to run goroutines, and what goes with it: a run queue, timers, caches.

pub(crate) mod counters;
#[cfg(not(loom))]
mod processor;
pub(crate) mod ring;

#[cfg(not(loom))]
pub(crate) use processor::{Caches, P, Spare};
