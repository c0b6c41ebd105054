//! Receivers that the clock feeds: `after` and `tick`.
//!
//! They arm no timer of their own. What they hold is *when* the next message is due; whoever waits for it parks with that
//! deadline, so that the timer lives exactly as long as somebody waits, a receiver that is dropped or never asked costs
//! nothing, and a `select` merges the instant into its own deadline. (The other way, a buffer of one filled by a timer's
//! callback, arms and cancels a timer per `after` even where the other arm is ready at once.)

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A source of messages that come due at known instants.
pub(super) trait Timed<T>: Send + Sync {
    /// When the next message is due; `None`: never again.
    fn due(&self) -> Option<Instant>;
    /// Takes the message due at `now`, if there is one; one taker gets it.
    fn take(&self, now: Instant) -> Option<T>;
}

/// One message.
pub(super) struct After {
    at: Instant,
    taken: AtomicBool,
}

impl After {
    pub(super) fn new(at: Instant) -> Self {
        After { at, taken: AtomicBool::new(false) }
    }
}

impl Timed<Instant> for After {
    fn due(&self) -> Option<Instant> {
        (!self.taken.load(Ordering::Relaxed)).then_some(self.at)
    }

    fn take(&self, now: Instant) -> Option<Instant> {
        // The swap alone decides who gets it; the message is a copy of a constant, so no ordering is needed.
        (now >= self.at && !self.taken.swap(true, Ordering::Relaxed)).then_some(self.at)
    }
}

/// A message every `period`, on the grid `start + k * period`; what nobody received in time is skipped.
pub(super) struct Tick {
    start: Instant,
    period: u64,
    /// `k` of the next message.
    next: AtomicU64,
}

impl Tick {
    /// `period` in nanoseconds, at least 1.
    pub(super) fn new(start: Instant, period: u64) -> Self {
        Tick { start, period, next: AtomicU64::new(1) }
    }

    fn at(&self, k: u64) -> Option<Instant> {
        self.start.checked_add(Duration::from_nanos(self.period.checked_mul(k)?))
    }
}

impl Timed<Instant> for Tick {
    fn due(&self) -> Option<Instant> {
        self.at(self.next.load(Ordering::Relaxed))
    }

    fn take(&self, now: Instant) -> Option<Instant> {
        let k = self.next.load(Ordering::Relaxed);
        let at = self.at(k)?;
        if now < at {
            return None;
        }
        let elapsed = u64::try_from(now.duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let next = (elapsed / self.period).saturating_add(1);
        // A lost race means that another receiver took this very message; the next one is not due yet.
        self.next.compare_exchange(k, next, Ordering::Relaxed, Ordering::Relaxed).ok().map(|_| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_is_taken_once() {
        let start = Instant::now();
        let after = After::new(start + Duration::from_secs(1));
        assert_eq!(after.take(start), None);
        assert_eq!(after.due(), Some(start + Duration::from_secs(1)));
        assert_eq!(after.take(start + Duration::from_secs(5)), Some(start + Duration::from_secs(1)));
        assert_eq!(after.take(start + Duration::from_secs(5)), None);
        assert_eq!(after.due(), None);
    }

    #[test]
    fn tick_skips_what_was_missed_and_stays_on_its_grid() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let tick = Tick::new(start, 10_000_000);
        assert_eq!(tick.take(at(9)), None);
        assert_eq!(tick.take(at(10)), Some(at(10)));
        assert_eq!(tick.take(at(10)), None);
        // 20, 30 and 40 came due: the first is delivered late, the others are skipped.
        assert_eq!(tick.take(at(45)), Some(at(20)));
        assert_eq!(tick.take(at(45)), None);
        assert_eq!(tick.due(), Some(at(50)));
    }

    #[test]
    fn a_tick_beyond_the_horizon_never_comes() {
        let tick = Tick::new(Instant::now(), u64::MAX);
        assert_eq!(tick.take(Instant::now()), None);
        let far = Tick { start: Instant::now(), period: u64::MAX, next: AtomicU64::new(2) };
        assert_eq!(far.due(), None);
    }
}
