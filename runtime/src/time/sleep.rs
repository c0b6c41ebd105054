//! Sleeping.

use std::time::{Duration, Instant};

use threadle_scheduler::{Parking, Reason, checkpoint};

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
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        checkpoint();
    } else {
        park_until(Instant::now().checked_add(duration));
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
pub fn sleep_until(deadline: Instant) {
    if deadline <= Instant::now() {
        checkpoint();
    } else {
        park_until(Some(deadline));
    }
}

fn park_until(deadline: Option<Instant>) {
    // Nobody else has the ticket: the park ends at the deadline.
    Parking::open(Reason::Sleep).wait_until(deadline);
}
