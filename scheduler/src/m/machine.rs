//! The M itself: its words that others write, and its own variables.

use super::arrivals::Arrivals;
use super::current;
use super::inbox::Inbox;
use super::lease::Lease;
use super::slumber::Slumber;
use super::vigil::Vigil;
use crate::g::G;
use crate::g::context::{self, Command};
use crate::idle::Sleeper;
use crate::injector::Chain;
use crate::limits::clock::ThreadClock;
use crate::p::{P, Spare};
use crate::park::Ticket;
use crate::runtime::Scheduler;
use crate::seats::Seat;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Mutex, PoisonError};
use threadle_netpoll::Ready;

/// The calling thread is inside the runtime and holds this P ([`M::step_in`]).
#[must_use = "the P is let go at once"]
pub(crate) struct Inside {
    pub(crate) m: &'static M,
    pub(crate) p: &'static P,
    /// It came from outside, and goes back there.
    leaves: bool,
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        if self.leaves {
            self.m.lease.exit();
        }
    }
}

/// In `next_p`: nobody gave it a P.
const NO_P: u32 = u32::MAX;

/// After so many spawns without a P it looks for an idle one.
const SPAWNED_WITHOUT_P: u32 = 64;

/// See the module. Never freed.
pub(crate) struct M {
    pub(crate) id: u32,
    scheduler: &'static Scheduler,
    pub(crate) lease: Lease,
    /// Ready goroutines that are at home here, left by other threads.
    pub(crate) inbox: Inbox<G>,
    /// Fresh goroutines of connections that are to start here.
    pub(super) arrivals: Arrivals<G>,
    pub(super) slumber: Slumber,
    /// The P somebody gave it while it slept.
    next_p: AtomicU32,
    /// With it, the count of a searching M.
    next_searches: AtomicBool,
    asleep: AtomicBool,
    /// It holds one of the `procs` seats of those that may start fresh goroutines in bound mode.
    pub(super) seat: Seat,
    /// It belongs to one locked goroutine, and runs no other. Written before it has a thread, and by itself while it runs.
    exclusive: AtomicBool,
    running: AtomicPtr<G>,
    /// Started, unfinished goroutines that are at home here. Written by itself.
    pub(crate) owned: AtomicU32,
    /// Of these, how many are ready and wait for the running one to leave its stack, but for the inbox. Written by itself.
    pub(super) ready_behind: AtomicU32,
    clock: Mutex<Option<ThreadClock>>,
    /// When the monitor first saw the call that it took the P from. Written by the monitor.
    call_seen_since: AtomicU64,
    /// The last park in which its goroutine waited in place.
    pub(super) in_place: Mutex<Option<Ticket>>,
    own: Own,
}

/// What only the M's own thread touches.
pub(crate) struct Own {
    /// At home here and made ready by this thread last: runs next.
    pub(super) next: Cell<Option<&'static G>>,
    /// At home here and ready, in turn.
    pub(super) ready: RefCell<Chain<G>>,
    /// How many of its first have been fetched (`ahead.rs`).
    pub(super) near: Cell<usize>,
    /// Searches since the last found goroutine, counted in `Idle`.
    pub(super) searching: Cell<bool>,
    pub(super) tick: Cell<u32>,
    /// How many goroutines in a row came out of a `next` slot.
    pub(super) streak: Cell<u32>,
    /// The goroutine just found goes on in the slice of the one before.
    pub(super) inherits_slice: Cell<bool>,
    /// The last goroutine's slice was over: let others of the thread's and the process's turn come first.
    pub(super) give_way: Cell<bool>,
    /// The last time that a slice was over, the injector was looked at first.
    pub(super) injector_after_slice: Cell<bool>,
    /// What becomes ready now goes behind the ring's others, and somebody is woken once at the end.
    pub(super) batching: Cell<bool>,
    pub(super) batched: Cell<bool>,
    pub(super) events: RefCell<Ready<Ticket>>,
    /// The last time that an M waited for this one's P, the injector was looked at first.
    pub(super) injector_first: Cell<bool>,
    /// More timers are due than the ring had room for (`due.rs`).
    pub(super) timers_left: Cell<bool>,
    /// At the last 61st turn it had next to no room.
    pub(super) ring_was_full: Cell<bool>,
    /// The injector has had its turn; the next is that of the timers which were left.
    pub(super) timers_turn: Cell<bool>,
    /// The last poll it slept in brought nothing that it may run itself.
    pub(super) polled_for_others: Cell<bool>,
    /// Its last goroutine armed the earliest timer while nobody was in the poll: it ends there itself, or wakes somebody who does.
    pub(super) armed: Cell<bool>,
    /// It took its place in the queue of waiting Ms when it gave its P away.
    pub(super) queued: Cell<bool>,
    /// The goroutine that runs has accepted a connection, and has spawned nobody since; or the one before it had.
    pub(super) accepted: Cell<bool>,
    /// Goroutines spawned by those here since it had a P.
    spawned_without_p: Cell<u32>,
    /// Free Gs and ids for these: a lock and a swap for each would be dearer than all the rest.
    spare: RefCell<Spare>,
    pub(super) vigil: Vigil,
    random: Cell<u32>,
    /// The P of the lease, without the way through its index: exact where the lease says that the P is this M's.
    p: Cell<Option<&'static P>>,
    /// How many things keep the goroutine from leaving its stack: the call, the holds and the `no_switch`es below.
    bars: Cell<u32>,
    /// Inside an announced call: to the runtime this is a plain thread.
    in_call: Cell<bool>,
    /// Polls of `block_on` under way: the goroutine may not leave its stack.
    holds: Cell<u32>,
    no_switch: Cell<u32>,
    /// Where the innermost of them was called.
    no_switch_at: Cell<Option<&'static Location<'static>>>,
}

