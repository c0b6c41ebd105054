//! The M's loop, and the order in which it looks for work: `look`, read from top to bottom.

use super::M;
use super::due::QUARTER;
use super::vigil::Next;
use crate::g::G;
use crate::idle::Released;
use crate::injector::Chain;
use crate::limits::clock;
use crate::p::P;
use crate::runtime::Mode;
use crate::timers::NEVER;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use threadle_netpoll::Polled;

/// Every so many turns others are looked at first, however much is at hand (Go's number: a prime, so that it keeps step with nothing).
const FAIRNESS: u32 = 61;
/// So many goroutines in a row may come out of the `next` slots while others are queued behind.
const STREAK: u32 = 16;
/// Rounds of looking at every other P before giving up (Go's number).
const STEAL_ROUNDS: u32 = 4;
/// A `runnext` that its own P is about to run is left to it for so long.
const COURTESY_NS: u64 = 3_000;
/// Pauses between two looks of an M that stays awake: it is to leave the lines of those who work alone for a moment.
const BETWEEN_LOOKS: u32 = 32;

/// What looking for work came to: run this. None: nothing here, look further on; or the P was given to somebody who needs it more, which
/// the lease tells. Whether the goroutine goes on in the slice of the one before is in `Own::inherits_slice`: so all of it fits a register.
type Found = Option<&'static G>;

/// `return` what was found.
macro_rules! found {
    ($look:expr) => {
        if let Some(g) = $look {
            return Some(g);
        }
    };
}

impl M {
    /// Runs goroutines until the runtime ends. The thread is this M's.
    pub(super) fn run(&'static self) {
        loop {
            if !self.lease.inside() {
                if !self.rest() {
                    return;
                }
                self.own().vigil.is_awake(clock::now_ns);
                self.keep_or_pass_arrivals();
            }
            match self.look() {
                Some(g) if self.places_elsewhere(g) => {}
                Some(g) => {
                    self.found_work();
                    self.execute(g);
                }
                None if self.lease.inside() => self.look_again_or_let_p_go(),
                None => self.own().vigil.is_broken_off(),
            }
        }
    }

    /// The search order.
    #[inline]
    fn look(&'static self) -> Found {
        let p = self.p();
        if self.scheduler().stopping() {
            return None;
        }
        let tick = self.own().tick.get().wrapping_add(1);
        self.own().tick.set(tick);
        if self.is_exclusive() {
            return self.locked_turn(p, tick);
        }
        let gave_way = self.own().give_way.replace(false);
        if gave_way || tick.is_multiple_of(FAIRNESS) {
            found!(self.fairness(p, gave_way));
            if !self.lease.inside() {
                return None;
            }
        }
        self.fire_due_timers(p);
        found!(self.next_slots(p));
        found!(self.queues(p, tick));
        self.look_further(p, tick)
    }

    /// Nothing in the queues at hand.
    #[inline(never)]
    fn look_further(&'static self, p: &'static P, tick: u32) -> Found {
        found!(self.last_resort_slots(p));
        if self.scheduler().idle().waiting() > 0 {
            // One alone: the Ms that wait are to have their turn after it, not after a ring full of them.
            if self.is_the_injectors_turn() {
                found!(self.one_injected());
            }
            if self.waiting_ms() {
                return None;
            }
        }
        found!(self.injected(p));
        if self.poll(p) {
            found!(self.queues(p, tick));
            found!(self.last_resort_slots(p));
        }
        self.steal(p)
    }

    /// It can run nothing but its own, so in good time it lets somebody have the P who can; `rest` then queues for one.
    #[inline(never)]
    fn locked_turn(&'static self, p: &'static P, tick: u32) -> Found {
        self.fire_due_timers(p);
        if tick.is_multiple_of(FAIRNESS) || self.own().give_way.replace(false) {
            self.poll(p);
            let scheduler = self.scheduler();
            if !scheduler.injector().is_empty() || !p.ring.is_empty() {
                // Not to the next that waits, which may be another of our kind: to one that can run these. It looks after those that wait.
                scheduler.hand_on(self.give_up_p());
                return None;
            }
            if scheduler.idle().waiting() > 0 {
                scheduler.hand_off(self.give_up_p());
                return None;
            }
        }
        self.own_work()
    }

