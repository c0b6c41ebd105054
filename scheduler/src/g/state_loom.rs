//! Models of the state word. Preemption bound 3; each explored to its end within 60 s.
//!
//! The goroutine's stack is a cell that loom lets one thread touch at a time: its own while it runs, its waker's M's once
//! that resumes it.

use super::*;
use crate::sync::cell::UnsafeCell;
use crate::sync::fault::{check, step};
use crate::sync::{Arc, Mutex, lock, thread};

struct World {
    state: State,
    stack: UnsafeCell<usize>,
    /// Where the parker leaves its ticket: a waiting structure under its lock.
    ticket: Mutex<Option<Epoch>>,
}

// SAFETY: that the stack is touched by one thread at a time is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

impl World {
    fn new() -> Arc<World> {
        let state = State::new(Status::Free);
        state.allocate();
        assert!(state.run());
        Arc::new(World { state, stack: UnsafeCell::new(0), ticket: Mutex::new(None) })
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
    fn wake(&self, win: fn(&State, Epoch) -> Wake) -> bool {
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

/// R8, R9: a waker and a deadline against the commit. One of the two wins at most; the goroutine runs again if and only if
/// one did; and nobody resumes it before it has left its stack. `early`: the M commits while the goroutine is still on its
/// stack.
fn park_commit(early: bool) {
    let world = World::new();
    let wakers = [State::wake as fn(&State, Epoch) -> Wake, State::expire].map(|win| {
        let world = world.clone();
        thread::spawn(move || world.wake(win))
    });
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
    assert!(!(won[0] && won[1]), "one park, two winners");
    let woken = won[0] || won[1];
    let status = if woken || !parked { Status::Running } else { Status::Waiting };
    assert_eq!(world.state.load().status(), status);
    assert!(parked || woken, "the commit failed, but nobody woke it");
    assert_eq!(world.state.load().park_open(), !woken);
    assert_eq!(world.state.load().expired(), won[1]);
}

#[test]
fn loom_state_park_commit() {
    check(3, || park_commit(false));
}

#[test]
#[should_panic]
fn loom_state_broken_commit_before_the_switch() {
    check(3, || park_commit(true));
}

/// The owner closes its park itself, and opens the next one: the ticket of the first is won by it or by the waker, and wakes
/// nobody out of the second.
#[test]
fn loom_state_close_against_wake() {
    check(3, || {
        let world = World::new();
        let waker = {
            let world = world.clone();
            thread::spawn(move || world.wake(State::wake))
        };
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
    });
}

/// The runtime ends while a goroutine parks and somebody wakes it: it is woken, or abandoned, never both; and an abandoned
/// one's ticket is stale.
#[test]
fn loom_state_abandon_against_wake() {
    check(3, || {
        let world = World::new();
        let waker = {
            let world = world.clone();
            thread::spawn(move || world.wake(State::wake))
        };
        let end = {
            let world = world.clone();
            thread::spawn(move || {
                step();
                world.state.abandon()
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
