//! When a thread that could not be made is asked for again.
//!
//! A limit may be raised, or a thread end, at any time, and nobody is told of it. Asking costs a refused `clone`, so the first attempts come
//! a tick apart, in case it was a burst, and then ever less often. What waits for the thread is picked up sooner by any M that comes free: it
//! looks by itself.

use super::{LONGEST_NS, SHORTEST_NS};

/// The pause between two attempts, doubled after each that was refused. Times are nanoseconds of `limits::clock`.
#[derive(Debug, Default)]
pub(super) struct Retry {
    pause: u64,
    not_before: u64,
}

impl Retry {
    pub(super) fn may_ask(&self, now: u64) -> bool {
        now >= self.not_before
    }

    pub(super) fn refused(&mut self, now: u64) {
        self.pause = (self.pause * 2).clamp(SHORTEST_NS, LONGEST_NS);
        self.not_before = now + self.pause;
    }

    /// No thread is wanted any more.
    pub(super) fn granted(&mut self) {
        *self = Retry::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts of a monitor that is awake all the time and refused for so long.
    fn attempts(retry: &mut Retry, from: u64, until: u64) -> usize {
        let asks = (from..until).step_by(SHORTEST_NS as usize).filter(|&now| {
            let asks = retry.may_ask(now);
            if asks {
                retry.refused(now);
            }
            asks
        });
        asks.count()
    }

    #[test]
    fn attempts_become_rare_but_do_not_end() {
        let mut retry = Retry::default();
        assert_eq!(attempts(&mut retry, 0, 20 * SHORTEST_NS), 5, "0, 1, 3, 7 and 15 ticks");
        let settled = 10 * LONGEST_NS;
        attempts(&mut retry, 20 * SHORTEST_NS, settled);
        let later = attempts(&mut retry, settled, settled + 100 * LONGEST_NS);
        assert!((99..=101).contains(&later), "{later} attempts in a hundred of the longest pauses");
    }

    #[test]
    fn the_next_shortage_begins_anew() {
        let mut retry = Retry::default();
        attempts(&mut retry, 0, 10 * LONGEST_NS);
        retry.granted();
        assert!(retry.may_ask(0));
        retry.refused(0);
        assert!(retry.may_ask(SHORTEST_NS));
    }
}
