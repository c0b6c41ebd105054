//! Until when the calls of one direction of a socket may go on.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The deadline and the time-out of one direction. Read by every call, set by anybody.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    /// In nanoseconds after [`origin`]; 0: none.
    deadline: AtomicU64,
    /// In nanoseconds; 0: none.
    timeout: AtomicU64,
}

/// An instant before every deadline that is not in the past: deadlines must fit into an atomic word.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

fn saturated(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Limit {
    pub(crate) fn set_deadline(&self, deadline: Option<Instant>) {
        let nanos = deadline.map_or(0, |deadline| saturated(deadline.saturating_duration_since(origin())).max(1));
        self.deadline.store(nanos, Ordering::Release);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.deadline.load(Ordering::Acquire) {
            0 => None,
            nanos => origin().checked_add(Duration::from_nanos(nanos)),
        }
    }

    /// # Errors
    /// A zero duration is `InvalidInput`, as in std.
    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a time-out must not be zero"));
        }
        self.timeout.store(timeout.map_or(0, saturated), Ordering::Release);
        Ok(())
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self.timeout.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Whether the deadline has passed. Looks at the clock only if there is one.
    pub(crate) fn has_passed(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= crate::base::now())
    }

    /// Until when a call may wait; `began` is when it first had to, set here if it is needed.
    #[inline]
    pub(crate) fn end(&self, began: &mut Option<Instant>) -> Option<Instant> {
        let deadline = self.deadline();
        let Some(timeout) = self.timeout() else { return deadline };
        let of_call = began.get_or_insert_with(crate::base::now).checked_add(timeout);
        super::earlier(deadline, of_call)
    }
}

pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "deadline exceeded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_deadline_and_timeout_counts() {
        let limit = Limit::default();
        let now = crate::base::now();
        assert_eq!(limit.end(&mut None), None);
        limit.set_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(limit.end(&mut Some(now)), Some(now + Duration::from_secs(5)));
        limit.set_deadline(Some(now + Duration::from_secs(3)));
        assert_eq!(limit.end(&mut Some(now)), Some(now + Duration::from_secs(3)));
        limit.set_timeout(Some(Duration::MAX)).unwrap();
        assert_eq!(limit.end(&mut Some(now)), Some(now + Duration::from_secs(3)));
        limit.set_deadline(None);
        assert!(limit.set_timeout(Some(Duration::ZERO)).is_err());
    }

    #[test]
    fn a_deadline_in_the_past_has_passed() {
        let limit = Limit::default();
        assert!(!limit.has_passed());
        limit.set_deadline(Some(origin()));
        assert!(limit.has_passed());
        limit.set_deadline(Some(Instant::now() + Duration::from_secs(1000)));
        assert!(!limit.has_passed());
    }
}
