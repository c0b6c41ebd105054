//! HTTP/1.1 by hyper on goroutines.
//!
//! One goroutine accepts. Each connection is a goroutine that runs hyper's
//! connection future with `block_on`: it waits for bytes, finds requests, and
//! collects their bodies. A whole request becomes a goroutine of its own, in
//! plain blocking style; its JoinHandle is the future that hyper waits for.
//!
//! So what a slow or dead client holds is one parked goroutine and what it has
//! sent so far, and no handler, no place in the queue.

pub mod accept;
pub mod body;
pub mod connection;
pub mod handler;
pub mod reply;
