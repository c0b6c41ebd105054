//! The state word of everything that can wait: goroutines and plain threads.
//!
//! ```text
//!  63                                  8 7    4 3       2    0
//! +-------------------------------------+------+-------+------+
//! |               epoch                 |unused|expired|status|
//! +-------------------------------------+------+-------+------+
//! ```
//!
//! *expired*: the last park was won by its own deadline. Set by that win, cleared when the next park is opened.
//!
//! An **odd epoch** means: a park is open. The owner opens it (even -> odd), hands tickets `(waiter, epoch)` to whoever may wake it, and
//! then either commits it or closes it. Whoever moves the epoch on (odd -> even) has *won* the park: a waker, a timer, the owner that
//! thought better of it, or the shutdown. So a park has exactly one winner, and a ticket whose epoch has passed is worth nothing.
//! Epochs never go back, not even when the memory serves a new goroutine: a ticket may be kept for ever and used at any time.
//!
//! | status   | epoch | stack belongs to | queued | leaves by |
//! |----------|-------|------------------|--------|-----------|
//! | Free     | even  | nobody           | no     | `allocate` |
//! | Fresh    | even  | has none yet     | yes    | `run`, `abandon` |
//! | Runnable | even  | nobody           | yes    | `run`, `settle` |
//! | Running  | even or odd | itself     | no     | `commit_park`, `requeue`, `finish` |
//! | Waiting  | odd   | nobody           | no     | `wake`, `abandon` |
//! | Done     | even  | nobody           | no     | `free` |
//!
//! A wake that finds the park open but the goroutine still `Running` (it has not left its stack yet) only moves the epoch: the commit,
//! which happens on the M's own stack after the switch, fails and the goroutine goes on. Nobody can therefore resume a goroutine whose
//! stack is still in use:
//!
//! ```text
//! parker                                    waker
//! 1. open: epoch e (odd)                    1. take the ticket (waiter, e)
//! 2. publish the ticket                     2. CAS (Running, e) -> (Running, e+1): the parker goes on by itself
//! 3. leave the stack                           or (Waiting, e) -> (Runnable, e+1): the stack was left, queue it
//! 4. CAS (Running, e) -> (Waiting, e)
//! ```
//!
//! Both sides change the same word by read-modify-write, so one of them comes first and the other sees it; no fence is needed.
//!
//! The end of the runtime does need one, since it leaves a `Running` word alone. Its fence is the heavy one, for it comes once:
//!
//! ```text
//! parker's M                                shutdown
//! 1. commit: Waiting                        1. stopping = true
//! 2. light fence (`commit_park` has it)     2. heavy fence
//! 3. stopping? abandon it                   3. `abandon` every goroutine
//! ```
//!
//! Whichever of the two abandons it undoes its wait (`Parking::wait_until_or`): somebody may stand behind it in a queue, and wait for no more than
//! its going.
//!
//! A waker may come before the shutdown, and the goroutine be `Runnable` when no M takes anything out of a queue any more. It will never use what
//! it was given, so whoever finds that out returns it, by the same means: the shutdown, which looks at all of them once the Ms are at
//! rest, or the M of one that was in user code then and parked after that look. `settle` is a read-modify-write, so one of them does:
//!
//! ```text
//! parker's M                                shutdown
//! 1. the commit, or `abandon`, finds it     1. at rest = true
//!    woken: Runnable                        2. heavy fence
//! 2. light fence                            3. `settle` every goroutine that is Runnable
//! 3. at rest? `settle` it
//! ```

use crate::m::fence;
use crate::sync::atomic::{AtomicU64, Ordering::*};
use crate::sync::faulty;
use std::fmt;

const STATUS: u64 = 0b111;
const EXPIRED: u64 = 1 << 3;
const EPOCH_SHIFT: u32 = 8;
const ONE_EPOCH: u64 = 1 << EPOCH_SHIFT;

/// What a waiter is doing; see the table above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Status {
    Free = 0,
    Fresh = 1,
    Runnable = 2,
    Running = 3,
    Waiting = 4,
    Done = 5,
}

/// Names one park of one waiter. Odd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// Of no park: even.
    pub(crate) const NONE: Epoch = Epoch(0);
}

