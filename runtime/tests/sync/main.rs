//! What locks and the like promise, between goroutines, plain threads, and both: by what Go's own tests of them check, and std's for what Go has
//! not.

mod barrier;
mod condvar;
mod endings;
mod fairness;
mod mutex;
mod once;
mod rwlock;
mod semaphore;
mod soak;
#[path = "../support/mod.rs"]
mod support;
mod wait_group;
