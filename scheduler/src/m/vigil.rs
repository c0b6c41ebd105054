//! Staying awake: an M that has run out of work looks on for a moment before it sleeps, where that has paid of late.
//!
//! To sleep and be woken costs a thread more than most goroutines do between two waits: 5 us of two CPUs at best, and several tens where the CPU had
//! nothing else and must be fetched out of its own sleep. Two goroutines at home on two threads that answer each other pay that for every
//! message, and an echo of few connections leaves one thread asleep most of the time, since what it is woken for is done before it is awake.
//!
//! So the M keeps its P and goes round its loop: it looks at everything a search looks at, and polls. As nothing is given up meanwhile, no promise is
//! touched: whoever publishes work sees no idle P, or a searcher, and the M looks after its release as ever (README, 7.1). It is only later asleep.
//!
//! What it must not do is burn a CPU for nothing:
//!
//! * *Not alone.* It goes on only while another M runs a goroutine, or is about to: nobody else of this process could bring it work. What comes from
//!   outside, the poll tells; for that it sleeps in the poll.
//! * *Not after a long sleep.* Only an M whose last sleep was shorter than [`SHORT_NS`] tries at all.
//! * *Not again and again in vain.* After each [`PATIENCE_NS`] without work it sleeps the next time at once; then the next three times, and at
//!   last seven of eight. Each success halves that.
//! * *Not on others' CPUs.* With more Ps than CPUs those who have work need them; and where time is virtual it would not pass.
//!
//! The rule "as long as it would cost to sleep" costs at most twice what a clairvoyant would pay (Karlin, Manasse, McGeoch and Owicki, "Competitive
//! randomized algorithms for nonuniform problems", 1994); Linux has a guest's idle CPU poll by the same measure (`haltpoll`). The numbers are
//! of docs/decisions/0034.

use std::cell::Cell;

/// A vigil ends after so long.
const PATIENCE_NS: u64 = 50_000;
/// A sleep that ended sooner may have been avoided.
const SHORT_NS: u64 = 100_000;
/// So long it looks on though nobody else is seen at work: he may be between two goroutines.
const GRACE_NS: u64 = 2_000;
/// At most so many sleeps without a vigil before each, after vigils in vain.
const LONGEST_PAUSE: u32 = 7;

/// The own variables of an M's vigils: when there was one, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// When the present one began; 0: there is none.
    begun: Cell<u64>,
    /// When it ran out of work and gave its P up; 0: it has not since it was last awake.
    asleep_since: Cell<u64>,
    last_sleep_was_short: Cell<bool>,
    /// So many sleeps follow a vigil in vain.
    pause: Cell<u32>,
    /// So many are left of them.
    sleeps_first: Cell<u32>,
}

/// What an M without work does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// It looks once more.
    Look,
    Sleep,
}

impl Vigil {
    pub(super) fn is_under_way(&self) -> bool {
        self.begun.get() != 0
    }

    /// It has found nothing, at `now`. `others_work` is asked only where it counts.
    pub(super) fn found_nothing(&self, now: u64, others_work: impl FnOnce() -> bool) -> Next {
        if !self.is_under_way() {
            if !self.last_sleep_was_short.get() {
                return Next::Sleep;
            }
            if let Some(left) = self.sleeps_first.get().checked_sub(1) {
                self.sleeps_first.set(left);
                return Next::Sleep;
            }
            self.begun.set(now);
        }
        let lasts = now.saturating_sub(self.begun.get());
        if lasts >= PATIENCE_NS {
            let pause = (2 * self.pause.get() + 1).min(LONGEST_PAUSE);
            self.pause.set(pause);
            self.sleeps_first.set(pause);
        } else if lasts < GRACE_NS || others_work() {
            return Next::Look;
        }
        self.begun.set(0);
        Next::Sleep
    }

