//! What the behaviour suites and the `figures` program share.
//!
//! A suite is a file of `tests/tests/`, named after what it is about; its tests are named after the property they show, many of
//! them after Go's own. What is measured rather than decided is a [`scenario`], which a test runs under a generous bound (one that
//! still tells right from broken) and `figures` under the tight one.
//!
//! * Every body runs in both modes ([`Mode`], [`both_modes`]), unless the property belongs to one.
//! * What is process-wide (memory, threads, signals, standard error) runs in a child process ([`child`]).
//! * Nothing waits by sleeping and hoping: a [`Watchdog`] dumps every goroutine and aborts when a test takes too long.
//! * What draws random numbers prints its [`Seed`].

// Clippy hears this here only: the thread-locals are in scenario/stale.rs, which is about them.
#![allow(clippy::disallowed_macros, reason = "see scenario/stale.rs")]

pub mod child;
mod modes;
pub mod pressure;
pub mod scenario;
mod seed;
pub mod system;
mod undisturbed;
mod watchdog;

pub use modes::{Mode, both_modes, both_modes_in_virtual_time};
pub use seed::Seed;
pub use undisturbed::{disturbances, undisturbed};
pub use watchdog::Watchdog;
