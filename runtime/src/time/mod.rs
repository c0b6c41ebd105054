//! Sleeping, timers and tickers. The clock is the monotonic one, [`Instant`](std::time::Instant).
//!
//! ```
//! use std::time::Duration;
//! use threadle::time::{Ticker, Timer};
//!
//! let patience = Timer::after(Duration::from_secs(60));
//! let ticker = Ticker::new(Duration::from_millis(1));
//! for _ in 0..3 {
//!     ticker.recv().unwrap(); // in a select!, the receivers are patience.receiver() and ticker.receiver()
//! }
//! assert!(patience.stop()); // in time: nothing will be received from it any more
//! ```
//!
//! # Two kinds of timers
//!
//! | | one that is **received from**: [`Timer::after`], [`Ticker`] | one that **calls**: [`Timer::after_func`], [`every`] |
//! |---|---|---|
//! | what there is of it while nobody waits | one word that says when (`latent.rs`; of a ticker, `chan/alarm_word.rs`) | an entry in the wheel of a P |
//! | who looks at the clock | whoever receives: it parks until that instant | the scheduler; the function runs on a goroutine of its own |
//! | belongs to | nobody: made, reset and received from by goroutines of any runtime and by plain threads | the runtime it was made in; stopped and reset from anywhere |
//! | when its runtime ends | goes on; a receiver's wait is its own | never calls again; a function that runs is abandoned like every goroutine |
//! | dropped | its receivers go on | goes on; the function is dropped with the last of handle and entry |
//!
//! # Exact, by asking at the last moment
//!
//! What makes `stop` and `reset` hard elsewhere is the message that is under way already: in a buffer, or in the hands of a thread that
//! has taken the timer off its heap and not yet sent. Here nothing is ever under way. Until the moment it takes effect, a firing is but
//! the question "is it due *now*?", put to the same word, or under the same lock, that `stop` and `reset` write:
//!
//! | firing | `stop`, `reset` |
//! |---|---|
//! | 1. a receiver looks at the clock; or: the wheel hands out the entry | 1. writes the new instant, or "never" |
//! | 2. **in one step**: is the instant not later than that? then it is over ("never", or the next of the period) | 2. before it was not "never": true |
//! | 3. has received; or: starts the goroutine | 3. moves the entry in the wheel, or takes it out |
//!
//! Step 2 on the left and step 1 on the right come one after the other. Right first: the firing finds a later instant and is none; the
//! entry that came with it is only an early look. Left first: `stop` says false, and the next instant is a new one. So after `stop` has
//! returned, and after `reset` has and until the new instant, nothing is received and no call begins. No generation is counted: *the
//! instant is the generation*, and to fire late for one that has been replaced by another which has passed too is to fire in time.
//! (The word is `chan/alarm_word.rs`, before its first receiver that of `latent.rs`; the lock that of `callback.rs`; all are modelled, with
//! variants that must fail.)
//!
//! # Late, never early
//!
//! A timer fires at its instant or later, by the scheduler's usual delay. One that is periodic keeps to its grid (start + k * period):
//! a tick that nobody took in time comes late, those missed behind it are skipped.

mod callback;
mod every_on;
mod latent;
mod sleep;
mod ticker;
mod timer;

pub use every_on::{every_on, every_on_overlapping};
pub use sleep::{now, sleep, sleep_until, sleep_until_with, sleep_with};
pub use ticker::Ticker;
pub use timer::{Timer, every};
