//! A message that comes due at an instant, once or periodically: what `after`, `tick`, `Timer` and `Ticker` receive from.
//!
//! All there is to know lies in one word ([`Word`]), the instant and a bit that says that somebody may watch:
//!
//! | who | does to the word | so that |
//! |---|---|---|
//! | a receiver | CAS from the instant that has passed to the next one (or never) | one receiver gets the message, and none gets it once it was reset or stopped (R21) |
//! | `reset`, `stop` | swap for the new instant, without the bit | it knows whether it was in time: what it swapped out nobody takes |
//! | a watcher, after it has queued | sets the bit, and reads the instant by the same step | it sees the new instant, or the swap sees the bit and goes through the list |
//!
//! So there is nothing stale to be received: there is no buffer that a message could lie in. The bit spares `reset` and `stop` the list's
//! lock while nobody waits, as is the rule.

use std::time::{Duration, Instant};

use threadle_scheduler::clock;

use super::error::TryRecvError;
use super::source::{Source, Watchers};

#[path = "alarm_word.rs"]
mod word;

use word::{NEVER, Word};

/// See the module.
#[derive(Debug)]
pub(crate) struct Alarm {
    word: Word,
    watchers: Watchers,
}

impl Alarm {
    /// One message at `at`; `None`: never.
    pub(crate) fn once(at: Option<Instant>) -> Self {
        Alarm::at(nanos(at))
    }

    /// No message is to come: an instant of [`at`](Self::at) and [`instant`](Self::instant).
    pub(crate) const NEVER: u64 = NEVER;

    /// Nanoseconds as an alarm can have them; what is beyond is never.
    pub(crate) fn instant(at: u64) -> u64 {
        at.min(NEVER)
    }

    /// One message at such an instant.
    pub(crate) fn at(at: u64) -> Self {
        Alarm { word: Word::new(at, 0), watchers: Watchers::new() }
    }

    /// A message every `period`, which is not zero, on the grid `start + k * period`; what nobody received in time is skipped.
    pub(crate) fn periodic(start: Instant, period: Duration) -> Self {
        Alarm { word: Word::new(nanos(start.checked_add(period)), period_nanos(period)), watchers: Watchers::new() }
    }

    /// The one message comes at `at`, or never, and not when it was to come before. Whether one was to come.
    pub(crate) fn set(&self, at: Option<Instant>) -> bool {
        self.set_ns(nanos(at))
    }

    /// As [`set`](Self::set), in nanoseconds; what is beyond the word's is never.
    pub(crate) fn set_ns(&self, at: u64) -> bool {
        let (before, watched) = self.word.set(Alarm::instant(at));
        if watched {
            self.watchers.wake();
        }
        before != NEVER
    }

    /// As [`set`](Self::set), for messages every `period` from `start` on. Not to be called by two at once.
    pub(crate) fn set_periodic(&self, start: Instant, period: Duration) -> bool {
        self.word.set_period(period_nanos(period));
        self.set(start.checked_add(period))
    }
}

impl Source<Instant> for Alarm {
    fn take(&self, now: Instant) -> Result<Instant, TryRecvError> {
        self.word.take(clock::to_ns(now)).map(clock::to_instant).ok_or(TryRecvError::Empty)
    }

    fn due(&self) -> Option<Instant> {
        let at = self.word.at();
        (at != NEVER).then(|| clock::to_instant(at))
    }

    fn capacity(&self) -> usize {
        1
    }

    fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    fn watched(&self) {
        self.word.watch();
    }
}

fn nanos(at: Option<Instant>) -> u64 {
    at.map_or(NEVER, |at| clock::to_ns(at).min(NEVER))
}

fn period_nanos(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(NEVER).min(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Result<Instant, TryRecvError> = Err(TryRecvError::Empty);

    #[test]
    fn one_message_is_taken_once() {
        let start = Instant::now();
        let at = start + Duration::from_secs(1);
        let alarm = Alarm::once(Some(at));
        assert_eq!(alarm.take(start), EMPTY);
        assert_eq!(alarm.due(), Some(at));
        assert_eq!(alarm.take(start + Duration::from_secs(5)), Ok(at));
        assert_eq!(alarm.take(start + Duration::from_secs(5)), EMPTY);
        assert_eq!(alarm.due(), None);
    }

    #[test]
    fn periodic_ones_skip_what_was_missed_and_stay_on_their_grid() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let alarm = Alarm::periodic(start, Duration::from_millis(10));
        assert_eq!(alarm.take(at(9)), EMPTY);
        assert_eq!(alarm.take(at(10)), Ok(at(10)));
        assert_eq!(alarm.take(at(10)), EMPTY);
        // 20, 30 and 40 came due: the first is delivered late, the others are skipped.
        assert_eq!(alarm.take(at(45)), Ok(at(20)));
        assert_eq!(alarm.take(at(45)), EMPTY);
        assert_eq!(alarm.due(), Some(at(50)));
    }

    #[test]
    fn what_was_reset_or_stopped_is_not_taken() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let alarm = Alarm::once(Some(at(1)));
        assert!(alarm.set(Some(at(10))), "it was to come");
        assert_eq!(alarm.take(at(5)), EMPTY);
        assert!(alarm.set(None));
        assert!(!alarm.set(None), "it was stopped before");
        assert_eq!(alarm.take(at(50)), EMPTY);
        assert!(!alarm.set(Some(at(60))));
        assert_eq!(alarm.take(at(60)), Ok(at(60)));
        assert!(!alarm.set(None), "it was received");

        let alarm = Alarm::periodic(start, Duration::from_millis(10));
        assert!(alarm.set_periodic(at(25), Duration::from_millis(7)));
        assert_eq!(alarm.take(at(31)), EMPTY);
        assert_eq!(alarm.take(at(32)), Ok(at(32)));
        assert_eq!(alarm.due(), Some(at(39)));
        assert!(alarm.set(None));
        assert_eq!(alarm.take(at(1000)), EMPTY);
    }

    #[test]
    fn beyond_the_horizon_is_never() {
        let far = Duration::from_secs(600 * 365 * 86_400);
        let alarm = Alarm::periodic(Instant::now(), far);
        assert_eq!(alarm.due(), None);
        assert_eq!(alarm.take(Instant::now()), EMPTY);
        assert_eq!(Alarm::once(Some(Instant::now() + far)).due(), None);
    }
}
