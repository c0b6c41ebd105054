//! How models are run, and the faults that a model plants in the real code to show that it would notice them. Exists under `cfg(loom)` only.
//!
//! A loom model runs all its threads on the one OS thread that called it, so a plain thread-local says what that model wants, while other
//! tests run beside it unharmed.
#![allow(clippy::disallowed_macros, reason = "no goroutine runs in a model")]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// One way to be wrong. Each is named after what is left out or done in the wrong way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// `RawMutex::lock_slow`: queues although the lock fell free since the word was read.
    MutexQueuesUnlooked,
    /// `RawMutex::lock_slow`: a waiter that was woken and lost leaves `WOKEN` set when it queues again.
    MutexKeepsWoken,
    /// `RawMutex::lock_slow`: a barger whose turn is over queues although the one it queues behind has come and gone.
    MutexQueuesBehindNobody,
    /// `RawMutex::unlock_slow`, starving: the lock is free for a moment while it is handed over.
    MutexHandsOverFree,
    /// `RawSemaphore::acquire_slow`: marks the word as queued by load and store.
    SemaphoreQueuesByStore,
    /// `RawSemaphore::grant`: what earlier releases published is not acquired for the waiter.
    SemaphoreGrantsRelaxed,
    /// `RawSemaphore::leave`: who gives up does not look after those behind it.
    SemaphoreLeavesSilently,
    /// `RawSemaphore::grant`: permits taken for a waiter that is gone are not put back.
    SemaphoreGrantsTheGone,
    /// `RawSemaphore::try_acquire`: takes permits past those who wait.
    SemaphoreOvertakes,
    /// `RawRwLock`: a writer that was passed over keeps the other writers out.
    RwLockKeepsTheGone,
    /// `RawCondvar::wait`: unlocks before it queues.
    CondvarUnlocksFirst,
    /// `RawCondvar::notify_one`: takes a claim that failed for a wake-up.
    CondvarWakesTheGone,
    /// `RawOnce`: publishes the end of the initialiser without release.
    OnceRelaxed,
    /// `RawOnce::wait_for_end`: does not look, under the lock, whether it is done by now.
    OnceSleepsBesideDone,
    /// `RawOnce`: an initialiser that panics wakes nobody.
    OncePanicsSilently,
    /// `RawOnce`: claims the initialisation by load and store, without the lock.
    OnceStartsByStore,
    /// `chan::State::offer`: a value put into the slot of a receiver that could not be claimed is not taken back.
    ChanLosesItWithTheGone,
    /// `chan::Lock`: freed without release.
    LockFreedRelaxed,
    /// `chan::State::close`: of those who wait only the first is told.
    ChanClosesForOne,
    /// `chan::State::take_from_senders`: a channel that is closed serves those who were not told yet.
    ChanTakesFromTheClosed,
    /// `Arm::enlist`: queues without a look at what has become possible since the first one.
    SelectQueuesUnlooked,
    /// `Arm::leave`: reads what has come of a node without the channel's lock.
    SelectReadsUnlocked,
    /// `State::end_promise`: the value is there, and its receiver sleeps on.
    PromiseKeptSilently,
    /// `Channel::settle`: the receiver looks, and gives up under another lock.
    PromiseForgoneLate,
    /// `Channel::settle`: the receiver does not wait beyond its limit for what it was promised for sure.
    /// `wait`: a waiter that was served and never runs keeps what it was given.
    NothingIsPassedOn,
    /// `Gate::close`: the jobs are closed only after the sweep.
    PoolSweepsOpen,
    /// `Gate::end`: the last worker has gone, and the pool accepts jobs still.
    PoolOutlivesItsWorkers,
}

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    static PATIENCE: Cell<Duration> = const { Cell::new(Duration::MAX) };
}

pub(crate) fn is_on(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// How long a waiter of a mutex loses before it starves. A model must not depend on the clock: it is the greatest (never) or zero (at once).
pub(crate) fn patience() -> Duration {
    PATIENCE.get()
}

struct Uproot;

impl Drop for Uproot {
    fn drop(&mut self) {
        PLANTED.set(None);
        PATIENCE.set(Duration::MAX);
    }
}

/// Runs `model` with one fault planted; also when it panics, as it should, the fault is gone afterwards.
pub(crate) fn with_fault(fault: Fault, model: impl FnOnce()) {
    let _uproot = Uproot;
    PLANTED.set(Some(fault));
    model();
}

pub(crate) fn with_patience(patience: Duration, model: impl FnOnce()) {
    let _uproot = Uproot;
    PATIENCE.set(patience);
    model();
}

loom::lazy_static! {
    static ref STEPS: loom::sync::atomic::AtomicUsize = loom::sync::atomic::AtomicUsize::new(0);
}

/// A place where loom is to try every order of the threads. It synchronises nothing.
///
/// Loom switches threads only where it sees a conflict, and compares an access with the *last* one to the same object alone: a thread that
/// loads and then swaps hides, by its own load, that others loaded before it. A counter that every thread changes makes the conflict plain.
/// Models call this between the operations under test.
pub(crate) fn step() {
    STEPS.fetch_add(1, Relaxed);
}

/// Whether a model has failed and is being taken apart: loom's objects are not to be touched any more.
pub(crate) fn failed() -> bool {
    std::thread::panicking()
}

/// No model may take longer. A model that reaches it has not been explored to its end, which `check` reports.
const MODEL_LIMIT: Duration = Duration::from_secs(60);

/// Explores `model` with at most so many preemptions: switches away from a thread that could have gone on.
pub(crate) fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_duration = Some(MODEL_LIMIT);
    let start = Instant::now();
    let executions = Arc::new(AtomicUsize::new(0));
    let count = executions.clone();
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    println!("{} executions in {:?}", executions.load(Relaxed), start.elapsed());
    // Also of a broken variant, which has to panic of its own accord: its test expects that panic's text, not this one.
    let explored = start.elapsed() < MODEL_LIMIT;
    assert!(explored, "the model was not explored to its end: lower its preemption bound");
}
