//! Due timers, step 2 of the search order, and what is done where more are due than the P has room for.
//!
//! # A storm of timers stays in the wheel
//!
//! Migrating, whoever a timer wakes goes to the end of the P's ring. A ring that overflows gives its newest half to the injector, and the newest are
//! those that were just woken: while somebody spawns faster than all Ps together can start goroutines, hundreds of thousands of fresh ones lie
//! there, and the woken would wait behind all of them. So no more timers are fired than the ring has room for. The rest stay in the wheel, which is a
//! queue as good as any: in the order of the deadlines, without an end, and open to thieves, who fire due timers of others when they find nothing
//! else.
//!
//! But a wheel that is full of due timers could fill the ring again and again, and then nobody would get to the injector but at the 61st turns.
//! So once timers are left, the ring is filled when half of it has run, *by turns* out of the wheel and out of the injector, at most [`BATCH`]
//! of either: who was woken and who is fresh wait for the other kind as long as for their own.
//!
//! | the ring | timers are due, and none were left before | some were left |
//! |---|---|---|
//! | half full or less | fired, as many as there is room for; the others are *left* | by turns: a batch of the injector, or as many as there is room for |
//! | fuller | the same | none |
//! | full | all are left | none |
//!
//! # A ring that never gets emptier
//!
//! Of 256 goroutines that yield in a circle nobody leaves the ring, and whoever is in the wheel or in the injector waits for an M that is never out
//! of work. Theirs are the 61st turns. One at each would be bounded and no more: a thousand in the injector would wait for 61 000 turns. So it is
//! up to [`QUARTER`] timers that were left and as many goroutines of the injector, besides the one that runs at once. Where the ring has no room for
//! them, nor had any 61 turns before (so that it is no crowd which was just woken, and will be gone), room is *made*: the newest, who have just
//! had their turn, go to the injector's end, and come back as the others did. So each moves on through ring and injector as in one queue that is
//! four times as long, at worst.
//!
//! | at a 61st turn | goes out to the injector | comes in |
//! |---|---|---|
//! | timers were left | as many as lack to 15 free slots | 15 timers; where the injector is not empty no more than half of the room |
//! | the injector is not empty | as many as lack to 15 (with the line above: to 30) | 16 goroutines of it, one of which runs at once |
//!
//! Who has been let in has been promised its turn (p/README, "Promised a turn"): neither this nor an overflow moves it out again. So one whom a
//! timer wakes beside a full ring waits for a 61st turn and for one round of the ring, and those who made room for it for the injector: four rounds.
//! The suite `circle` counts all of it.
//!
//! An M that comes out of the poll fires what is due on all Ps, as far as its own has room. If it finds no P free, whoever it wakes goes to the
//! injector, so it leaves that to the Ps while more than a batch lies there.
//!
//! Bound, whoever a timer wakes lies with its own thread, in a queue without an end that is looked at by turns with the ring; no room is made, as
//! those in the ring are fresh and leave it with their first turn. An exclusive M runs nobody else's and takes nothing out of the injector. Both fire
//! all that is due.
//!
//! What was weighed against it, and the figures: [0028](../../../docs/decisions/0028-timers-stay-in-the-wheel-while-the-ring-is-full.md).

use super::M;
use crate::injector::BATCH;
use crate::p::P;
use crate::p::ring::CAPACITY;
use crate::runtime::Mode;
use crate::timers::NEVER;

/// So many timers that were left are fired at a 61st turn, and so many goroutines of the injector queued: a quarter of the turns until the next, so
/// that the ring gets emptier all the same.
pub(super) const QUARTER: usize = 15;

impl M {
    #[inline]
    pub(super) fn fire_due_timers(&self, p: &'static P) {
        let next = p.timers.next();
        if next != NEVER {
            self.fire_timers_due_since(p, next);
        }
    }

    #[inline(never)]
    fn fire_timers_due_since(&self, p: &'static P, next: u64) {
        if !self.own().timers_left.get() || self.is_the_timers_turn(p) {
            self.fire_timers(p, next, self.room_for_timers(p));
        }
    }

    /// At the 61st turns: those in a ring that stays full are there to stay, so the newest make room for those who wait elsewhere.
    pub(super) fn make_room(&self, p: &'static P) {
        let scheduler = self.scheduler();
        // Bound, those in the ring are fresh, and leave it with their first turn.
        if scheduler.mode() == Mode::Bound {
            return;
        }
        // SAFETY: the loop holds its P and is inside.
        let queue = unsafe { p.queue() };
        let full = queue.room() < QUARTER;
        let injector = scheduler.injector();
        let kinds = usize::from(self.own().timers_left.get()) + usize::from(!injector.is_empty());
        if !self.own().ring_was_full.replace(full) || !full || kinds == 0 {
            return;
        }
        let newest = queue.make_room(kinds * QUARTER);
        if !newest.is_empty() {
            p.counters.overflows.bump();
            injector.push(newest);
            scheduler.wake_if_wanted();
        }
    }

    /// At the 61st turns.
    pub(super) fn fire_left_timers(&self, p: &'static P) {
        if self.own().timers_left.get() {
            let room = self.room_for_timers(p);
            // The other half is the injector's.
            let half = if self.scheduler().injector().is_empty() { room } else { room.div_ceil(2) };
            self.fire_timers(p, p.timers.next(), half.min(QUARTER));
        }
    }

    fn fire_timers(&self, p: &'static P, next: u64, most: usize) {
        let now = self.scheduler().now_ns();
        let some_left = now >= next && (most == 0 || self.fire_timers_of(p, p, now, most));
        self.own().timers_left.set(some_left);
    }

    /// Fires timers of P `of` that are due, as many as this M's P has room for. True: more are due.
    pub(super) fn fire_timers_of(&self, of: &'static P, p: &'static P, now: u64, most: usize) -> bool {
        let mut all = true;
        self.batch(p, || {
            let fired = of.timers.run_due(now, most);
            p.counters.timers_fired.add(fired.count as u64);
            all = fired.all;
        });
        !all
    }

    /// Fires what is due on any P, as far as there is room on this one, which the M has just got: the others fire what is left.
    pub(super) fn fire_all_due(&self, p: &'static P, now: u64) -> usize {
        let fire = |of: &'static P| match self.room_for_timers(p) {
            0 => 0,
            room => of.timers.run_due(now, room).count,
        };
        self.scheduler().ps().map(fire).sum()
    }

    pub(super) fn room_for_timers(&self, p: &'static P) -> usize {
        if self.scheduler().mode() == Mode::Bound || self.is_exclusive() {
            return usize::MAX;
        }
        // SAFETY: the loop holds its P and is inside.
        unsafe { p.queue() }.room()
    }

    /// Timers were left. False: not now.
    fn is_the_timers_turn(&self, p: &'static P) -> bool {
        if self.is_exclusive() {
            return true;
        }
        if p.ring.queued() > CAPACITY - BATCH {
            return false;
        }
        let turn = &self.own().timers_turn;
        turn.set(!turn.get() && self.fill_from_injector(p));
        !turn.get()
    }
}
