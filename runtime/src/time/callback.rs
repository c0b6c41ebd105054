//! A timer that calls a function on a goroutine of its own.
//!
//! What it is to do lies in [`Plan`], under a lock; the entry in the scheduler's wheel is but the promise that somebody asks the plan,
//! at its instant or before. What is due is asked twice: by the firing, which sends a goroutine, and by that goroutine as its first act, for
//! it may have waited in a queue, and the call been called off. While the function runs it is out of the plan: a firing then finds nothing to
//! run, whatever is planned meanwhile is armed when the function is back, and runs of one timer never overlap. The function is never called, and
//! never dropped, under the lock.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
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
    options: SpawnOptions,
    state: Mutex<State>,
}

struct State {
    plan: Plan<Function>,
    /// The last entry in the wheel; it may have fired or been cancelled since.
    entry: Option<TimerHandle>,
}

impl Callback {
    /// Calls `f` at `at`, in nanoseconds ([`NEVER`]: not), and then every `period` if it is not zero.
    #[track_caller]
    pub(super) fn new(at: u64, period: Duration, f: impl FnMut() -> ControlFlow<()> + Send + 'static) -> Arc<Self> {
        let period = u64::try_from(period.as_nanos()).unwrap_or(NEVER);
        let callback = Arc::new(Callback {
            host: Host::current("a timer that calls a function"),
            options: SpawnOptions::new(),
            state: Mutex::new(State { plan: Plan::new(period, Box::new(f)), entry: None }),
        });
        callback.set(at);
        callback
    }

    /// Plans the next call for `at`, or none. Whether one was planned.
    pub(super) fn set(self: &Arc<Self>, at: u64) -> bool {
        let mut state = lock(&self.state);
        if self.host.has_ended() {
            state.plan.end();
        }
        let before = state.plan.set(at);
        if state.plan.may_fire() {
            self.arm(&mut state, at);
        } else if let Some(entry) = &state.entry {
            entry.cancel();
        }
        before != NEVER
    }

    /// Sees to it that the wheel asks at `at`. The entry there is may be too late, too early, or gone.
    fn arm(self: &Arc<Self>, state: &mut State, at: u64) {
        if !state.entry.as_ref().is_some_and(|entry| entry.reset(at)) {
            state.entry = Some(self.host.arm_timer(at, Arc::clone(self) as Arc<dyn Expire>));
        }
    }

    /// On the goroutine that was sent: calls the function, unless the call was called off or put off meanwhile.
    fn run(self: Arc<Self>) {
        let due = {
            let mut state = lock(&self.state);
            let due = state.plan.fire(clock::to_ns(super::now()));
            if due.is_none()
                && let Some(at) = state.plan.next()
            {
                self.arm(&mut state, at);
            }
            due
        };
        let Some(mut f) = due else { return };
        // One that breaks off is dropped here, as one that panics is; the plan knows before that.
        let end = OnLeave::new(|| lock(&self.state).plan.end());
        if f().is_continue() {
            end.disarm();
            self.ran(f);
        }
    }

    /// The function has returned.
    fn ran(self: &Arc<Self>, f: Function) {
        let mut state = lock(&self.state);
        if let Some(at) = state.plan.put_back(f) {
            self.arm(&mut state, at);
        }
    }
}

impl Expire for Callback {
    fn expire(self: Arc<Self>, now: Instant) {
        if lock(&self.state).plan.due(clock::to_ns(now)) {
            let (host, options) = (self.host, self.options.clone());
            // Nobody joins it: a panic is reported, and takes the function with it.
            drop(host.spawn(&options, move || self.run()));
        }
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("set_at", &self.options.spawned_at).finish_non_exhaustive()
    }
}
