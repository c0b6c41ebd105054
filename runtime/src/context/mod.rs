//! Contexts: when to give up, why, and what goes along with a request. After Go's package of that name.
//!
//! A [`Context`] is handed down the calls that serve one request. It ends when somebody cancels it, when its deadline has passed, or with
//! its parent; everything that waits on behalf of the request waits for that end too, and gives up.
//!
//! ```
//! use std::time::Duration;
//! use threadle::context::Context;
//!
//! threadle::run(|| {
//!     let (request, cancel) = Context::background().with_timeout(Duration::from_secs(60));
//!     let (part, _) = request.with_cancel();
//!     let worker = threadle::go(move || part.done().recv().is_err()); // ends with the request
//!     cancel.cancel();
//!     assert!(worker.join().unwrap());
//!     assert!(request.err().unwrap().is_cancelled());
//! });
//! ```
//!
//! # The tree
//!
//! Each context that can end is a node. It owns a reference to its parent, which knows its children weakly: a child that nobody holds any
//! more leaves its parent as it is dropped, so that nothing has to be cancelled only to be freed. A [`Cancel`] that is dropped cancels
//! nothing (in Go it has to be called lest the child leaks); [`Cancel::guard`] makes one that does. Values lie in a list of their own beside
//! the nodes, so that [`with_value`](Context::with_value) and [`without_cancel`](Context::without_cancel) make no node.
//!
//! Chains may be a million deep and a goroutine's stack is small, so nothing recurses: the end is carried down by a list of what is still
//! to be told, and a node that is dropped drops its ancestors in a loop.
//!
//! # Deadlines without timers
//!
//! A deadline arms no timer. A node knows its expiry, the earliest of its own and its ancestors' deadlines, and whose it is; whoever asks
//! looks at the clock, and whoever waits parks until that instant at most (a [`Source`](crate::chan) like `chan::after`). The first to
//! find that it has passed ends the node whose deadline it is, and with it all below. So a request that is over in time costs the
//! scheduler nothing, a context works on plain threads as well as in any number of runtimes, and it outlives all of them. Only functions that
//! are to be called at the end ([`after_func`](Context::after_func)) have a timer, one each, in the runtime they are to run in.
//!
//! # The one race: an end against a new child
//!
//! | `with_cancel` | the parent's end |
//! |---|---|
//! | 1. locks the parent | 1. locks the parent |
//! | 2. not ended: **enters its children** | 2. **takes its children away**, and notes the end |
//! | 2'. ended: takes over the end | 3. unlocks |
//! | 3. unlocks | 4. wakes who waits; goes on with each child that is still held |
//!
//! Looking and entering are one step under the lock that the end takes, so a child is among those told, or finds the end. The same
//! step, with the function in the child's place, makes [`AfterFunc::stop`] exact. (Modelled in `family_loom.rs`, with a variant that must
//! fail.) Those who wait follow the protocol of the receivers that come due (`chan/source.rs`): first into the list, then the look.
//!
//! # Waiting with a context
//!
//! What a goroutine can wait for, it can wait for with a context: the call has the same name with `_with` behind it, and takes the context
//! first. In all of them
//!
//! * a context that has ended is told first, also where the call would not have had to wait, so that a loop over calls which never wait
//!   ends too;
//! * a wait that is given up leaves nothing behind: no place in a queue, no lock; a value that was to be sent comes back in the error, one
//!   that was under way is received by somebody else;
//! * the error is, or contains, a [`ContextError`], which tells cancelled from timed out and carries the cause.
//!
//! In `select!`, [`done`](Context::done) is an arm like any other.

mod after_func;
mod cancel;
mod chan;
mod error;
mod family;
mod handle;
mod join;
mod node;
mod sync;
mod time;
mod values;
mod watch;

pub use after_func::AfterFunc;
pub use cancel::{Cancel, CancelOnDrop};
pub use chan::{RecvWithError, SendWithError};
pub use error::{Cause, ContextError};
pub use handle::Context;
pub use join::JoinWithError;

pub(crate) use watch::Watch;
