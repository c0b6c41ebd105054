//! Where bound goroutines are placed: which home the goroutine of a connection that was just accepted starts on (the queue it comes there by, and
//! why nothing lies in it for long, is `arrivals.rs`), and when any other fresh one is passed to an idle P.

use super::{M, current};
use crate::g::G;
use crate::idle::Roused;
use crate::runtime::{Mode, Scheduler};
use std::sync::atomic::Ordering::Relaxed;

/// So many goroutines more than elsewhere are no crowd: few connections are served soonest by the thread that accepts them, which is awake.
const FEW: usize = 8;
/// Nor is a 32nd part more.
const SLACK: usize = 32;

/// The calling goroutine has accepted a connection: what it spawns next is taken for the goroutine that serves it, and is placed on the thread
/// with the fewest goroutines (bound mode; migrating, goroutines need no place). A hint: nothing depends on it but how even the threads'
/// loads are. Does not switch.
pub fn connection_accepted() {
    if let Some(m) = current::m()
        && m.scheduler().mode() == Mode::Bound
    {
        m.own().accepted.set(true);
    }
}

impl M {
    /// Whether its goroutine is about to spawn the one that serves a connection: asked, it is forgotten.
    #[inline]
    pub(crate) fn has_accepted(&self) -> bool {
        let accepted = &self.own().accepted;
        accepted.get() && accepted.replace(false)
    }

    /// The home which is to start the next connection's goroutine. None: this one, as ever.
    #[cold]
    pub(crate) fn home_for_connection(&'static self) -> Option<&'static M> {
        let scheduler = self.scheduler();
        if self.is_exclusive() {
            return None;
        }
        let idle = scheduler.idle().counts().idle() > 0 && scheduler.seats().any();
        let least = scheduler.least_of_ms(|m| m.starts_fresh_ones(idle).then(|| m.load()))?;
        self.is_fuller_than(least, 0).then_some(least)
    }

    /// Bound, a goroutine stays where it starts, so an M that many are at home on passes a fresh one to an idle P, if there is one: left to
    /// themselves all connections of a server would be at home with the goroutine that accepts them, since that M is awake when they come.
    #[inline]
    pub(super) fn places_elsewhere(&'static self, g: &'static G) -> bool {
        let scheduler = self.scheduler();
        if g.started() || scheduler.mode() != Mode::Bound || g.is_locked() {
            return false;
        }
        self.places_fresh_elsewhere(g)
    }

    fn places_fresh_elsewhere(&'static self, g: &'static G) -> bool {
        let scheduler = self.scheduler();
        // Without a seat left the other M could not start it either.
        if scheduler.idle().counts().idle() == 0 || !scheduler.seats().any() || !self.is_crowded() {
            return false;
        }
        // An M that searches counts as one in `claim`, which would refuse then.
        self.found_work();
        let placed = scheduler.wake_with(g);
        if placed {
            self.own().inherits_slice.set(false);
        }
        placed
    }

    /// Clearly more goroutines are at home here than on the threads of this runtime in the mean.
    fn is_crowded(&self) -> bool {
        let mine = self.owned.load(Relaxed) as usize;
        mine >= FEW && {
            let mean = self.scheduler().mean_at_home();
            mine > mean + mean / 8 + FEW
        }
    }

    /// Clearly more goroutines are at home here than there, or will be, once so many fresh ones have `come` from there.
    pub(super) fn is_fuller_than(&self, other: &M, come: usize) -> bool {
        let others = other.load().saturating_sub(come);
        self.load() + come > others + others / SLACK + FEW
    }

    /// It is a home, and has a seat or could have one at once. Who has one runs, or waits for a P, or for a CPU: not for long, or it is taken.
    fn starts_fresh_ones(&self, idle: bool) -> bool {
        !self.is_exclusive() && self.is_home() && (self.has_seat() || (idle && self.sleeps()))
    }

    /// How many goroutines are at home here, or will be.
    fn load(&self) -> usize {
        let in_ring = self.p_hint().map_or(0, |p| self.scheduler().p(p).ring.queued());
        self.owned.load(Relaxed) as usize + self.arrivals.len() + in_ring
    }

    /// Places a fresh goroutine here, from outside this M.
    pub(crate) fn place(&'static self, g: &'static G) {
        let scheduler = self.scheduler();
        self.arrivals.push(g);
        match scheduler.idle().after_push(self) {
            Roused::Has(p) => scheduler.as_waker(|| self.assign(p, false)),
            Roused::Waits => {}
            Roused::NotAsleep if self.has_seat() => {}
            Roused::NotAsleep => scheduler.inject(self.arrivals.take()),
        }
    }

    /// The seat was given up, by its own thread or the monitor: so is what was to start here.
    pub(super) fn leave_arrivals(&self) {
        self.scheduler().inject(self.arrivals.take_after_seat());
    }

    /// It does not get on, though it has its seat.
    pub(crate) fn pass_arrivals_on(&self) {
        self.scheduler().inject(self.arrivals.take());
    }

    pub(crate) fn has_arrivals(&self) -> bool {
        !self.arrivals.is_empty()
    }

    /// It comes out of its rest, in which it had no seat. Before it runs anything: who has no seat is never asked for arrivals again.
    #[inline]
    pub(super) fn keep_or_pass_arrivals(&self) {
        if self.has_arrivals() && !self.may_start_fresh() {
            self.pass_arrivals_on();
        }
    }

    /// One that was placed here, if this M has or gets a seat; else somebody else has to start them.
    #[cold]
    pub(super) fn arrival(&self) -> Option<&'static G> {
        if self.may_start_fresh() {
            return self.arrivals.pop();
        }
        self.pass_arrivals_on();
        None
    }
}

impl Scheduler {
    /// Fresh goroutines for anybody.
    fn inject(&'static self, fresh: crate::injector::Chain<G>) {
        if !fresh.is_empty() {
            self.injector().push(fresh);
            self.wake_if_wanted();
        }
    }
}
