//! The timers of the Ps: a wheel each, and what its timers do when they are due.
//!
//! A wheel lies under a lock, since others cancel and fire too; its earliest expiry is published in one word, which is all that a look
//! costs. The word may be too early (after a cancel), never too late.
//!
//! Whoever makes the earliest of all timers earlier must see to it that the M blocked in the poll does not sleep past it (R13):
//!
//! ```text
//! arm                                      block in the poll
//! 1. publish `next`                        1. take the blocking turn (from here on interrupts reach it)
//! 2. fence(SeqCst)                         2. fence(SeqCst)
//! 3. somebody blocked for longer? break    3. read every `next`, block until the earliest
//! ```
//!
//! Steps 2 and 3 of both are netpoll's `interrupt_if_later` and `poll_blocking`. Where nobody is blocked in the poll, some M is awake; if
//! none of them searches and a P idles one is woken, and it will end in the poll or find another there.
//!
//! A goroutine that arms the deadline of its own park is about to leave its stack, and in most cases leaves its M nothing else to do, which then
//! ends in the poll itself. So there the M is told (`Own::armed`), and wakes another only if it finds something to run before it rests; a
//! sleep on a machine that is quiet wakes no second thread.

use crate::limits::clock;
use crate::m::{M, current};
use crate::park::{Ticket, Woken};
use crate::runtime::Scheduler;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use threadle_netpoll::Blocked;
use threadle_timer::{Budget, Key, Wheel};

/// Called when a timer is due.
pub trait Expire: Send + Sync {
    /// The timer is due: `now` is its deadline or later. Runs on the scheduler's own stack, between two goroutines: it must not block, cannot
    /// switch, and must not panic (the process aborts). It may spawn, wake, and use the `try_` forms of everything.
    fn expire(self: Arc<Self>, now: Instant);
}

enum Payload {
    Wake(Ticket),
    Call(Arc<dyn Expire>),
}

/// At most so many timers are taken out under one lock.
const BATCH: usize = 64;
/// And so many are moved within the wheel, also for one that has room for no more than one: else it would take the lock for each.
const MOVES: usize = 128;

/// What a call of `run_due` did.
#[must_use]
pub(crate) struct Fired {
    /// So many timers.
    pub(crate) count: usize,
    /// No other is due; else there may be.
    pub(crate) all: bool,
}

/// No timer is armed.
pub(crate) const NEVER: u64 = u64::MAX;

/// The timers of one P.
pub(crate) struct Timers {
    next: AtomicU64,
    wheel: Mutex<Wheel<Payload>>,
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers { next: AtomicU64::new(NEVER), wheel: Mutex::new(Wheel::new(clock::now_ns())) }
    }

    /// The earliest expiry, or earlier; `NEVER`: none.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Acquire)
    }

    /// When the next timer is due, exactly.
    pub(crate) fn settle(&self) -> Option<u64> {
        self.wheel().settle_next_expiry()
    }

    fn wheel(&self) -> std::sync::MutexGuard<'_, Wheel<Payload>> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True: it is the earliest now. `payload` is called under the lock.
    fn insert(&self, deadline: u64, payload: impl FnOnce(Key) -> Payload) -> (Key, bool) {
        let mut wheel = self.wheel();
        let key = wheel.insert_with(deadline, payload);
        let earliest = deadline < self.next.load(Relaxed);
        if earliest {
            self.next.store(deadline, Release);
        }
        (key, earliest)
    }

    /// None: it is armed no more. Else whether it is the earliest now.
    fn reset(&self, key: Key, deadline: u64) -> Option<bool> {
        let mut wheel = self.wheel();
        if !wheel.reset(key, deadline) {
            return None;
        }
        let earliest = deadline < self.next.load(Relaxed);
        if earliest {
            self.next.store(deadline, Release);
        }
        Some(earliest)
    }

    fn cancel(&self, key: Key) -> bool {
        // What the payload holds is dropped after the lock.
        let payload = self.wheel().cancel(key);
        payload.is_some()
    }

    /// Fires what is due, in its order, but no more than `limit`.
    pub(crate) fn run_due(&self, now: u64, limit: usize) -> Fired {
        let mut fired = 0;
        if now < self.next() {
            return Fired { count: fired, all: true };
        }
        let mut due = Vec::new();
        loop {
            let (more, now) = {
                let mut wheel = self.wheel();
                // Another thread with a later reading may have been here first; what it left is due at its time.
                let now = now.max(wheel.now());
                let budget = Budget { due: BATCH.min(limit - fired), moves: MOVES };
                let more = wheel.advance_batch(now, budget, &mut due);
                self.next.store(wheel.next_expiry().unwrap_or(NEVER), Release);
                (more, now)
            };
            fired += due.len();
            for payload in due.drain(..) {
                match payload {
                    Payload::Wake(ticket) => drop::<Option<Woken>>(ticket.expire()),
                    Payload::Call(expire) => expire.expire(clock::to_instant(now)),
                }
            }
            if !more || fired >= limit {
                return Fired { count: fired, all: !more };
            }
        }
    }

    /// Shutdown: forgets all of them.
    pub(crate) fn clear(&self) {
        let old = {
            let mut wheel = self.wheel();
            self.next.store(NEVER, Release);
            std::mem::replace(&mut *wheel, Wheel::new(clock::now_ns()))
        };
        drop(old);
    }
}

/// A timer that was armed.
#[must_use]
pub struct TimerHandle {
    scheduler: &'static Scheduler,
    timers: &'static Timers,
    key: Key,
}