    fn own_work(&'static self) -> Found {
        let own = self.own();
        self.collect_inbox();
        own.next.take().or_else(|| self.pop_own())
    }

    /// What must not wait for ever behind the P's own work: timers that found no room, Ms without a P, injected goroutines, and the poller.
    #[inline(never)]
    fn fairness(&'static self, p: &'static P, gave_way: bool) -> Found {
        let scheduler = self.scheduler();
        if !gave_way {
            self.make_room(p);
        }
        self.fire_left_timers(p);
        self.poll(p);
        if scheduler.idle().waiting() > 0 {
            if self.is_the_injectors_turn() {
                found!(self.some_injected(p));
            }
            let searches = self.own().searching.get();
            // Asked once: something may come into the inbox the next moment, and then it would seem that we queued.
            let queues = self.has_ready();
            let next = if queues {
                scheduler.idle().swap_waiting(self, searches)
            } else {
                scheduler.idle().next_waiting(searches)
            };
            if let Some(m) = next {
                self.own().searching.set(false);
                m.assign(self.give_up_p(), false);
                // Where we took its place in the queue, we sleep in it; `rest` sees that it was us.
                self.own().queued.set(queues);
                return None;
            }
        }
        if self.has_arrivals() {
            // Two that wake each other may have every even turn, and a slot every odd one; and nobody else can take these.
            found!(self.arrival());
        }
        // Whose slice was over lies at the end of the injector, and with that always first he could be the next again, and never those of the
        // queues at hand, nor the timers. By turns, as long as slices end.
        let after_slice = &self.own().injector_after_slice;
        if !gave_way || !after_slice.replace(!after_slice.get()) {
            found!(self.some_injected(p));
        }
        self.share_of_a_fuller_ring(p)
    }

    /// Bound, a fresh goroutine will be at home where it starts, for good. So an M takes its half of another P's ring already where it has less
    /// to do itself, and not only when it has nothing: goroutines that never wait keep it busy, and the other would start all the rest.
    fn share_of_a_fuller_ring(&'static self, p: &'static P) -> Found {
        let scheduler = self.scheduler();
        if scheduler.mode() != Mode::Bound || p.ring.queued() > 0 {
            return None;
        }
        let mine = self.own().ready.borrow().len();
        for index in scheduler.steal_order(self.random()) {
            let other = scheduler.p(index);
            if index == p.index || other.ring.queued() <= mine || !self.may_start_fresh() {
                continue;
            }
            if other.m().is_some_and(|m| self.is_fuller_than(m, other.ring.queued().div_ceil(2))) {
                // There is less to do here just now, but more would be at home.
                continue;
            }
            // SAFETY: the loop holds its P and is inside.
            if let Some(g) = other.ring.steal_into(unsafe { p.queue() }) {
                p.counters.steals.bump();
                p.counters.stolen.add(1 + p.ring.queued() as u64);
                if p.ring.queued() > 0 {
                    // No searcher moved them: one may have looked here before, and there after.
                    scheduler.wake_if_wanted();
                }
                return Some(g);
            }
        }
        None
    }

    /// Both an M waits for this P and, perhaps, a fresh goroutine in the injector: they come first by turns. Where more Ms always have
    /// something to run than there are Ps, some M always waits, and if it always came first the injector would never be looked at.
    fn is_the_injectors_turn(&self) -> bool {
        let first = &self.own().injector_first;
        first.set(!first.get());
        first.get()
    }

    fn one_injected(&self) -> Found {
        let injector = self.scheduler().injector();
        if injector.is_empty() || !self.may_start_fresh() {
            return None;
        }
        injector.pop_one()
    }