// SAFETY: everything is atomic or a lock, but `own`, which is reached through `M::own` alone, from methods that only the M's thread calls:
// here, in `home`, `place`, `in_place`, `schedule`, `rest` and `execute` (`current::m()` gives an M to its own thread; others get it from the
// lists and use the words).
unsafe impl Sync for M {}
// SAFETY: as above.
unsafe impl Send for M {}

impl M {
    pub(crate) fn new(id: u32, scheduler: &'static Scheduler) -> M {
        M {
            id,
            scheduler,
            lease: Lease::new(),
            inbox: Inbox::new(),
            arrivals: Arrivals::new(),
            slumber: Slumber::new(),
            next_p: AtomicU32::new(NO_P),
            next_searches: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            seat: Seat::new(),
            exclusive: AtomicBool::new(false),
            running: AtomicPtr::new(ptr::null_mut()),
            owned: AtomicU32::new(0),
            ready_behind: AtomicU32::new(0),
            clock: Mutex::new(None),
            call_seen_since: AtomicU64::new(0),
            in_place: Mutex::new(None),
            own: Own {
                next: Cell::new(None),
                ready: RefCell::new(Chain::new()),
                near: Cell::new(0),
                searching: Cell::new(false),
                tick: Cell::new(0),
                streak: Cell::new(0),
                inherits_slice: Cell::new(false),
                give_way: Cell::new(false),
                injector_after_slice: Cell::new(false),
                batching: Cell::new(false),
                batched: Cell::new(false),
                events: RefCell::new(Ready::new()),
                injector_first: Cell::new(false),
                timers_left: Cell::new(false),
                ring_was_full: Cell::new(false),
                timers_turn: Cell::new(false),
                polled_for_others: Cell::new(false),
                armed: Cell::new(false),
                queued: Cell::new(false),
                accepted: Cell::new(false),
                spawned_without_p: Cell::new(0),
                spare: RefCell::new(Spare::new()),
                vigil: Vigil::default(),
                random: Cell::new(id.wrapping_mul(0x9e37_79b9) | 1),
                p: Cell::new(None),
                bars: Cell::new(0),
                in_call: Cell::new(false),
                holds: Cell::new(0),
                no_switch: Cell::new(0),
                no_switch_at: Cell::new(None),
            },
        }
    }