impl TimerHandle {
    /// Takes the timer back. True: it has not fired and will not. Does not switch.
    pub fn cancel(&self) -> bool {
        self.timers.cancel(self.key)
    }

    /// Gives the timer another deadline, in nanoseconds of [`clock::to_ns`](crate::clock::to_ns). False: it has fired, or is about to, or its
    /// runtime has ended; nothing was done. Allocates nothing and does not switch; callable from anywhere.
    pub fn reset(&self, deadline: u64) -> bool {
        match self.timers.reset(self.key, deadline) {
            None => false,
            Some(earliest) => {
                if earliest {
                    self.scheduler.timers_come_earlier(deadline, None);
                }
                true
            }
        }
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle").field("key", &self.key).finish()
    }
}

/// Arms a timer of the runtime the caller works for. A deadline in the past is due at once. Does not switch.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn arm_timer(deadline: Instant, expire: Arc<dyn Expire>) -> TimerHandle {
    let scheduler = crate::runtime::current_or_panic("a timer");
    arm(scheduler, clock::to_ns(deadline), |_| Payload::Call(expire), None)
}

/// Arms the deadline of a park in which the thread stays on its stack.
pub(crate) fn arm_ticket(ticket: Ticket, deadline: u64) -> TimerHandle {
    let scheduler = crate::runtime::current_or_panic("a deadline");
    arm(scheduler, deadline, |_| Payload::Wake(ticket), None)
}

/// Arms the deadline of a goroutine's park, which leaves the stack at once: `m` is its M.
pub(crate) fn arm_ticket_and_leave(m: &'static M, ticket: Ticket, deadline: u64) -> TimerHandle {
    arm(m.scheduler(), deadline, |_| Payload::Wake(ticket), Some(m))
}

/// `expire` is called at once, under the wheel's lock: before the timer can fire.
pub(crate) fn arm_call(
    scheduler: &'static Scheduler,
    deadline: u64,
    expire: impl FnOnce(TimerHandle) -> Arc<dyn Expire>,
) -> TimerHandle {
    arm(scheduler, deadline, |handle| Payload::Call(expire(handle)), None)
}

/// `payload` is called under the wheel's lock. `leaves`: the caller's M, to whose loop the caller returns at once.
#[inline]
fn arm(
    scheduler: &'static Scheduler,
    deadline: u64,
    payload: impl FnOnce(TimerHandle) -> Payload,
    leaves: Option<&'static M>,
) -> TimerHandle {
    // The wheel of the P at hand, if there is one: its lock is this thread's most of the time. Any other will do.
    let p = here(scheduler).and_then(|m| m.p_hint()).unwrap_or(0);
    let timers = &scheduler.p(p).timers;
    let handle = |key| TimerHandle { scheduler, timers, key };
    let (key, earliest) = timers.insert(deadline, |key| payload(handle(key)));
    if scheduler.stopping() {
        // The shutdown may have emptied this wheel before; what comes after finds the flag set, as both hold the wheel's lock.
        timers.cancel(key);
    } else if earliest {
        scheduler.timers_come_earlier(deadline, leaves);
    }
    handle(key)
}

/// The caller's M, if it serves this runtime.
fn here(scheduler: &'static Scheduler) -> Option<&'static M> {
    current::m().filter(|m| std::ptr::eq(m.scheduler(), scheduler))
}

impl Scheduler {
    /// Whoever sleeps for the timers sleeps past `deadline` no more: steps 2 and 3 of the table above.
    fn timers_come_earlier(&'static self, deadline: u64, leaves: Option<&'static M>) {
        if self.quiet_state().clock.is_virtual() && deadline > self.now_ns() {
            // Nobody sleeps until a time that stands still: it passes when everybody sleeps, and whoever armed this is awake.
            return;
        }
        let tell = || match self.poller().interrupt_if_later(clock::to_instant(deadline)) {
            Blocked::InTime | Blocked::Interrupted => {}
            // One that does not poll when it rests needs another for it in any case.
            Blocked::Nobody => match leaves.filter(|m| !m.is_exclusive()) {
                Some(m) => m.note_armed(),
                None => self.wake_if_wanted(),
            },
        };
        // The poller outlives the runtime's own threads, and others only while they are counted.
        match here(self) {
            Some(_) => tell(),
            None => self.as_waker(tell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes its number down.
    struct Noted(u64, Arc<Mutex<Vec<u64>>>);

    impl Expire for Noted {
        fn expire(self: Arc<Self>, _now: Instant) {
            self.1.lock().expect("nobody panics").push(self.0);
        }
    }

    #[test]
    fn no_more_than_the_limit_and_the_rest_in_order() {
        const TIMERS: u64 = 200;
        let apart = 1_000_000;
        let (timers, fired) = (Timers::new(), Arc::new(Mutex::new(Vec::new())));
        let start = timers.wheel().now();
        for number in (0..TIMERS).rev() {
            let _key =
                timers.insert(start + number * apart, |_| Payload::Call(Arc::new(Noted(number, Arc::clone(&fired)))));
        }
        let now = start + TIMERS * apart;
        let some = timers.run_due(now, BATCH + 6);
        assert_eq!((some.count, some.all), (BATCH + 6, false));
        assert!(timers.next() <= now, "whoever sleeps for the timers does not sleep past those that are left");
        let rest = timers.run_due(now, usize::MAX);
        assert_eq!((rest.count, rest.all), (TIMERS as usize - BATCH - 6, true));
        assert_eq!(timers.next(), NEVER);
        assert_eq!(*fired.lock().expect("nobody panics"), (0..TIMERS).collect::<Vec<_>>());
    }
}