    /// As many as there is room for, but no more than a quarter of the turns until this P looks at the injector again: one at a time, a thousand
    /// fresh goroutines would wait for 61 000 turns of those that never let the queues at hand run empty.
    fn some_injected(&self, p: &'static P) -> Found {
        let injector = self.scheduler().injector();
        if injector.is_empty() || !self.may_start_fresh() {
            return None;
        }
        // SAFETY: the loop holds its P and is inside.
        let room = unsafe { p.queue() }.room();
        let mut some = injector.pop_some(1 + room.min(QUARTER))?;
        let first = some.pop_front();
        if !some.is_empty() {
            Self::bring_near(&some, injector.len());
            self.queue_batch(p, some);
        }
        first
    }

    fn has_ready(&self) -> bool {
        use crate::idle::Sleeper;
        self.has_own_work()
    }

    /// What became ready last runs next, on the thread and with the caches of who made it ready, and in its slice; but not for ever.
    #[inline]
    fn next_slots(&self, p: &'static P) -> Found {
        let own = self.own();
        if own.streak.get() >= STREAK {
            return None;
        }
        let next = own.next.take().or_else(|| {
            // SAFETY: the loop holds its P and is inside.
            let queue = unsafe { p.queue() };
            if p.ring.has_next() && self.may_start_fresh() { queue.pop_next() } else { None }
        });
        if next.is_some() {
            own.streak.set(own.streak.get() + 1);
            own.inherits_slice.set(true);
        }
        next
    }

    /// The thread's own goroutines and the P's, by turns.
    #[inline]
    fn queues(&self, p: &'static P, tick: u32) -> Found {
        self.collect_inbox();
        let g = if self.has_arrivals() {
            self.queues_and_arrivals(p, tick)
        } else if tick & 1 == 0 {
            self.pop_own().or_else(|| self.pop_ring(p))
        } else {
            self.pop_ring(p).or_else(|| self.pop_own())
        };
        if g.is_some() {
            self.own().streak.set(0);
        }
        g
    }

    /// Arrivals by turns with the ring, whichever is fuller. Out of line: few Ms have any, and everybody pays for what lies in `queues`.
    #[inline(never)]
    fn queues_and_arrivals(&self, p: &'static P, tick: u32) -> Found {
        let ring = || {
            if tick & 2 == 0 {
                self.arrival().or_else(|| self.pop_ring(p))
            } else {
                self.pop_ring(p).or_else(|| self.arrival())
            }
        };
        if tick & 1 == 0 { self.pop_own().or_else(ring) } else { ring().or_else(|| self.pop_own()) }
    }

    #[inline]
    fn pop_ring(&self, p: &'static P) -> Found {
        // SAFETY: the loop holds its P and is inside.
        let queue = unsafe { p.queue() };
        if queue.queued() > 0 && self.may_start_fresh() { queue.pop_ring() } else { None }
    }

    /// The `next` slots again, where the streak was long but nobody else is queued. The P's first: the thread's had its turns.
    fn last_resort_slots(&self, p: &'static P) -> Found {
        let own = self.own();
        own.streak.set(0);
        let next = if p.ring.has_next() && self.may_start_fresh() {
            // SAFETY: the loop holds its P and is inside.
            unsafe { p.queue() }.pop_next()
        } else {
            None
        };
        next.or_else(|| own.next.take())
    }

    #[inline]
    fn collect_inbox(&self) {
        if !self.inbox.is_empty() {
            self.own().ready.borrow_mut().append(self.inbox.take());
        }
    }

    /// An M with ready goroutines and no P gets this one: true.
    fn waiting_ms(&'static self) -> bool {
        let Some(m) = self.scheduler().idle().next_waiting(self.own().searching.get()) else { return false };
        self.own().searching.set(false);
        m.assign(self.give_up_p(), false);
        true
    }

    fn injected(&self, p: &'static P) -> Found {
        let mut batch = self.injected_batch()?;
        let first = batch.pop_front()?;
        self.queue_batch(p, batch);
        Some(first)
    }

