//! Waiting: a *park* of a goroutine or of a plain thread, and the *ticket* with which somebody else ends it.
//!
//! Everything that waits does it in one shape:
//!
//! ```text
//! waiter                                             waker
//! 1. lock the structure; it would have to wait       1. lock the structure
//! 2. Parking::open: the park has a ticket            2. take the next ticket off the list
//! 3. leave the ticket in the structure               3. write what the waiter waits for
//! 4. unlock                                          4. claim the ticket; if that fails the waiter has given up
//! 5. Parking::wait                                      or its runtime is gone: take it back, try the next
//!                                                    5. unlock, drop what claim gave: the waiter is queued
//! ```
//!
//! Nothing is lost between 4 and 5 of the waiter: a ticket that is claimed there only moves the epoch on, and the wait finds it moved
//! (`g/state.rs`). A ticket names one park and is worth nothing after it, so a waker that comes late, or twice, or after the goroutine's
//! memory serves another, changes nothing.
//!
//! A goroutine leaves its stack to wait, and its thread runs others. Where it must not (`Parking::open` tells), it waits as a plain
//! thread does: it unwinds (std counts panics in a thread-local), it is polled by `block_on`, it runs inside `blocking`. Then its P is
//! handed on, its thread sleeps, and it waits for a P on its own M.

mod parking;
mod reason;
mod thread;
mod ticket;

pub use parking::{Leaving, Parking};
pub use reason::Reason;
pub use ticket::{Ticket, Woken};

pub(crate) use parking::{no_switch, switch_forbidden, switch_forbidden_on};
pub(crate) use ticket::Waiter;