/// One reading of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    #[inline]
    pub(crate) fn status(self) -> Status {
        match self.0 & STATUS {
            0 => Status::Free,
            1 => Status::Fresh,
            2 => Status::Runnable,
            3 => Status::Running,
            4 => Status::Waiting,
            _ => Status::Done,
        }
    }

    #[inline]
    pub(crate) fn epoch(self) -> Epoch {
        Epoch(self.0 >> EPOCH_SHIFT)
    }

    #[inline]
    pub(crate) fn park_open(self) -> bool {
        self.0 & ONE_EPOCH != 0
    }

    /// The last park was ended by its deadline.
    #[inline]
    pub(crate) fn expired(self) -> bool {
        self.0 & EXPIRED != 0
    }

    #[inline]
    fn with(self, status: Status) -> Snapshot {
        Snapshot(self.0 & !STATUS | status as u64)
    }

    #[inline]
    fn next_epoch(self) -> Snapshot {
        Snapshot(self.0.wrapping_add(ONE_EPOCH))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} (epoch {}{})",
            self.status(),
            self.0 >> EPOCH_SHIFT,
            if self.park_open() { ", park open" } else { "" }
        )
    }
}

/// Outcome of [`State::commit_park`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CommitPark {
    /// The waiter is `Waiting`; whoever wins the park makes it run again. It may be running already.
    Parked,
    /// The park was won before the commit: the waiter is still `Running` and goes on.
    AlreadyWoken,
}

/// Outcome of [`State::wake`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// The waiter was `Waiting` and is `Runnable` now: the caller must queue it (a thread: wake it).
    Queue,
    /// The waiter had not gone to sleep yet and will not.
    Noticed,
    /// The park has been won by somebody else, or its goroutine or runtime is gone.
    Stale,
}

/// Outcome of [`State::abandon`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Abandon {
    /// It waited; nothing will ever wake it.
    Parked,
    /// It is (or is about to be) in some queue.
    Queued {
        /// Its closure never started.
        fresh: bool,
    },
    /// It runs on some thread.
    Running,
    /// It has ended, or never was.
    Ended,
    /// It is not as it was read any more.
    Moved,
}

/// The word itself.
pub(crate) struct State(AtomicU64);

