//! The clock of a runtime: the machine's, or one of its own, which stands still while anything happens.
//!
//! After Go's `testing/synctest`. A virtual clock starts at the real time and moves only when the runtime is [quiet](super): then straight to
//! the earliest timer, which fires. So an hour of sleeps takes no time at all, timers fire at exactly the instant they were armed for, in the
//! order of their deadlines, and what happens between two of them takes no time, however long it took.
//!
//! The M that goes to sleep last does it: having listed itself, it looks whether all is quiet, and takes itself off the list again together
//! with a P, in one step, if nothing has changed since (`Idle::end_rest`). From there on it is the only one awake, so nobody else moves the
//! clock and nobody reads it meanwhile. The monitor looks as well, should there be no such M: one that has ended, say.
//!
//! What a virtual clock moves: deadlines of parks, timers, `now`. Inside an announced call, and on plain threads, the time is the real one.
//!
//! No timer and all quiet is a deadlock. Its goroutines are abandoned and the runtime ends with an error that has the dump, since a test is
//! to fail and not to hang. That is why its main function may borrow nothing: it never returns then.

use super::Quiet;
use crate::g::slab;
use crate::limits::clock;
use crate::m::{M, current};
use crate::park::{Parking, Reason, Ticket};
use crate::runtime::{MAIN, Scheduler, tell_joiner};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Some runtime of this process has, or had, a clock of its own: else nobody needs to ask which.
static ANY: AtomicBool = AtomicBool::new(false);

/// See the module.
pub(crate) struct Clock(Option<Virtual>);

struct Virtual {
    now: AtomicU64,
    /// Who waits for the others to be blocked.
    settling: Mutex<Vec<Ticket>>,
    /// Nothing could ever happen again; the dump of that.
    deadlock: Mutex<Option<String>>,
    /// Main has begun, and has not ended, and there was no deadlock: it may move.
    runs: AtomicBool,
}

impl Clock {
    pub(crate) fn new(is_virtual: bool) -> Clock {
        ANY.fetch_or(is_virtual, Relaxed);
        Clock(is_virtual.then(|| Virtual {
            now: AtomicU64::new(clock::now_ns()),
            settling: Mutex::new(Vec::new()),
            deadlock: Mutex::new(None),
            runs: AtomicBool::new(false),
        }))
    }

    #[inline]
    pub(crate) fn is_virtual(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        match &self.0 {
            None => clock::now_ns(),
            Some(own) => own.now.load(Acquire),
        }
    }

    /// Main begins. Before, it is an outsider who is about to do something: the caller of `run`.
    pub(crate) fn start(&self) {
        if let Some(own) = &self.0 {
            own.runs.store(true, Release);
        }
    }

    /// Main has ended, and with it time.
    pub(crate) fn stop(&self) {
        if let Some(own) = &self.0 {
            own.runs.store(false, Release);
        }
    }

    /// Whether anything can move it.
    pub(crate) fn runs(&self) -> bool {
        self.0.as_ref().is_some_and(|own| own.runs.load(Acquire))
    }

    pub(crate) fn deadlock(&self) -> Option<String> {
        self.0.as_ref()?.deadlock.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The present time for the caller: on a goroutine of a runtime with a clock of its own (and in its timers' callbacks) that one's, else the
/// real time. Does not switch.
#[inline]
pub fn now() -> Instant {
    if ANY.load(Relaxed) { now_of_the_runtime() } else { Instant::now() }
}

/// What [`now`] says, in the nanoseconds of [`to_ns`](clock::to_ns), and so long after it: [`u64::MAX`] for what lies beyond them. Does not switch.
#[inline]
pub fn in_ns(duration: Duration) -> u64 {
    let now = if ANY.load(Relaxed) { clock::to_ns(now_of_the_runtime()) } else { clock::now_ns() };
    u64::try_from(duration.as_nanos()).map_or(u64::MAX, |duration| now.saturating_add(duration))
}

fn now_of_the_runtime() -> Instant {
    match current::m().filter(|m| !m.in_call()).map(|m| &m.scheduler().quiet_state().clock) {
        Some(own) if own.is_virtual() => clock::to_instant(own.now_ns()),
        _ => Instant::now(),
    }
}

/// Waits until every other goroutine of the caller's runtime is durably blocked. **Switches.** The clock does not move meanwhile.
///
/// # Panics
/// Where the caller is no goroutine of a runtime with a clock of its own.
#[track_caller]
pub fn settle() {
    let Some(m) = current::m().filter(|m| m.goroutine().is_some()) else { no_clock_of_its_own() };
    let Some(own) = &m.scheduler().quiet_state().clock.0 else { no_clock_of_its_own() };
    let parking = Parking::open(Reason::Settle);
    own.settling.lock().unwrap_or_else(PoisonError::into_inner).push(parking.ticket());
    parking.wait();
}

#[cold]
#[track_caller]
fn no_clock_of_its_own() -> ! {
    panic!("this needs a goroutine of a runtime with a virtual clock")
}

impl Scheduler {
    /// The M has listed itself among the sleepers. If all is quiet, and time is virtual, it is awake again with this P, alone, and is to call
    /// `pass_time`.
    #[inline]
    pub(crate) fn last_to_rest(&'static self, m: &'static M) -> Option<u32> {
        if self.quiet_state().clock.is_virtual() { self.last_to_rest_slow(m) } else { None }
    }

    fn last_to_rest_slow(&'static self, m: &'static M) -> Option<u32> {
        if !self.quiet_state().clock.runs() {
            return None;
        }
        let Quiet { rest, .. } = self.quiet()?;
        self.idle().end_rest(rest, m)
    }

    /// All was quiet, and the caller is the only M awake, with a P: the next thing happens.
    pub(crate) fn pass_time(&'static self) {
        let Some(own) = &self.quiet_state().clock.0 else { return };
        let settling = std::mem::take(&mut *own.settling.lock().unwrap_or_else(PoisonError::into_inner));
        // `|`: each of them.
        if settling.into_iter().fold(false, |any, ticket| any | ticket.wake()) {
            return;
        }
        match self.ps().filter_map(|p| p.timers.settle()).min() {
            Some(when) => {
                let now = own.now.fetch_max(when, AcqRel).max(when);
                self.fire_due_timers(now);
            }
            None => self.end_in_a_deadlock(own),
        }
    }

    fn end_in_a_deadlock(&'static self, own: &Virtual) {
        let text = super::deadlock::describe(&[self], None);
        *own.deadlock.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        own.runs.store(false, Release);
        // Whoever called `run` waits for main, and ends the runtime. Nobody else is awake, so main is still that goroutine.
        slab::for_each(|g| {
            let life = g.completion.life();
            if g.belongs_to(self) && g.id() == MAIN {
                tell_joiner(g, life);
            }
        });
    }
}