    #[inline]
    pub(crate) fn scheduler(&self) -> &'static Scheduler {
        self.scheduler
    }

    /// See the field. Exact for its own thread and for those who find it on a list, a hint for others.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.exclusive.load(Relaxed)
    }

    pub(crate) fn set_exclusive(&self, exclusive: bool) {
        self.exclusive.store(exclusive, Relaxed);
    }

    /// Its own thread's variables.
    #[inline]
    pub(super) fn own(&self) -> &Own {
        debug_assert!(current::m().is_none_or(|m| ptr::eq(m, self)), "another M's variables");
        &self.own
    }

    /// The CPU clock of its thread, while it has one.
    pub(crate) fn clock(&self) -> Option<ThreadClock> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_clock(&self, clock: Option<ThreadClock>) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    // What goroutine code on this thread asks.

    /// The goroutine whose stack the thread is on, unless it is inside an announced call.
    pub(crate) fn goroutine(&self) -> Option<&'static G> {
        if self.own().in_call.get() { None } else { self.running() }
    }

    /// As `goroutine`, also inside an announced call, and for other threads: a hint to them.
    #[inline]
    pub(crate) fn running(&self) -> Option<&'static G> {
        // SAFETY: Gs are never freed.
        unsafe { self.running.load(Relaxed).as_ref() }
    }

    #[inline]
    pub(super) fn set_running(&self, g: Option<&'static G>) {
        self.running.store(g.map_or(ptr::null_mut(), |g| ptr::from_ref(g).cast_mut()), Relaxed);
    }

    /// The goroutine whose stack the thread is on, if it may leave that here and now: the common case, in one look.
    #[inline]
    pub(crate) fn free_to_switch(&self) -> Option<&'static G> {
        if self.own().bars.get() == 0 && !std::thread::panicking() { self.running() } else { None }
    }

    fn bar(&self) {
        let bars = &self.own().bars;
        bars.set(bars.get() + 1);
    }

    fn unbar(&self) {
        let bars = &self.own().bars;
        bars.set(bars.get() - 1);
    }

    /// Whether the goroutine may wait by leaving its stack; else it waits in place.
    pub(crate) fn may_leave_stack(&self) -> bool {
        let own = self.own();
        !own.in_call.get() && own.holds.get() == 0 && !std::thread::panicking()
    }

    /// Inside an announced call.
    pub(crate) fn in_call(&self) -> bool {
        self.own().in_call.get()
    }

    /// Its goroutine begins an announced call; they do not nest.
    #[inline]
    pub(crate) fn enter_call(&self) {
        debug_assert!(!self.own().in_call.get(), "announced calls do not nest");
        self.own().in_call.set(true);
        self.bar();
    }

    #[inline]
    pub(crate) fn leave_call(&self) {
        debug_assert!(self.own().in_call.get(), "a call ends that has begun");
        self.own().in_call.set(false);
        self.unbar();
    }

    /// When the monitor first saw the call in which it took the P last. Exact for the M's own thread.
    pub(crate) fn call_seen_since(&self) -> u64 {
        self.call_seen_since.load(Relaxed)
    }

    /// Written by the monitor before it takes the P, which is under the lock of the lease; read behind that lock.
    pub(crate) fn note_call_seen_since(&self, since: u64) {
        self.call_seen_since.store(since, Relaxed);
    }

    /// The goroutine stays on its stack until the matching `unhold`. True: it may not have before either.
    pub(crate) fn hold(&self) -> bool {
        let holds = &self.own().holds;
        holds.set(holds.get() + 1);
        self.bar();
        holds.get() > 1
    }

    pub(crate) fn unhold(&self) {
        let holds = &self.own().holds;
        holds.set(holds.get() - 1);
        self.unbar();
    }

    pub(crate) fn holds(&self) -> bool {
        self.own().holds.get() > 0
    }

    /// Inside `no_switch`.
    pub(crate) fn in_no_switch(&self) -> bool {
        let own = self.own();
        own.no_switch.get() > 0 && !own.in_call.get()
    }

    /// Whether a call that switches is to panic: inside `no_switch`, unless the goroutine may not leave its stack anyway. Then it waits in
    /// place, which is no switch; and a panic in a Drop that runs while the goroutine unwinds would be the end of the process.
    pub(crate) fn switch_forbidden(&self) -> bool {
        self.own().no_switch.get() > 0 && self.may_leave_stack()
    }

    /// Where the innermost `no_switch` was called.
    pub(crate) fn no_switch_at(&self) -> Option<&'static Location<'static>> {
        self.own().no_switch_at.get()
    }

    /// From here until the matching `allow_switch`, which takes what this returns.
    pub(crate) fn forbid_switch(&self, at: &'static Location<'static>) -> Option<&'static Location<'static>> {
        let own = self.own();
        own.no_switch.set(own.no_switch.get() + 1);
        self.bar();
        own.no_switch_at.replace(Some(at))
    }

    pub(crate) fn allow_switch(&self, before: Option<&'static Location<'static>>) {
        let own = self.own();
        own.no_switch.set(own.no_switch.get() - 1);
        self.unbar();
        own.no_switch_at.set(before);
    }

    // The P.

    /// The P, if this M has one and may touch it, for as long as what this returns lives: from goroutine code or from the M's own loop.
    /// Never waits. No user code runs meanwhile.
    #[inline]
    pub(crate) fn step_in(&'static self) -> Option<Inside> {
        let own = self.own();
        if own.in_call.get() {
            return None;
        }
        let leaves = !self.lease.inside();
        if leaves {
            self.harass();
        }
        // Before the crossing: who has none stays without one until its own thread takes one, and need not ask under a lock.
        self.lease.p()?;
        if leaves && !self.lease.enter() {
            return None;
        }
        match own.p.get() {
            Some(p) => Some(Inside { m: self, p, leaves }),
            None => unreachable!("M{} has a P and does not know it", self.id),
        }
    }

    /// Does something with the P, if this M has one and may touch it. Never waits.
    #[inline]
    pub(crate) fn with_p<R>(&'static self, f: impl FnOnce(&'static P) -> R) -> Option<R> {
        self.step_in().map(|inside| f(inside.p))
    }

    /// For tests: asks for the slice and takes the P at the worst of times, just before the runtime is entered, as the monitor might.
    #[cfg(feature = "harass")]
    pub(crate) fn harass(&'static self) {
        if self.lease.inside() || self.own().in_call.get() {
            return;
        }
        self.lease.request_preempt();
        if let Some(p) = self.lease.p()
            && self.random().is_multiple_of(4)
            && self.lease.revoke(p) == super::lease::Revoke::Taken
        {
            self.scheduler.p(p).set_m(None);
            self.give_seat_back();
            self.scheduler.hand_off(p);
        }
    }

    #[cfg(not(feature = "harass"))]
    #[inline(always)]
    pub(crate) fn harass(&'static self) {}

    /// Whether `g` is the next that its P runs, for the thread of the M.
    pub(crate) fn runs_next(&self, g: &'static G) -> bool {
        // The P may have been taken, and be another's by now.
        self.own().p.get().is_some_and(|p| p.ring.is_next(g) && self.p_hint() == Some(p.index))
    }

    /// Which P this M has, or had a moment ago.
    pub(crate) fn p_hint(&self) -> Option<u32> {
        self.lease.p()
    }

    /// The P, for the M's own loop. Only while the M has one.
    #[inline]
    pub(super) fn p(&self) -> &'static P {
        match self.own().p.get() {
            Some(p) => {
                debug_assert_eq!(self.lease.p(), Some(p.index), "the loop holds its P");
                p
            }
            None => unreachable!("M{} runs its loop without a P", self.id),
        }
    }

    /// See `Own::armed`.
    pub(crate) fn note_armed(&self) {
        self.own().armed.set(true);
    }

    pub(super) fn take_p(&'static self, p: u32) {
        self.lease.grant(p);
        let p = self.scheduler.p(p);
        self.own().p.set(Some(p));
        self.own().spawned_without_p.set(0);
        // That was another's ring.
        self.own().ring_was_full.set(false);
        p.set_m(Some(self));
        self.scheduler.monitor().p_is_busy();
    }

    /// In user code, without a P: this idle one is its own now.
    pub(crate) fn take_idle_p(&'static self, p: u32) {
        self.take_p(p);
        self.lease.exit();
    }

    /// Its goroutine lost the P and spawns on: after some it takes an idle P, if there is one, as if it had returned from a call. True: it has.
    ///
    /// Those that run what it spawns come to idle again and again, faster than it spawns: one by one and without a P everything it spawns
    /// would wake somebody (docs/decisions/0024). Not at once, since what a goroutine that only computes spawns now and then is run sooner by
    /// another.
    pub(crate) fn takes_p_to_spawn(&'static self) -> bool {
        let own = self.own();
        if self.goroutine().is_none() || self.is_exclusive() || self.scheduler.stopping() {
            return false;
        }
        let spawned = own.spawned_without_p.get() + 1;
        own.spawned_without_p.set(spawned % SPAWNED_WITHOUT_P);
        if spawned != SPAWNED_WITHOUT_P {
            return false;
        }
        let Some(p) = self.scheduler.idle().take_p() else { return false };
        self.take_idle_p(p);
        true
    }

    /// A free G and an id, without a P; its own thread asks.
    pub(crate) fn take_spare(&self) -> (&'static G, u64) {
        self.own().spare.borrow_mut().take(self.scheduler)
    }

    /// Its thread sleeps, or ends.
    pub(super) fn give_spares_back(&self) {
        self.own().spare.borrow_mut().gs.flush();
    }

    /// Gives the P up, from inside; the caller passes it on.
    pub(crate) fn give_up_p(&self) -> u32 {
        let p = self.lease.surrender();
        self.scheduler.p(p).set_m(None);
        p
    }

    // Its sleep.

    /// Somebody gives it a P, while it sleeps, polls, or waits for one.
    pub(crate) fn assign(&self, p: u32, searches: bool) {
        self.next_searches.store(searches, Relaxed);
        self.next_p.store(p, Release);
        self.wake();
    }

    /// Takes back what was assigned to an M that got no thread.
    pub(crate) fn unassign(&self) {
        self.next_p.store(NO_P, Relaxed);
        self.next_searches.store(false, Relaxed);
    }

    /// Breaks its sleep, whatever it sleeps in.
    pub(crate) fn wake(&self) {
        if self.slumber.wake() {
            self.scheduler.poller().interrupt();
        }
    }

    /// The P somebody gave it: it is its own now.
    pub(super) fn take_assigned(&'static self) -> bool {
        let p = self.next_p.swap(NO_P, Acquire);
        if p == NO_P {
            return false;
        }
        self.own().searching.set(self.next_searches.swap(false, Relaxed));
        self.take_p(p);
        true
    }

    /// On the list of those that sleep: a hint.
    pub(super) fn sleeps(&self) -> bool {
        self.asleep.load(Relaxed)
    }

    pub(super) fn is_assigned(&self) -> bool {
        self.next_p.load(Relaxed) != NO_P
    }

    /// Its own thread asks: nobody's goroutine has the thread to itself, nor is it in an announced call.
    pub(super) fn serves_everybody(&self) -> bool {
        !self.is_exclusive() && !self.own().in_call.get()
    }

    // Switching.

    /// Leaves the goroutine's stack, with a command for the M. Returns when it is resumed, perhaps on another M.
    ///
    /// `self` is the M of the calling thread, which it may no longer be when this returns.
    #[inline(always)]
    pub(crate) fn switch(&self, g: &'static G, command: Command) {
        // The M's loop finds out whether it still has a P by `inside`.
        let _has_p: bool = self.lease.enter();
        // SAFETY: the goroutine runs: what it owns is its own; the switch was stored when its body began.
        unsafe { context::suspend((*g.frame()).switch, command) }
    }

    /// A pseudo-random number (xorshift, Marsaglia 2003).
    pub(crate) fn random(&self) -> u32 {
        let random = &self.own().random;
        let mut x = random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        random.set(x);
        x
    }
}

/// The body has returned: the M's loop takes over.
pub(super) fn leave_for_good() {
    if let Some(m) = current::m() {
        let _has_p: bool = m.lease.enter();
    }
}

impl Sleeper for M {
    fn asleep(&self) -> &AtomicBool {
        &self.asleep
    }

    fn has_own_work(&self) -> bool {
        // Asked by its own thread only: by `Idle::sleep`, `rest` and the fairness tick.
        let own = self.own();
        !self.inbox.is_empty() || self.has_arrivals() || own.next.get().is_some() || !own.ready.borrow().is_empty()
    }

    fn rank(&self) -> u8 {
        // A home before a thread that would become one, or homes would multiply by turns. Then the one that sleeps in the poll last:
        // somebody would have to take its place. An exclusive one can run nothing that a P was given for.
        if self.is_exclusive() {
            return 0;
        }
        1 + 2 * u8::from(self.owned.load(Relaxed) > 0) + u8::from(!self.slumber.polls())
    }
}

impl fmt::Debug for M {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("M")
            .field("id", &self.id)
            .field("p", &self.lease.p())
            .field("asleep", &self.asleep)
            .finish_non_exhaustive()
    }
}