    /// A batch of the injector goes to the end of the ring, which has room for it. False: there was none.
    pub(super) fn fill_from_injector(&self, p: &'static P) -> bool {
        let Some(batch) = self.injected_batch() else { return false };
        self.queue_batch(p, batch);
        true
    }

    fn injected_batch(&self) -> Option<Chain<G>> {
        let injector = self.scheduler().injector();
        if injector.is_empty() || !self.may_start_fresh() {
            return None;
        }
        let batch = injector.pop()?;
        Self::bring_near(&batch, injector.len());
        Some(batch)
    }

    /// What was taken from the injector goes to the end of the ring. Whoever looked for work there and here in between saw it nowhere.
    fn queue_batch(&self, p: &'static P, batch: Chain<G>) {
        // SAFETY: the loop holds its P and is inside.
        let left = unsafe { p.queue() }.push_chain(batch);
        if !left.is_empty() {
            self.scheduler().injector().push(left);
        }
        if p.ring.queued() > 0 {
            self.scheduler().wake_if_wanted();
        }
    }

    /// Looks at the descriptors without waiting. True: something became ready.
    fn poll(&self, p: &'static P) -> bool {
        let poller = self.scheduler().poller();
        if poller.waiters() == 0 {
            return false;
        }
        let mut events = self.own().events.borrow_mut();
        match poller.poll_now(&mut events) {
            Ok(Polled::NotMine) => false,
            Ok(Polled::Done { .. }) => {
                p.counters.polls.bump();
                p.counters.poll_events.add(events.len() as u64);
                let any = !events.is_empty();
                self.batch(p, || crate::poll::wake_ready(&mut events));
                any
            }
            Err(error) => crate::poll::broken(&error),
        }
    }

    /// What becomes ready in `f` goes behind the ring's, in order, and is announced once.
    pub(super) fn batch(&self, p: &'static P, f: impl FnOnce()) {
        let own = self.own();
        own.batching.set(true);
        f();
        own.batching.set(false);
        // One of them this M runs itself, at once. Where a ring overflowed, thieves may have emptied it before the half of it that went to the
        // injector was there.
        let ready = p.ring.queued() + usize::from(p.ring.has_next());
        if own.batched.replace(false) && (ready > 1 || !self.scheduler().injector().is_empty()) {
            self.scheduler().wake_if_wanted();
        }
    }

    /// Half of another P's ring, or due timers that its owner does not get to.
    fn steal(&'static self, p: &'static P) -> Found {
        let scheduler = self.scheduler();
        let own = self.own();
        if !self.may_start_fresh() {
            return None;
        }
        if !own.searching.get() {
            if !scheduler.idle().start_searching(scheduler.procs()) {
                return None;
            }
            own.searching.set(true);
        }
        // SAFETY: the loop holds its P and is inside.
        let queue = unsafe { p.queue() };
        for round in 0..STEAL_ROUNDS {
            let last = round + 1 == STEAL_ROUNDS;
            let order = scheduler.steal_order(self.random());
            for index in order {
                if index == p.index {
                    continue;
                }
                let victim = scheduler.p(index);
                if last && victim.timers.next() != NEVER {
                    let now = scheduler.now_ns();
                    if now >= victim.timers.next() {
                        // Whether more are due we see when we come by again.
                        let _more = self.fire_timers_of(victim, p, now, self.room_for_timers(p));
                        // What became ready lies in the ring or in the thread's own queue.
                        found!(self.queues(p, 0));
                    }
                }
                if let Some(g) = victim.ring.steal_into(queue) {
                    p.counters.steals.bump();
                    p.counters.stolen.add(1 + queue.queued() as u64);
                    return Some(g);
                }
                if last
                    && victim.ring.has_next()
                    && self.after_courtesy(victim)
                    && let Some(g) = victim.ring.steal_next()
                {
                    p.counters.steals.bump();
                    p.counters.stolen.bump();
                    return Some(g);
                }
            }
        }
        None
    }

