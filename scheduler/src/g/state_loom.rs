//! Models of the state word. Preemption bound 3 with three threads, 2 with four; each explored to its end within 60 s.
//!
//! The goroutine's stack is a cell that loom lets one thread touch at a time: its own while it runs, its waker's M's once
//! that resumes it.

use super::*;
use crate::sync::atomic::AtomicBool;
use crate::sync::cell::UnsafeCell;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, Mutex, lock, thread};

impl State {
    /// As the shutdown does it: from a reading, again if it has moved on meanwhile.
    fn abandon_now(&self) -> Abandon {
        loop {
            let seen = self.abandon(self.load());
            if seen != Abandon::Moved {
                return seen;
            }
        }
    }
}

struct World {
    state: State,
    stack: UnsafeCell<usize>,
    /// Where the parker leaves its ticket: a waiting structure under its lock.
    ticket: Mutex<Option<Epoch>>,
    stopping: AtomicBool,
    at_rest: AtomicBool,
}

// SAFETY: that the stack is touched by one thread at a time is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

type Win = fn(&State, Epoch) -> Wake;

impl World {
    fn new() -> Arc<World> {
        let state = State::new(Status::Free);
        state.allocate();
        assert!(state.run());
        Arc::new(World {
            state,
            stack: UnsafeCell::new(0),
            ticket: Mutex::new(None),
            stopping: AtomicBool::new(false),
            at_rest: AtomicBool::new(false),
        })
    }

    fn touch_stack(&self) {
        // SAFETY: the caller believes that the stack is its own, and loom checks that.
        self.stack.with_mut(|stack| unsafe { *stack += 1 });
    }

    /// The goroutine opens a park and hands its ticket out.
    fn open(&self) -> Epoch {
        self.touch_stack();
        let epoch = self.state.open_park();
        *lock(&self.ticket) = Some(epoch);
        epoch
    }

    /// Its M commits, on another stack. True: it parked.
    fn commit(&self, epoch: Epoch) -> bool {
        match self.state.commit_park(epoch) {
            CommitPark::Parked => true,
            CommitPark::AlreadyWoken => {
                self.touch_stack();
                false
            }
        }
    }

    /// Wakes by the ticket, and plays the M that takes the goroutine from the queue. True: it won.
    fn wake(&self, win: Win) -> bool {
        step();
        let Some(epoch) = *lock(&self.ticket) else { return false };
        match win(&self.state, epoch) {
            Wake::Queue => {
                assert!(!self.state.run());
                self.touch_stack();
                true
            }
            Wake::Noticed => true,
            Wake::Stale => false,
        }
    }
}

fn wakers<const N: usize>(world: &Arc<World>, wins: [Win; N]) -> [thread::JoinHandle<bool>; N] {
    wins.map(|win| {
        let world = world.clone();
        thread::spawn(move || world.wake(win))
    })
}

/// R8, R9: wakers, the last of them the deadline, against the commit. One of them wins at most; the goroutine runs again if
/// and only if one did; and nobody resumes it before it has left its stack. `early`: the M commits while the goroutine is
/// still on its stack.
fn park_commit<const N: usize>(wins: [Win; N], early: bool) {
    let world = World::new();
    let wakers = wakers(&world, wins);
    let epoch = world.open();
    step();
    if !early {
        world.touch_stack();
    }
    let parked = world.commit(epoch);
    if early {
        world.touch_stack();
    }
    let won = wakers.map(|waker| waker.join().unwrap());
    let winners = won.iter().filter(|&&won| won).count();
    assert!(winners <= 1, "one park, two winners");
    let woken = winners == 1;
    let status = if woken || !parked { Status::Running } else { Status::Waiting };
    let now = world.state.load();
    assert_eq!(now.status(), status, "the status is not what the winner left");
    assert!(parked || woken, "the commit failed, but nobody woke it");
    assert_eq!(now.park_open(), !woken);
    assert_eq!(now.expired(), won[N - 1]);
    if woken {
        // It runs: its stack is its own, and the next park is another one.
        world.touch_stack();
        assert_ne!(world.state.open_park(), epoch);
    }
}

fn waker_and_deadline() {
    park_commit([State::wake, State::expire], false);
}

#[test]
fn loom_state_park_commit() {
    check(3, waker_and_deadline);
}

