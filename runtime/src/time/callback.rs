//! A timer that calls a function on a goroutine of its own.
//!
//! What it is to do lies in [`Plan`], under a lock; the entry in the scheduler's wheel is but the promise that somebody asks the plan,
//! at its instant or before. What is due is asked twice: by the firing, which sends a goroutine, and by that goroutine as its first act, for
//! it may have waited in a queue, and the call been called off. While the function runs it is out of the plan: a firing then finds nothing to
//! run, whatever is planned meanwhile is armed when the function is back, and runs of one timer never overlap. The function is never called, and
//! never dropped, under the lock.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::ControlFlow;
use std::panic::{Location, RefUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use threadle_scheduler::{Expire, Host, SpawnOptions, TimerHandle, clock};

use crate::waiters::{OnLeave, lock};

#[path = "plan.rs"]
mod plan;

pub(super) use plan::NEVER;
use plan::Plan;

/// Says whether it is to be called again.
type Function = Box<dyn FnMut() -> ControlFlow<()> + Send>;

pub(super) struct Callback {
    host: Host,
    /// Where the timer was set.
    spawned_at: &'static Location<'static>,
    plan: Mutex<Plan<Function>>,
    /// The last entry in the wheel; it may have fired or been cancelled since. To be touched under the plan's lock, but for `new`.
    entry: UnsafeCell<Option<TimerHandle>>,
}

// SAFETY: the entry is the only part that is not `Sync` by itself, and `TimerHandle` is `Send` and `Sync`. It is touched by the holder of the
// lock, and by `new` before anybody else has the callback.
unsafe impl Sync for Callback {}

// As it is with all of it under the lock.
impl RefUnwindSafe for Callback {}

impl Callback {
    /// Calls `f` at `at`, in nanoseconds ([`NEVER`]: not), and then every `period` if it is not zero.
    #[track_caller]
    pub(super) fn new(at: u64, period: Duration, f: impl FnMut() -> ControlFlow<()> + Send + 'static) -> Arc<Self> {
        let period = u64::try_from(period.as_nanos()).unwrap_or(NEVER);
        let host = Host::current("a timer that calls a function");
        let callback = Arc::new(Callback {
            host,
            spawned_at: Location::caller(),
            plan: Mutex::new(Plan::new(at, period, Box::new(f))),
            entry: UnsafeCell::new(None),
        });
        if at != NEVER {
            host.arm_timer_with(at, |entry| {
                // SAFETY: nobody else has the callback: the wheel gets it by what is returned here, under the wheel's lock, which whoever
                // fires takes after us; the caller's caller by the return of `new`. Each of them takes the plan's lock.
                unsafe { *callback.entry.get() = Some(entry) };
                Arc::clone(&callback) as Arc<dyn Expire>
            });
        }
        callback
    }

    /// Plans the next call for `at`, or none. Whether one was planned.
    pub(super) fn set(self: &Arc<Self>, at: u64) -> bool {
        let mut plan = lock(&self.plan);
        if self.host.has_ended() {
            plan.end();
        }
        let before = plan.set(at);
        if plan.may_fire() {
            self.arm(&mut plan, at);
        } else if let Some(entry) = self.entry(&mut plan) {
            entry.cancel();
        }
        before != NEVER
    }

    /// The entry, for the holder of the lock.
    fn entry<'a>(&'a self, _locked: &'a mut MutexGuard<'_, Plan<Function>>) -> &'a mut Option<TimerHandle> {
        // SAFETY: the caller holds the lock, and has lent its guard for as long as the reference lives. What `new` writes without the lock is
        // written: under the lock of the wheel, by way of which all but `new` have the callback.
        unsafe { &mut *self.entry.get() }
    }

    /// Sees to it that the wheel asks at `at`. The entry there is may be too late, too early, or gone.
    fn arm(self: &Arc<Self>, plan: &mut MutexGuard<'_, Plan<Function>>, at: u64) {
        let entry = self.entry(plan);
        if !entry.as_ref().is_some_and(|entry| entry.reset(at)) {
            *entry = Some(self.host.arm_timer(at, Arc::clone(self) as Arc<dyn Expire>));
        }
    }

    /// On the goroutine that was sent: calls the function, unless the call was called off or put off meanwhile.
    fn run(self: Arc<Self>) {
        let due = {
            let mut plan = lock(&self.plan);
            let due = plan.fire(clock::to_ns(super::now()));
            if due.is_none()
                && let Some(at) = plan.next()
            {
                self.arm(&mut plan, at);
            }
            due
        };
        let Some(mut f) = due else { return };
        // One that breaks off is dropped here, as one that panics is; the plan knows before that.
        let end = OnLeave::new(|| lock(&self.plan).end());
        if f().is_continue() {
            end.disarm();
            self.ran(f);
        }
    }

    /// The function has returned.
    fn ran(self: &Arc<Self>, f: Function) {
        let mut plan = lock(&self.plan);
        if let Some(at) = plan.put_back(f) {
            self.arm(&mut plan, at);
        }
    }
}

impl Expire for Callback {
    fn expire(self: Arc<Self>, now: Instant) {
        if lock(&self.plan).due(clock::to_ns(now)) {
            let options = SpawnOptions { spawned_at: self.spawned_at, ..SpawnOptions::new() };
            // Nobody joins it: a panic is reported, and takes the function with it.
            drop(self.host.spawn(&options, move || self.run()));
        }
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("set_at", &self.spawned_at).finish_non_exhaustive()
    }
}
