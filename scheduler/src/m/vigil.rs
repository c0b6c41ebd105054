//! Staying awake: an M that has run out of work looks on for a moment before it sleeps, where that has paid of late.
//!
//! To sleep and be woken costs a thread more than most goroutines do between two waits: 5 us of two CPUs at best, and several tens where
//! the CPU had nothing else and must be fetched out of its own sleep. Two goroutines at home on two threads that answer each other pay that
//! for every message, and an echo of few connections leaves one thread asleep most of the time, since what it is woken for is done before it is
//! awake.
//!
//! So the M keeps its P and goes round its loop: it looks at everything a search looks at, and polls. As nothing is given up meanwhile, no
//! promise is touched: whoever publishes work sees a searcher, and the M looks after its release as ever (README, 7.1). It is only later
//! asleep.
//!
//! What it must not do is burn a CPU for nothing:
//!
//! * *Not alone.* It goes on only while another M with a P runs a goroutine, or is about to: who else could bring it work is outside the
//!   runtime, or has no P. What comes from there tells the poll, or wakes it; for that it may sleep.
//! * *Not in crowds.* Only who searches stays awake, so at most half as many as there are busy Ps; of two, both may.
//! * *Not after a long sleep.* Only an M whose last sleep was shorter than [`SHORT_NS`] tries at all.
//! * *Not again and again in vain.* When vigils without work have cost [`PATIENCE_NS`], and none with work came between, it sleeps the next
//!   time at once; then the next three times, and at last seven of eight. Each that found something halves that.
//! * *Not on others' CPUs.* With fewer whole CPUs than Ps, by affinity or quota, those who have work need them; and where time is
//!   virtual it would not pass.
//!
//! To wait for as long as it would cost to sleep costs at most twice what a clairvoyant would pay (Karlin, Manasse, McGeoch and Owicki,
//! "Competitive randomized algorithms for nonuniform problems", 1994). [`PATIENCE_NS`] is the cost on a machine whose idle CPU sleeps deeply;
//! on others it is too long, and the third and fourth rule bound what is lost. Linux has a guest's idle CPU poll by such a measure
//! (`haltpoll`). The numbers are of docs/decisions/0034.

use std::cell::Cell;

/// A vigil ends after so long.
const PATIENCE_NS: u64 = 50_000;
/// A sleep that ended sooner may have been avoided: two wake-ups, where the other slept as well, and what both had to do.
const SHORT_NS: u64 = 200_000;
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
    /// What vigils in vain have cost since the last that was not, or since they last made the pause longer.
    lost: Cell<u64>,
    /// So many sleeps come before the next vigil, where they are in vain.
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
    /// It has found nothing, at `now`. `others_work` is asked only where it counts.
    pub(super) fn found_nothing(&self, now: u64, others_work: impl FnOnce() -> bool) -> Next {
        if self.begun.get() == 0 {
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
        if lasts < GRACE_NS || (lasts < PATIENCE_NS && others_work()) {
            return Next::Look;
        }
        self.begun.set(0);
        let lost = self.lost.get() + lasts;
        if lost < PATIENCE_NS {
            self.lost.set(lost);
        } else {
            self.lost.set(0);
            self.pause.set((2 * self.pause.get() + 1).min(LONGEST_PAUSE));
        }
        self.sleeps_first.set(self.pause.get());
        Next::Sleep
    }

    /// It has found something. True: in a vigil.
    #[inline]
    pub(super) fn found_work(&self) -> bool {
        let kept = self.begun.replace(0) != 0;
        if kept {
            self.lost.set(0);
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

    /// Its P went to somebody who needs it more: what it sleeps for now tells nothing of the next time there is nothing to do.
    pub(super) fn is_broken_off(&self) {
        self.begun.set(0);
        self.last_sleep_was_short.set(false);
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
        // That was in vain, but not long: the next one is not put off.
        assert_eq!(vigil.found_nothing(now + 3 * GRACE_NS, || true), Next::Look);
        assert!(vigil.found_work());
        assert!(!vigil.found_work(), "counted once");
    }

    #[test]
    fn short_ones_in_vain_add_up() {
        let vigil = awake(SHORT_NS);
        let mut at_once = 0;
        for round in 1..=100 {
            let now = round * SHORT_NS;
            if vigil.found_nothing(now, || true) == Next::Sleep {
                at_once += 1;
            } else {
                assert_eq!(vigil.found_nothing(now + 2 * GRACE_NS, || false), Next::Sleep);
            }
        }
        assert!(at_once > 0, "a hundred graces for nothing, and it is as patient as before");
    }

    #[test]
    fn one_that_is_broken_off_is_not_gone_on_with() {
        let vigil = awake(SHORT_NS);
        assert_eq!(vigil.found_nothing(SHORT_NS, || true), Next::Look);
        vigil.is_broken_off();
        assert!(!vigil.found_work());
        assert_eq!(vigil.found_nothing(2 * SHORT_NS, || true), Next::Sleep);
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