    /// Gives the victim a moment to run its `runnext` itself, where it can. True: it is still there.
    fn after_courtesy(&self, victim: &'static P) -> bool {
        let in_call = victim.m().is_none_or(|m| m.lease.call_seen().is_some());
        if in_call {
            return true;
        }
        // A pair that plays ping-pong through the slot fills it again and again: it gets on, and stays on its thread.
        let runs = victim.counters.runs.get();
        let end = clock::now_ns() + COURTESY_NS;
        while clock::now_ns() < end {
            std::hint::spin_loop();
            if !victim.ring.has_next() || victim.counters.runs.get() != runs {
                return false;
            }
        }
        true
    }

    /// Work was found: if this M searched and was the last to do so, another takes over the search before it runs anything.
    #[inline]
    pub(super) fn found_work(&self) {
        let own = self.own();
        if own.vigil.found_work() {
            self.p().counters.vigils.bump();
        }
        if own.searching.replace(false) && self.scheduler().idle().stop_searching() {
            self.scheduler().wake_if_wanted();
        }
        if own.armed.replace(false) {
            // It does not come to the poll at once (`timers.rs`).
            self.scheduler().wake_if_wanted();
        }
    }

    /// Nothing anywhere: it stays awake for a moment, where that has paid of late (`vigil.rs`).
    fn look_again_or_let_p_go(&'static self) {
        let now = clock::now_ns();
        let vigil = &self.own().vigil;
        if self.may_stay_awake() && vigil.found_nothing(now, || self.others_work()) == Next::Look {
            for _ in 0..BETWEEN_LOOKS {
                std::hint::spin_loop();
            }
            return;
        }
        vigil.falls_asleep(now);
        self.let_p_go();
        if self.lease.inside() {
            // It has taken a P back, for work that it saw.
            vigil.is_awake(|| now);
        }
    }

    /// There is a CPU for it, somebody else of this runtime might bring it something, and it counts as one that searches, of whom there are at
    /// most half as many as busy Ps; or it is one of two, of whom the other does.
    fn may_stay_awake(&self) -> bool {
        let scheduler = self.scheduler();
        (self.own().searching.get() || (scheduler.idle().counts().searching() <= 1 && self.may_start_fresh()))
            && scheduler.procs() > 1
            && scheduler.monitor().a_cpu_each.load(Relaxed)
            && !scheduler.quiet_state().clock.is_virtual()
            && !scheduler.stopping()
    }

    /// Somebody else runs a goroutine, and not in an announced call, or has one that only he may run.
    fn others_work(&'static self) -> bool {
        let mut others = self.scheduler().ps().filter_map(P::m).filter(|m| !ptr::eq(*m, self));
        others.any(|m| (m.running().is_some() && m.lease.call_seen().is_none()) || !m.inbox.is_empty())
    }

    /// Nothing anywhere: the P idles, or goes to an M that waits for one; then the last look (`idle.rs`).
    fn let_p_go(&'static self) {
        let scheduler = self.scheduler();
        let p = self.give_up_p();
        if self.is_exclusive() && !scheduler.p(p).ring.is_empty() && !scheduler.stopping() {
            // What its goroutine spawned or woke, which others must run.
            return scheduler.hand_off(p);
        }
        match scheduler.idle().release(p, self.own().searching.replace(false)) {
            Released::To(m) => m.assign(p, false),
            Released::Idles => {
                scheduler.runnext_is_watched();
                if scheduler.stopping() {
                    return;
                }
                let work = scheduler.any_work();
                if self.is_exclusive() {
                    // The work is not for this M, though whoever submitted it may have counted on this M's look; nor is the poll.
                    if work || !scheduler.poller().is_watched() {
                        scheduler.wake_if_wanted();
                    }
                } else if work
                    && self.may_start_fresh()
                    && let Some(p) = scheduler.idle().take_p()
                {
                    // Without a seat it would leave the work to those who have one, and look before they give it up (`seats.rs`).
                    self.take_p(p);
                    self.own().searching.set(scheduler.idle().start_searching(scheduler.procs()));
                }
            }
        }
    }
}
