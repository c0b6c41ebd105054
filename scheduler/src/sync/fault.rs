//! How models are run, and the faults that a model plants in the real code to show that it would notice them. Exists
//! under `cfg(loom)` only.
//!
//! A loom model runs all its threads on the one OS thread that called it, so a plain thread-local says which fault that
//! model wants, while other tests run beside it unharmed.

use std::cell::Cell;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use std::time::{Duration, Instant};

/// One way to be wrong. Each is named after what is left out or done in the wrong way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// `Ring`: the tail is published without release.
    RingTailRelaxed,
    /// `Owner::pop_ring`: the head is stored, not compared and swapped.
    RingPopByStore,
    /// `Owner::shed`: the newest are taken although a thief moved the head meanwhile.
    RingOverflowByStore,
    /// `Ring::steal_into`: claims more than the thief's own ring has room for.
    RingStealIgnoresRoom,
    /// `Ring::is_empty`: does not look at the tail a second time.
    RingEmptyLooksOnce,
    /// `Ring::steal_next`: acquires with the load of the slot instead of with the swap that takes it.
    NextAcquiredByLoad,
    /// `Owner::pop_next`: the slot is stored, not compared and swapped.
    NextPopByStore,
    /// `Injector::push`: counts after the batch can be taken.
    InjectorCountsLate,
    /// `Injector::pop`: takes what has gathered without another look at the queue.
    InjectorBackUnseen,
    /// `Inbox::take`: load and store instead of one swap.
    InboxTakeByStore,
    /// `Inbox::push`: publishes without release.
    InboxPushRelaxed,
    /// `Lease::enter`: no fence between saying "inside" and looking for the flag.
    LeaseNoLightFence,
    /// `Lease::revoke`: no fence between the flag and the look.
    LeaseNoHeavyFence,
    /// `Lease::enter`, flagged: takes the flag for the verdict instead of waiting for the lock.
    LeaseFlagIsVerdict,
    /// `Lease::enter`, flagged: looks who holds the P without waiting for the lock.
    LeaseVerdictUnlocked,
    /// `Lease::revoke`: does not ask whether the M still holds this very P.
    LeaseAnyHolder,
    /// `Lease::exit`: what was done to the P is not published.
    LeaseExitRelaxed,
    /// `Lease::begin_call`: what was done to the P is not published.
    CallOpenedRelaxed,
    /// `Lease::begin_call`: leaves the runtime, so that both ways of taking the P are open at once.
    CallLeavesRuntime,
    /// `Lease::take_call`: stores instead of comparing and swapping.
    CallTakenByStore,
    /// `Lease::end_call`: stores instead of comparing and swapping.
    CallEndsByStore,
    /// `State::commit_park`: stores instead of comparing and swapping.
    CommitByStore,
    /// `State::commit_park`: the stack that was left is not published.
    CommitRelaxed,
    /// `State::commit_park`: no fence between the commit and the caller's look whether the runtime ends.
    CommitWithoutFence,
    /// `State::settle`: stores instead of comparing and swapping.
    SettleByStore,
    /// Between the look that finds a goroutine woken and the one whether the Ms are at rest: no fence.
    SettleWithoutFence,
    /// `State::wake`: wins whatever park is open.
    WakeIgnoresEpoch,
    /// `Completion::returned`: load and store though there is a handle.
    ReturnedByStore,
    /// `Completion::finish`: load and store instead of a read-modify-write.
    FinishByStore,
    /// `Completion::finish_in`: does not ask whether the memory serves another by now.
    FinishInAnyLife,
    /// `Completion::reset`: whose the new life is, is not published with it.
    ResetRelaxed,
    /// `Completion::end`: says "ended" while the finisher still reads the waiter.
    EndIgnoresWaiter,
    /// `Completion::detached_unasked`: whether it was abandoned is asked before the handle goes.
    AbandonedAskedFirst,
    /// `Completion::detach`: stores instead of comparing and swapping.
    DetachByStore,
    /// `Completion::detach`: leaves its waiter in the cell.
    DetachLeavesWaiter,
    /// `Children::remove`: what the goroutine did with what it borrowed is not published.
    ChildOverRelaxed,
    /// `Children::remove`: the last one looks whom to wake although nobody said that he waits.
    ChildAlwaysLooks,
    /// `Children::wait`: load and store instead of comparing and swapping.
    WaitForChildrenByStore,
    /// `Idle::wake_wanted`: no fence between the work and the look.
    SubmitWithoutFence,
    /// `Idle::stop_searching`: no fence between the count and the look.
    StopWithoutFence,
    /// `Idle::release`: no fence between the count and the look.
    ReleaseWithoutFence,
    /// `Idle::release`: the P idles although an M waits for one.
    IdleWhileOneWaits,
    /// `Idle::claim`: without a P it stops to search after it has let the lock go.
    ClaimStopsLate,
    /// `Idle::release` and `Idle::next_waiting`: an M that gives its P to another stops to search afterwards.
    HandOverStopsLate,
    /// `Idle::sleep`: does not look into the inbox once more.
    SleepWithoutLook,
    /// `Idle::sleep`: no fence between saying "asleep" and the look.
    SleepWithoutFence,
    /// `Idle::after_push`: no fence between the push and the look.
    PushedWithoutFence,
    /// `Idle::rest`: an M or P that was away meanwhile is not noticed.
    DeparturesNotCounted,
    /// `Arrivals::take_after_seat`: no fence between giving the seat up and the look.
    ArrivalsLeftWithoutFence,
    /// `Seats::leave`: no fence between the seat and the look for work.
    SeatLeftWithoutFence,
    /// `Doze::rest`: no fence between saying "rests" and the look.
    DozeWithoutFence,
    /// `Doze::rests`: no fence between taking the P and the look.
    BusyWithoutFence,
    /// `Doze::rest_again`: no fence between setting the alarm far and the look.
    RestAgainWithoutFence,
    /// `Doze::rest_again`: does not look whether all Ps idle still.
    RestAgainIgnoresTaker,
    /// `Doze::rest_again`: does not look whether somebody has made it watch, or ended the sleep, meanwhile.
    RestAgainIgnoresOthers,
    /// `Doze::end`: no fence between the note and the look how it sleeps.
    EndWithoutFence,
    /// `Doze::must_look`: no fence between what is left to the monitor and the look whether it sleeps.
    LeftWithoutFence,
    /// `Doze::nap`: no fence between saying "at ease" and the look whether a P idles.
    EaseWithoutFence,
    /// `Doze::a_p_idles`: no fence between "naps" and the look at the slots.
    GuardWithoutFence,
    /// `Doze::nap`: no fence between saying "naps" and the look.
    NapWithoutFence,
    /// `Doze::nap`: no fence before the look whether every P idles.
    IdleNapWithoutFence,
    /// `Doze::a_slot_is_filled`: no fence between the slot and the look whether the monitor naps.
    PushWithoutFence,
    /// `Gate::pass`: no fence between the count and the look.
    PassWithoutFence,
    /// `Gate::pass`: the end of the use is not published.
    PassRelaxed,
    /// `Gate::close`: no fence between closing and the look at the count.
    CloseWithoutFence,
    /// `Note::sleep`, where it was set already: emptied by a store.
    NoteEmptiedByStore,
    /// `Note::take`: what the owner did before is not published to the next `set`.
    NoteTakenWithoutRelease,
}

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

pub(crate) fn is_on(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Runs `model` with one fault planted; also when it panics, as it should, the fault is gone afterwards.
pub(crate) fn with_fault(fault: Fault, model: impl FnOnce()) {
    struct Uproot;
    impl Drop for Uproot {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
    let _uproot = Uproot;
    PLANTED.set(Some(fault));
    model();
}

loom::lazy_static! {
    static ref STEPS: loom::sync::atomic::AtomicUsize = loom::sync::atomic::AtomicUsize::new(0);
}

/// A place where loom is to try every order of the threads. It synchronises nothing.
///
/// Loom switches threads only where it sees a conflict, and compares an access with the *last* one to the same object
/// alone: a thread that loads and then swaps hides, by its own load, that others loaded before it. A counter that every
/// thread changes makes the conflict plain. Models call this between the operations under test.
pub(crate) fn step() {
    STEPS.fetch_add(1, Relaxed);
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