#[test]
fn loom_state_two_wakers_and_a_deadline() {
    check(2, || park_commit([State::wake, State::wake, State::expire], false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_state_broken_commit_before_the_switch() {
    check(3, || park_commit([State::wake, State::expire], true));
}

#[test]
#[should_panic(expected = "the status is not what the winner left")]
fn loom_state_broken_commit_by_store() {
    with_fault(Fault::CommitByStore, || check(3, waker_and_deadline));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_state_broken_commit_relaxed() {
    with_fault(Fault::CommitRelaxed, || check(3, waker_and_deadline));
}

/// The owner thinks better of it, while a waker and the deadline come: one of the three wins, if the others have had a
/// ticket at all; and what the winner wrote for the owner is seen.
#[test]
fn loom_state_close_against_all() {
    check(3, || {
        let world = World::new();
        let wakers = wakers(&world, [State::wake, State::expire]);
        let epoch = world.open();
        step();
        let closed = world.state.close_park(epoch);
        let won = wakers.map(|waker| waker.join().unwrap());
        assert_eq!([closed, won[0], won[1]].iter().filter(|&&won| won).count(), 1, "one park, one winner");
        assert_eq!(world.state.load().status(), Status::Running);
        assert!(!world.state.is_open(epoch));
        world.touch_stack();
    });
}

/// The owner closes its park itself, and opens the next one: the ticket of the first is won by it or by the waker, and wakes
/// nobody out of the second.
fn stale_ticket() {
    let world = World::new();
    let [waker] = wakers(&world, [State::wake]);
    let first = world.open();
    step();
    let closed = world.state.close_park(first);
    let second = world.state.open_park();
    world.touch_stack();
    let parked = world.commit(second);
    let won = waker.join().unwrap();
    assert!(!(closed && won), "one park, two winners");
    assert!(parked, "a stale ticket woke it");
    assert_eq!(world.state.load().status(), Status::Waiting);
}

#[test]
fn loom_state_stale_ticket() {
    check(3, stale_ticket);
}

#[test]
#[should_panic(expected = "one park, two winners")]
fn loom_state_broken_wake_ignores_epoch() {
    with_fault(Fault::WakeIgnoresEpoch, || check(3, stale_ticket));
}

/// The runtime ends while a goroutine parks and somebody wakes it: it is woken, or abandoned, never both; and an abandoned
/// one's ticket is stale.
#[test]
fn loom_state_abandon_against_wake() {
    check(3, || {
        let world = World::new();
        let [waker] = wakers(&world, [State::wake]);
        let end = {
            let world = world.clone();
            thread::spawn(move || {
                step();
                world.state.abandon_now()
            })
        };
        let epoch = world.open();
        step();
        let parked = world.commit(epoch);
        let (won, abandoned) = (waker.join().unwrap(), end.join().unwrap());
        match abandoned {
            Abandon::Parked => {
                assert!(parked && !won, "woken and abandoned");
                assert_eq!(world.state.load().status(), Status::Done);
                assert!(!world.wake(State::wake));
            }
            Abandon::Running | Abandon::Queued { fresh: false } => {}
            other => panic!("{other:?}"),
        }
    });
}

/// The runtime ends while a goroutine parks: the shutdown finds it waiting, or its M finds the runtime ending. In the end
/// nobody can wake it, and one of them has undone its wait: by what lies on its stack, which it has left.
fn park_against_shutdown() {
    let world = World::new();
    let shutdown = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            world.stopping.store(true, Relaxed);
            fence::heavy();
            world.undoes(world.state.abandon_now())
        })
    };
    let epoch = world.open();
    step();
    let by_its_m = world.commit(epoch) && world.stopping.load(Acquire) && world.undoes(world.state.abandon_park(epoch));
    let by_the_shutdown = shutdown.join().unwrap();
    assert_eq!(world.state.load().status(), Status::Done, "parked in a runtime that has ended");
    assert!(by_its_m != by_the_shutdown, "undone by both, or by nobody");
    assert!(!world.wake(State::wake));
}

#[test]
fn loom_state_park_against_shutdown() {
    check(3, park_against_shutdown);
}

#[test]
#[should_panic(expected = "parked in a runtime that has ended")]
fn loom_state_broken_commit_without_fence() {
    with_fault(Fault::CommitWithoutFence, || check(3, park_against_shutdown));
}

impl World {
    /// What is abandoned is never resumed, so its stack is there to be looked at.
    fn undoes(&self, abandoned: Abandon) -> bool {
        let parked = abandoned == Abandon::Parked;
        if parked {
            self.touch_stack();
        }
        parked
    }

    /// As the M of a goroutine that it finds woken. True: what the waker gave is to be returned, and the stack is there to be looked at.
    fn settle_if_at_rest(&self) -> bool {
        let state = self.state.load();
        if !faulty!(SettleWithoutFence) {
            fence::light();
        }
        self.at_rest.load(Acquire) && self.settle(state)
    }

    fn settle(&self, state: Snapshot) -> bool {
        step();
        let settled = self.state.settle(state);
        if settled {
            self.touch_stack();
        }
        settled
    }
}

/// The runtime ends while a goroutine in user code parks and somebody wakes it: the waker is told that nobody is there, or what it gave is
/// returned by one of those who find it.
fn woken_and_never_run() {
    let world = World::new();
    let waker = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            let epoch = (*lock(&world.ticket))?;
            // What it makes Runnable nobody takes out of a queue.
            Some(world.state.wake(epoch))
        })
    };
    let shutdown = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            world.stopping.store(true, Relaxed);
            fence::heavy();
            let _seen = world.state.abandon_now();
            world.at_rest.store(true, Release);
            fence::heavy();
            world.settle(world.state.load())
        })
    };
    let epoch = world.open();
    step();
    let by_its_m = match world.state.commit_park(epoch) {
        CommitPark::Parked if world.stopping.load(Acquire) => match world.state.abandon_park(epoch) {
            Abandon::Parked => false,
            _ => world.settle_if_at_rest(),
        },
        CommitPark::Parked => false,
        CommitPark::AlreadyWoken => {
            // Its P was taken meanwhile.
            world.state.requeue();
            world.settle_if_at_rest()
        }
    };
    let (woken, by_the_shutdown) = (waker.join().unwrap(), shutdown.join().unwrap());
    let given = matches!(woken, Some(Wake::Queue | Wake::Noticed));
    assert!(!(by_its_m && by_the_shutdown), "returned twice");
    assert_eq!(given, by_its_m || by_the_shutdown, "given to nobody");
    assert_eq!(world.state.load().status(), Status::Done);
}

#[test]
fn loom_state_woken_and_never_run() {
    check(3, woken_and_never_run);
}

#[test]
#[should_panic(expected = "ausality violation")]
fn loom_state_broken_settle_by_store() {
    with_fault(Fault::SettleByStore, || check(3, woken_and_never_run));
}

#[test]
#[should_panic(expected = "given to nobody")]
fn loom_state_broken_settle_without_fence() {
    with_fault(Fault::SettleWithoutFence, || check(3, woken_and_never_run));
}
