//! Sleeping.

use std::time::{Duration, Instant};

use threadle_scheduler::{Parking, Reason, checkpoint};

use crate::context::{Context, ContextError, Watch};

/// The present time: of the runtime's clock if that is a [virtual](crate::testing#virtual-time) one, else [`Instant::now`]. Code that is to
/// be tested in virtual time computes its deadlines with it. Never switches.
///
/// Inside [`blocking`](crate::blocking), and on plain threads, it is the real time.
///
/// ```
/// use std::time::Duration;
/// use threadle::time;
/// let deadline = time::now() + Duration::from_millis(2);
/// time::sleep_until(deadline);
/// assert!(time::now() >= deadline);
/// ```
pub fn now() -> Instant {
    threadle_scheduler::now()
}

/// Lets the calling goroutine or thread wait for `duration`; other goroutines run meanwhile.
///
/// It never returns early. A zero duration returns at once (it only heeds a due preemption, as
/// [`checkpoint`] does); one beyond what the clock can count never ends.
///
/// Switches: yes.
///
/// ```
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// threadle::time::sleep(Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        checkpoint();
    } else {
        park_until(now().checked_add(duration));
    }
}

/// Lets the calling goroutine or thread wait until `deadline`; returns at once if that has passed.
///
/// Switches: yes.
///
/// ```
/// use std::time::{Duration, Instant};
/// let deadline = Instant::now() + Duration::from_millis(2);
/// threadle::time::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) {
    if deadline <= now() {
        checkpoint();
    } else {
        park_until(Some(deadline));
    }
}

/// As [`sleep`], until the context ends at most.
///
/// Switches: yes.
///
/// # Errors
/// The context has ended, before the time was over.
///
/// ```
/// use std::time::Duration;
/// use threadle::{context::Context, time};
///
/// let (context, cancel) = Context::background().with_cancel();
/// assert!(time::sleep_with(&context, Duration::from_millis(1)).is_ok());
/// cancel.cancel();
/// assert!(time::sleep_with(&context, Duration::from_secs(60)).unwrap_err().is_cancelled());
/// ```
#[track_caller]
pub fn sleep_with(context: &Context, duration: Duration) -> Result<(), ContextError> {
    sleep_within(context, crate::base::now().checked_add(duration))
}

/// As [`sleep_until`], until the context ends at most.
///
/// Switches: yes.
///
/// # Errors
/// The context has ended, before the deadline.
///
/// ```
/// use std::time::{Duration, Instant};
/// use threadle::{context::Context, time};
///
/// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
/// let late = Instant::now() + Duration::from_secs(60);
/// assert!(time::sleep_until_with(&context, late).unwrap_err().is_timeout());
/// ```
#[track_caller]
pub fn sleep_until_with(context: &Context, deadline: Instant) -> Result<(), ContextError> {
    sleep_within(context, Some(deadline))
}

#[track_caller]
fn sleep_within(context: &Context, deadline: Option<Instant>) -> Result<(), ContextError> {
    let watch = Watch::new(context)?;
    let is_over = || deadline.is_some_and(|deadline| deadline <= crate::base::now());
    if is_over() {
        checkpoint();
        return Ok(());
    }
    // Nobody else has the ticket: the park ends at the deadline, or with the context.
    watch.park(Parking::open(Reason::Sleep), deadline);
    if is_over() { Ok(()) } else { Err(watch.error()) }
}

#[track_caller]
fn park_until(deadline: Option<Instant>) {
    // Nobody else has the ticket: the park ends at the deadline.
    Parking::open(Reason::Sleep).wait_until(deadline);
}