    /// It has found something. True: in a vigil.
    #[inline]
    pub(super) fn found_work(&self) -> bool {
        let kept = self.begun.replace(0) != 0;
        if kept {
            self.pause.set(self.pause.get() / 2);
        }
        kept
    }

    /// It gives its P up, as there is nothing to do.
    pub(super) fn falls_asleep(&self, now: u64) {
        self.begun.set(0);
        self.asleep_since.set(now);
    }

    /// It has a P again.
    pub(super) fn is_awake(&self, now: impl FnOnce() -> u64) {
        let since = self.asleep_since.replace(0);
        if since != 0 {
            self.last_sleep_was_short.set(now().saturating_sub(since) < SHORT_NS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has just slept for a moment.
    fn awake(now: u64) -> Vigil {
        let vigil = Vigil::default();
        vigil.falls_asleep(now - SHORT_NS / 2);
        vigil.is_awake(|| now);
        vigil
    }

    /// How many of the next `sleeps` came without a vigil; the others had one in vain.
    fn sleeps_at_once(vigil: &Vigil, sleeps: u32) -> u32 {
        let mut at_once = 0;
        for round in 1..=u64::from(sleeps) {
            let now = round * 10 * SHORT_NS;
            if vigil.found_nothing(now, || true) == Next::Sleep {
                at_once += 1;
            } else {
                assert_eq!(vigil.found_nothing(now + PATIENCE_NS - 1, || true), Next::Look);
                assert_eq!(vigil.found_nothing(now + PATIENCE_NS, || true), Next::Sleep);
            }
            vigil.falls_asleep(now);
            vigil.is_awake(|| now + 1);
        }
        at_once
    }

    #[test]
    fn there_is_none_before_the_first_sleep_nor_after_a_long_one() {
        let vigil = Vigil::default();
        assert_eq!(vigil.found_nothing(1, || true), Next::Sleep);
        vigil.falls_asleep(1);
        vigil.is_awake(|| 1 + SHORT_NS);
        assert_eq!(vigil.found_nothing(SHORT_NS, || true), Next::Sleep);
        assert!(!vigil.found_work());
    }

    #[test]
    fn a_short_sleep_begins_one_and_it_lasts_while_others_work() {
        let now = 10 * SHORT_NS;
        let vigil = awake(now);
        assert_eq!(vigil.found_nothing(now, || false), Next::Look, "he may be between two goroutines");
        assert_eq!(vigil.found_nothing(now + GRACE_NS, || true), Next::Look);
        assert_eq!(vigil.found_nothing(now + 2 * GRACE_NS, || false), Next::Sleep);
        // That was not in vain, nor long: the next one is not put off.
        assert_eq!(vigil.found_nothing(now + 3 * GRACE_NS, || true), Next::Look);
        assert!(vigil.found_work() && !vigil.is_under_way());
        assert!(!vigil.found_work(), "counted once");
    }

    #[test]
    fn in_vain_it_comes_ever_more_seldom() {
        let vigil = awake(SHORT_NS);
        assert_eq!(sleeps_at_once(&vigil, 1), 0);
        assert_eq!(sleeps_at_once(&vigil, 2), 1);
        assert_eq!(sleeps_at_once(&vigil, 4), 3);
        assert_eq!(sleeps_at_once(&vigil, 8), 7);
        assert_eq!(sleeps_at_once(&vigil, 80), 70);
    }

    #[test]
    fn success_brings_it_back() {
        let vigil = awake(SHORT_NS);
        sleeps_at_once(&vigil, 15);
        let mut vigils = 0;
        for round in 0..20 {
            let now = (100 + round) * SHORT_NS;
            if vigil.found_nothing(now, || true) == Next::Look {
                vigils += 1;
                assert!(vigil.found_work());
            } else {
                vigil.falls_asleep(now);
                vigil.is_awake(|| now + 1);
            }
        }
        // The pause that was left, and none after.
        assert_eq!(vigils, 20 - LONGEST_PAUSE);
    }
}
