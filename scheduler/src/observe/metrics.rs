//! Numbers about a runtime.

use crate::m::current;
use crate::p::counters::Counters;
use crate::runtime::Scheduler;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

/// Numbers about the caller's runtime, or about the last one of the process that ended (see [`metrics`]). Counters count from its start.
///
/// ```
/// # use threadle_scheduler as threadle;
/// let metrics = threadle::metrics();
/// println!("{} of {} goroutines have ended", metrics.finished, metrics.spawned);
/// assert!(metrics.finished <= metrics.spawned);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// How many goroutines may run at once.
    pub procs: usize,
    /// The CPUs this process may use by now, as the monitor saw last; 0: not looked at, since `procs` was given.
    pub cpus: usize,
    /// Ps nobody uses.
    pub idle_procs: usize,
    /// Goroutines that have not ended.
    pub goroutines: usize,
    /// Goroutines in the global queue.
    pub injected: usize,
    /// Goroutines in each P's ring.
    pub queued: Vec<usize>,
    /// Goroutines that wait for a stack.
    pub waiting_for_stack: usize,
    /// Threads of the runtime, helpers included, without the monitor.
    pub threads: usize,
    /// Threads that sleep because there is nothing to do.
    pub sleeping_threads: usize,
    /// Threads that have ready goroutines and wait for a P.
    pub waiting_threads: usize,
    /// Started goroutines at home on each thread (bound mode).
    pub at_home: Vec<usize>,
    /// Threads that could not be ended when the runtime ended.
    pub left_threads: usize,
    /// Goroutines spawned.
    pub spawned: u64,
    /// Goroutines that ended.
    pub finished: u64,
    /// Times a goroutine was put on a thread.
    pub runs: u64,
    /// Times one waited.
    pub parks: u64,
    /// Times one yielded.
    pub yields: u64,
    /// Times one gave way because its slice was over.
    pub preempted: u64,
    /// Times a P took from another's queue.
    pub steals: u64,
    /// Goroutines so taken.
    pub stolen: u64,
    /// Times a full ring moved half to the global queue.
    pub overflows: u64,
    /// Polls of the descriptors by threads with a P.
    pub polls: u64,
    /// Events they brought.
    pub poll_events: u64,
    /// Timers fired by threads with a P.
    pub timers_fired: u64,
    /// Times a thread that had run out of work stayed awake for a moment, and something came.
    pub vigils: u64,
    /// Ps taken from announced calls.
    pub retaken: u64,
    /// Ps taken from goroutines in user code.
    pub detached: u64,
}

static LAST: Mutex<Option<Metrics>> = Mutex::new(None);

/// Numbers about the caller's runtime; outside a runtime, about the one that ended last, as it was then (all zero if none has). Does not
/// switch.
pub fn metrics() -> Metrics {
    match current::scheduler() {
        Some(scheduler) => collect(scheduler),
        None => LAST.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default(),
    }
}

/// The runtime ends and leaves so many threads behind.
pub(crate) fn record_end(scheduler: &Scheduler, left_threads: usize) {
    let metrics = Metrics { left_threads, ..collect(scheduler) };
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(metrics);
}

fn collect(scheduler: &Scheduler) -> Metrics {
    let sum = |of: fn(&Counters) -> u64| scheduler.ps().map(|p| of(&p.counters)).sum();
    let (spawned, finished) = scheduler.spawned_and_finished();
    Metrics {
        procs: scheduler.procs() as usize,
        cpus: scheduler.monitor().cpus.load(Relaxed) as usize,
        idle_procs: scheduler.idle().counts().idle() as usize,
        goroutines: spawned.saturating_sub(finished) as usize,
        injected: scheduler.injector().len(),
        queued: scheduler.ps().map(|p| p.ring.queued()).collect(),
        waiting_for_stack: scheduler.stackless(),
        threads: scheduler.threads(),
        sleeping_threads: scheduler.idle().sleeping(),
        waiting_threads: scheduler.idle().waiting(),
        at_home: scheduler.alive().iter().map(|m| m.owned.load(Relaxed) as usize).collect(),
        left_threads: 0,
        spawned,
        finished,
        runs: sum(|c| c.runs.get()),
        parks: sum(|c| c.parks.get()),
        yields: sum(|c| c.yields.get()),
        preempted: sum(|c| c.preempted.get()),
        steals: sum(|c| c.steals.get()),
        stolen: sum(|c| c.stolen.get()),
        overflows: sum(|c| c.overflows.get()),
        polls: sum(|c| c.polls.get()),
        poll_events: sum(|c| c.poll_events.get()),
        timers_fired: sum(|c| c.timers_fired.get()),
        vigils: sum(|c| c.vigils.get()),
        retaken: scheduler.monitor().retaken.load(Relaxed),
        detached: scheduler.monitor().detached.load(Relaxed),
    }
}
