//! `select!` and [`Select`]: one of several channel operations.
//!
//! # How one is chosen
//!
//! A select is a goroutine that waits in several channels at once, with one node in each and *one ticket* in all of them. Whoever claims the
//! ticket has chosen: the claim succeeds once, so exactly one arm wins, and a partner whose claim fails takes back what it had put into the
//! node and goes on to the next waiter. The engine goes round in two steps:
//!
//! 1. *Look*, in a random order, whether an operation can be done at once, and do it. Nothing of ours is queued anywhere, so nobody can choose
//!    for us, and the operation is as simple as a `try_recv`.
//! 2. *Wait*: open a park; queue a node in every channel; wait; take every node out again. A channel in which the operation could be
//!    done by then is not queued in: the park is closed, unless somebody was quicker, and the round begins anew.
//!
//! No two locks are held at once. Of two selects that meet, one has all its nodes queued and only waits; the other looks (step 1), finds it and
//! claims it. When both are queueing at the same moment, each in a channel where the other is already, both see that, close their parks and
//! look again, in a new random order; they would have to do so in lockstep to go on like that.
//!
//! | a partner, in some channel | the select |
//! |---|---|
//! | 1. takes the channel's lock, pops the node | 1. queues its nodes, each under its channel's lock |
//! | 2. writes the outcome (and value) into it | 2. its park ends: claimed, timed out, or closed by itself |
//! | 3. **claims the ticket** | 3. takes **each** channel's lock in turn, unlinks the node if it still is in the list |
//! | 4. not claimed: takes outcome and value back | 4. reads the outcomes: one at most is not `Waiting` |
//! | 5. unlocks | |
//!
//! A partner between 2 and 4 holds the lock that 3 of the select needs, so what 4 of the select reads is final: the outcomes of partners that
//! lost have been taken back, and the one that won had written its own before the claim.
//!
//! # Sending: the value comes after the choice
//!
//! `send(sender, value)` evaluates `value` once the arm has been chosen, and not at all if it loses: in Rust, unlike in Go, a value that was
//! made for an arm that lost would be lost too. So what an arm wins is the *right* to send, and it is used in a second act:
//!
//! * *A place in the buffer.* It counts as taken from the choice on (`State::reserved`); the value fills it, or goes straight to a receiver that
//!   waits by then.
//! * *A promise to a receiver*, where there is no place (always so in a rendezvous channel). The receiver is claimed, so that it belongs to this
//!   select alone, and waits once more, in the channel's list of promised receivers, for the value. Select and receiver know each other by
//!   the promise's number, not by address, so each may go its way: the receiver at its deadline, or when the channel is closed (the select then
//!   sends to the next receiver, or gets the error); the select when the evaluation of `value` panics or leaves (the receiver then begins anew).
//!
//! A receiver that takes part in a promise is a plain `recv` with its own limits (deadline, context), or a select with all its other nodes taken
//! out. A `try_recv` can not wait and passes over senders without a value.
//!
//! Where the receiver has given up, the value is there and has no taker: a select that waits for as long as it takes then waits for the next
//! receiver, as a plain `send` would. One with `default` must not wait, nor must one with a time-out wait for longer: there the value goes to
//! another receiver that waits by then, or comes back with the error.
//!
//! What a select was given and never came to use, since its runtime ended before it ran, is returned (`wait.rs`): its place, its promise, or the
//! value that it received. One that did run, and is abandoned while it makes its value, keeps its place or its receiver, as it keeps every lock it
//! holds; so does one whose operation, or grant, is forgotten (`mem::forget`). The receiver has its own limits.
//!
//! Rejected: a promise that *binds*, so that the receiver waits for the value beyond its own limit, as crossbeam-channel's do: it makes a deadline
//! as long as an expression of somebody else's, and a dead-lock of a value that needs what the receiver holds. Evaluating values at the start,
//! as Go does (loses them, see above); waking a select that sends only to let it try again (it loses its turn to whoever comes by, and may do so
//! for ever); running the sender's expression on the receiver's stack (it may `return`, borrow, or not be `Send`); locking all channels in the
//! order of their addresses, as Go does (for what we need, one claim decides, and a select over 1 000 channels would hold 1 000 locks).
//!
//! Fairness: the order of looking is random each time, and a waiting select stands in each channel's queue in its turn, so that neither an arm
//! nor a select starves.

mod arm;
mod dynamic;
mod engine;
mod error;
mod macros;
mod random;

#[cfg(all(test, loom))]
#[path = "select_loom.rs"]
mod loom_tests;

pub use dynamic::{Select, SelectedOperation};
pub use error::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError};

/// What the macros expand to. No part of the interface.
#[doc(hidden)]
#[cfg(not(loom))]
pub mod expanded {
    pub use super::arm::{Grant, RecvArm, SendArm};
    pub use super::engine::{Manner, for_ever, select};
}
