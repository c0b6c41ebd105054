//! For tests of programs that use goroutines: either mode, a watchdog, time that does not pass, nobody left behind.
//!
//! ```
//! use std::time::Duration;
//! use threadle::{go, testing, time};
//!
//! # fn retry() {}
//! // #[test]
//! fn it_gives_up_after_an_hour() {
//!     testing::virtual_time(|| {
//!         let begun = time::now();
//!         let job = go(|| (0..60).for_each(|_| time::sleep(Duration::from_secs(60))));
//!         testing::assert_no_leaks(|| job.join().unwrap());
//!         assert_eq!(time::now() - begun, Duration::from_secs(3600));
//!     }); // after a millisecond or so
//! }
//! # it_gives_up_after_an_hour();
//! ```
//!
//! * [`Run`] runs a test's body in a runtime, under a [`Watchdog`]: a test that hangs prints what everybody waits for, and aborts.
//! * [`both_modes`] runs it in either mode.
//! * [`virtual_time`] runs it on a clock that stands still while anything happens.
//! * [`assert_no_leaks`] fails, with their dump, if goroutines are left behind.
//!
//! # Virtual time
//!
//! After Go's `testing/synctest`. The runtime has a clock of its own. It begins at the real time and stands still until every goroutine is
//! *durably blocked*; then it jumps to the next timer's instant, and that timer fires. Sleeps, deadlines, `chan::after`, `chan::tick` and timers
//! all go by it; [`time::now`](crate::base::now) reads it, and [`Instant::now`](std::time::Instant::now), which knows nothing of it, the real one.
//!
//! | a goroutine that | holds the clock |
//! |---|---|
//! | waits for a channel, a `select!`, anything of `sync`, a join, a timer, `block_on` | no: durably blocked |
//! | runs, or is ready to | yes |
//! | waits for a socket or another descriptor, also with a deadline | yes: the world may send |
//! | is inside `blocking`, `fs`, a bare system call, a `std` lock | yes: it will come back |
//!
//! What happens takes no time; so two timers fire in the order of their instants, and what one sets going has run to its end before the next.
//! On one processor, the default of [`virtual_time`], a test that draws no random numbers of its own, and in which only goroutines of its
//! runtime meet, then runs in the same order each time. (A goroutine that computes for a second of real time without a switching call is
//! made to give way there; elsewhere that is 10 ms.)
//!
//! **Plain threads** and other runtimes live in real time, also where they wait with a deadline on something of a virtual runtime, and so does
//! what runs inside `blocking`. They are outsiders: the clock does not wait for what they might send. Keep them out, or have the goroutine wait
//! for them in `blocking`.
//!
//! **A deadlock** (everybody is durably blocked, and no timer is armed) ends the runtime and panics in the caller, with the dump. Main is
//! abandoned then where it stands; so the body borrows nothing.
//!
//! A ticker that nobody stops lets time pass for ever in a test that waits for something else: the watchdog's case.

mod leaks;
mod mode;
mod run;
mod watchdog;

pub use leaks::assert_no_leaks;
pub use mode::{Mode, ParseModeError};
pub use run::{Run, both_modes, settle, virtual_time};
pub use watchdog::Watchdog;
