//! Quiet: nothing of the runtime runs, and nothing in it will, until a timer fires or somebody outside does something.
//!
//! Two ask for it. A runtime with a clock of its own lets time pass only then ([`clock`]); and where no timer is armed either, nothing can
//! ever run again, which is worth a report ([`deadlock`]).
//!
//! ## What it means
//!
//! A goroutine is **durably blocked** if only another goroutine of its runtime, or a timer, can wake it, as far as the runtime can know: it
//! waits for a channel, a lock, a join, a sleep. One that waits for a descriptor is not, for the world may send; nor is one in a blocking
//! call, which will return; nor one that computes. (The words, and where the line is drawn, are those of Go's `testing/synctest`, but for
//! mutexes: Go's may be held by somebody outside its bubble, here a lock is like a channel.) The runtime is *quiet* if all its goroutines are.
//!
//! Outsiders are not counted: a plain thread, another runtime, a signal handler, may always come and send. The runtime cannot know what they
//! are about.
//!
//! ## How it is seen, at no cost to those who work
//!
//! Nobody counts goroutines. All that can make one run is in few hands, which can be looked at when they are idle:
//!
//! 1. no M is awake: every P idles, no M waits for one, and as many Ms sleep (or wait in place, for a park that is open) as there are;
//! 2. nothing is queued: the rings, the injector, the inboxes and arrivals are empty, and nobody waits for a stack;
//! 3. no call is on a helper, and nobody waits for a descriptor.
//!
//! Every insider does what it does awake, or is counted under 3 until what it did is in a queue (2). So if (1) held all the time while
//! (2) and (3) were looked at, all of it held at once. M by M that could change between two looks; so the list of sleepers numbers its
//! changes, and the number is read before and after:
//!
//! ```text
//! quiet()                                        an M that wakes, or is given a P
//! 1. under the lists' lock: all at rest; changes 1. under the lists' lock: off the list; changes + 1
//! 2. look at the queues, helpers, descriptors    2. take a P, run, queue, wake others ...
//! 3. under the lock: all at rest, same number    3. under the lists' lock: on the list again
//! ```
//!
//! (Model `loom_idle_nobody_was_away_between_two_looks`.)
//!
//! An M that waits in place is on no list; its ticket stands for it. Whoever ends that wait wins the ticket first, by a read-modify-write
//! and while awake itself, so a ticket that is still open was open all the time.
//!
//! Which of them notices? The last M to fall asleep looks after it has listed itself, and so sees all others (model
//! `loom_idle_the_last_to_sleep_sees_all_at_rest`). What else may come to an end, a helper's call or a wait in place that begins, looks
//! itself. In a runtime with the real clock nobody hurries: its monitor looks when everything has been at rest for a while, before it goes
//! to sleep for good.

pub(crate) mod clock;
pub(crate) mod deadlock;

use crate::idle::Rest;
use crate::park::Ticket;
use crate::runtime::Scheduler;
use clock::Clock;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a runtime keeps for these questions.
pub(crate) struct State {
    pub(crate) clock: Clock,
    in_place: Mutex<Vec<InPlace>>,
    /// A deadlock was reported.
    reported: AtomicBool,
}

/// A goroutine that waits on its thread, in place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct InPlace {
    ticket: Ticket,
    /// Its thread's own sleep will end it.
    timed: bool,
}

/// Evidence that the runtime was quiet at one instant; two that are equal, that it was quiet all the time between.
#[derive(PartialEq, Eq)]
pub(crate) struct Quiet {
    pub(crate) rest: Rest,
    in_place: Vec<InPlace>,
}

impl State {
    pub(crate) fn new(clock: Clock) -> State {
        State { clock, in_place: Mutex::new(Vec::new()), reported: AtomicBool::new(false) }
    }

    fn in_place(&self) -> MutexGuard<'_, Vec<InPlace>> {
        self.in_place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives the calling M counts as one that waits in place.
pub(crate) struct WaitsInPlace {
    scheduler: &'static Scheduler,
    who: InPlace,
}

impl WaitsInPlace {
    pub(crate) fn begin(scheduler: &'static Scheduler, ticket: Ticket, timed: bool) -> WaitsInPlace {
        let who = InPlace { ticket, timed };
        scheduler.quiet_state().in_place().push(who);
        scheduler.came_to_rest();
        WaitsInPlace { scheduler, who }
    }
}

impl Drop for WaitsInPlace {
    fn drop(&mut self) {
        self.scheduler.quiet_state().in_place().retain(|other| *other != self.who);
    }
}

impl Scheduler {
    /// Whether nothing of this runtime can happen by itself, but for its timers. See the module.
    pub(crate) fn quiet(&self) -> Option<Quiet> {
        let rest = self.idle().rest(self.procs())?;
        let in_place = self.all_wait_in_place()?;
        if !self.all_asleep(rest.sleeping() + in_place.len()) || !self.nothing_under_way() {
            return None;
        }
        let again = self.all_wait_in_place()?;
        let same = self.idle().rest(self.procs())? == rest && again == in_place;
        same.then_some(Quiet { rest, in_place })
    }

    /// Those that wait in place, if none of them was woken yet.
    fn all_wait_in_place(&self) -> Option<Vec<InPlace>> {
        let all = self.quiet_state().in_place();
        all.iter().all(|one| one.ticket.is_open()).then(|| all.clone())
    }

    /// Nothing that is not at rest on a list: queues, helpers, descriptors.
    fn nothing_under_way(&self) -> bool {
        // Those that wait for descriptors first: they are counted until they are queued.
        self.poller().waiters() == 0
            && !self.helpers().busy()
            && self.stackless() == 0
            && !self.monitor().has_orders()
            && self.injector().is_empty()
            && self.ps().all(|p| p.ring.is_empty())
            && !self.stopping()
    }

    /// Something that kept the runtime from being quiet is over, on a thread that goes to sleep without looking round: a helper, or an M
    /// that had no P.
    pub(crate) fn came_to_rest(&'static self) {
        if self.quiet_state().clock.is_virtual() {
            self.wake_if_quiet();
        } else {
            self.monitor().look_at_rest();
        }
    }

    /// Has an M look, which moves the clock.
    pub(crate) fn wake_if_quiet(&'static self) {
        if self.quiet_state().clock.runs() && self.quiet().is_some() {
            self.wake_if_wanted();
        }
    }
}