impl State {
    pub(crate) fn new(status: Status) -> State {
        State(AtomicU64::new(status as u64))
    }

    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Acquire))
    }

    /// Free -> Fresh, by whoever took the memory from a free list.
    pub(crate) fn allocate(&self) {
        self.owned(Status::Free, Status::Fresh, Relaxed);
    }

    /// Fresh or Runnable -> Running, by the M that took it from a queue. True: it was fresh.
    #[inline]
    pub(crate) fn run(&self) -> bool {
        // Only the taker may change a queued goroutine, so a plain store will do; the queue ordered the fields.
        let now = Snapshot(self.0.load(Relaxed));
        let fresh = now.status() == Status::Fresh;
        debug_assert!(fresh || now.status() == Status::Runnable, "{now:?} taken from a queue");
        self.0.store(now.with(Status::Running).0, Relaxed);
        fresh
    }

    /// Running -> Runnable, on the M's stack after the switch; the caller queues it.
    pub(crate) fn requeue(&self) {
        self.owned(Status::Running, Status::Runnable, Release);
    }

    /// Running -> Done, on the M's stack after the last switch.
    pub(crate) fn finish(&self) {
        let now = Snapshot(self.0.load(Relaxed));
        debug_assert!(!now.park_open(), "{now:?} ended with an open park");
        self.0.store(now.with(Status::Done).0, Release);
    }

    /// Done -> Free, by the last of scheduler and join handle.
    pub(crate) fn free(&self) {
        self.owned(Status::Done, Status::Free, Relaxed);
    }

    fn owned(&self, from: Status, to: Status, order: crate::sync::atomic::Ordering) {
        let now = Snapshot(self.0.load(Relaxed));
        debug_assert!(now.status() == from && !now.park_open(), "{now:?}, expected {from:?}");
        self.0.store(now.with(to).0, order);
    }

    /// Opens a park of the running owner. The store needs no order of its own: the ticket travels by a lock or a release.
    #[inline]
    pub(crate) fn open_park(&self) -> Epoch {
        let now = Snapshot(self.0.load(Relaxed));
        debug_assert!(now.status() == Status::Running && !now.park_open(), "{now:?} opens a park");
        let open = Snapshot(now.next_epoch().0 & !EXPIRED);
        self.0.store(open.0, Relaxed);
        open.epoch()
    }

    /// (Running, e) -> (Waiting, e); on the M's stack, after the switch.
    #[inline]
    pub(crate) fn commit_park(&self, epoch: Epoch) -> CommitPark {
        let open = Snapshot(epoch.0 << EPOCH_SHIFT).with(Status::Running);
        // Release: the waker's resume must see the stack as it was left. Acquire on failure: we go on with what the waker wrote.
        let order = if faulty!(CommitRelaxed) { Relaxed } else { Release };
        if faulty!(CommitByStore) {
            self.0.store(open.with(Status::Waiting).0, order);
            return CommitPark::Parked;
        }
        match self.0.compare_exchange(open.0, open.with(Status::Waiting).0, order, Acquire) {
            Ok(_) => {
                if !faulty!(CommitWithoutFence) {
                    fence::light();
                }
                CommitPark::Parked
            }
            Err(_) => CommitPark::AlreadyWoken,
        }
    }

    /// The owner, still running, ends its park itself. False: somebody had won it.
    #[must_use]
    #[inline]
    pub(crate) fn close_park(&self, epoch: Epoch) -> bool {
        let open = Snapshot(epoch.0 << EPOCH_SHIFT).with(Status::Running);
        self.0.compare_exchange(open.0, open.next_epoch().0, Relaxed, Acquire).is_ok()
    }

    /// Whether it is ready to go on: a hint, but for the thread that is to run it.
    pub(crate) fn is_ready(&self) -> bool {
        Snapshot(self.0.load(Relaxed)).status() == Status::Runnable
    }

    /// Whether the park of this epoch is still to be won.
    #[inline]
    pub(crate) fn is_open(&self, epoch: Epoch) -> bool {
        Snapshot(self.0.load(Acquire)).epoch() == epoch
    }

    /// Wins the park of this epoch, if nobody has.
    #[inline]
    pub(crate) fn wake(&self, epoch: Epoch) -> Wake {
        self.win(epoch, 0)
    }

    /// As `wake`, for the deadline of the park.
    pub(crate) fn expire(&self, epoch: Epoch) -> Wake {
        self.win(epoch, EXPIRED)
    }

    #[inline]
    fn win(&self, epoch: Epoch, mark: u64) -> Wake {
        let mut now = Snapshot(self.0.load(Relaxed));
        loop {
            if now.epoch() != epoch && !faulty!(WakeIgnoresEpoch) {
                return Wake::Stale;
            }
            let waits = now.status() == Status::Waiting;
            let next = Snapshot(if waits { now.with(Status::Runnable) } else { now }.next_epoch().0 | mark);
            // Release: what the waker wrote for the waiter; acquire: the stack the waiter left.
            match self.0.compare_exchange_weak(now.0, next.0, AcqRel, Relaxed) {
                Ok(_) if waits => return Wake::Queue,
                Ok(_) => return Wake::Noticed,
                Err(seen) => now = Snapshot(seen),
            }
        }
    }

    /// A plain thread that was woken out of `Waiting` is running again (nobody queues threads).
    pub(crate) fn thread_runs(&self) {
        self.owned(Status::Runnable, Status::Running, Relaxed);
    }

    /// Shutdown: a goroutine that was parked at the reading `now` becomes `Done` for good, its tickets stale; the others are only named,
    /// for the caller to settle. Only from that very reading: the caller has made sure after it whose goroutine this is, and the memory
    /// may serve another's by now; but a park has an epoch of its own, in whatever life.
    pub(crate) fn abandon(&self, now: Snapshot) -> Abandon {
        match now.status() {
            Status::Waiting => {
                match self.0.compare_exchange(now.0, now.with(Status::Done).next_epoch().0, AcqRel, Relaxed) {
                    Ok(_) => Abandon::Parked,
                    Err(_) => Abandon::Moved,
                }
            }
            Status::Fresh => Abandon::Queued { fresh: true },
            Status::Runnable => Abandon::Queued { fresh: false },
            Status::Running => Abandon::Running,
            Status::Free | Status::Done => Abandon::Ended,
        }
    }

    /// Runnable -> Done, where no M runs anything any more: a goroutine that was Runnable at the reading `now`, as for `abandon`. True: this
    /// call did it, and the goroutine's variables are the caller's.
    #[must_use]
    pub(crate) fn settle(&self, now: Snapshot) -> bool {
        if now.status() != Status::Runnable {
            return false;
        }
        let done = now.with(Status::Done);
        if faulty!(SettleByStore) {
            self.0.store(done.0, Relaxed);
            return true;
        }
        // Acquire: what the waker wrote for it, and the stack it left.
        self.0.compare_exchange(now.0, done.0, AcqRel, Relaxed).is_ok()
    }

    /// As `abandon`, for the M that has just committed this park.
    pub(crate) fn abandon_park(&self, epoch: Epoch) -> Abandon {
        self.abandon(Snapshot(epoch.0 << EPOCH_SHIFT).with(Status::Waiting))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

#[cfg(all(test, loom))]
#[path = "state_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn running() -> State {
        let state = State::new(Status::Free);
        state.allocate();
        assert!(state.run());
        state
    }

    #[test]
    fn a_wake_before_the_commit_keeps_it_running() {
        let state = running();
        let epoch = state.open_park();
        assert_eq!(state.wake(epoch), Wake::Noticed);
        assert_eq!(state.wake(epoch), Wake::Stale);
        assert_eq!(state.commit_park(epoch), CommitPark::AlreadyWoken);
        assert_eq!(state.load().status(), Status::Running);
    }

    #[test]
    fn a_wake_after_the_commit_makes_it_runnable_once() {
        let state = running();
        let epoch = state.open_park();
        assert_eq!(state.commit_park(epoch), CommitPark::Parked);
        assert_eq!(state.wake(epoch), Wake::Queue);
        assert_eq!(state.wake(epoch), Wake::Stale);
        assert!(!state.run());
    }

    #[test]
    fn tickets_of_an_earlier_life_are_stale() {
        let state = running();
        let old = state.open_park();
        assert!(state.close_park(old));
        state.finish();
        state.free();
        state.allocate();
        assert!(state.run());
        let new = state.open_park();
        assert_eq!(state.wake(old), Wake::Stale);
        assert_ne!(old, new);
        assert!(state.close_park(new));
        assert!(!state.close_park(new));
    }

    #[test]
    fn a_deadline_says_so_until_the_next_park() {
        let state = running();
        let epoch = state.open_park();
        assert_eq!(state.expire(epoch), Wake::Noticed);
        assert!(state.load().expired());
        let next = state.open_park();
        assert!(!state.load().expired());
        assert_eq!(state.wake(next), Wake::Noticed);
        assert!(!state.load().expired());
    }

    #[test]
    fn what_was_woken_and_never_ran_is_settled_once() {
        let state = running();
        let epoch = state.open_park();
        assert_eq!(state.commit_park(epoch), CommitPark::Parked);
        assert!(!state.settle(state.load()), "it waits");
        assert_eq!(state.wake(epoch), Wake::Queue);
        assert_eq!(state.abandon(state.load()), Abandon::Queued { fresh: false });
        assert!(state.settle(state.load()) && !state.settle(state.load()));
        assert_eq!(state.abandon(state.load()), Abandon::Ended);
        let state = running();
        assert!(!state.settle(state.load()), "it runs");
    }

    #[test]
    fn an_abandoned_park_cannot_be_won() {
        let state = running();
        let epoch = state.open_park();
        assert_eq!(state.abandon(state.load()), Abandon::Running);
        assert_eq!(state.commit_park(epoch), CommitPark::Parked);
        assert_eq!(state.abandon(state.load()), Abandon::Parked);
        assert_eq!(state.wake(epoch), Wake::Stale);
        assert_eq!(state.abandon(state.load()), Abandon::Ended);
        assert!(format!("{state:?}").starts_with("Done"));
    }
}
