//! Models of an M's sleep. Preemption bound 3; each explored to its end within 60 s. Whose wake is
//! lost sleeps for good, which the note reports.
//!
//! The poll's own sleep is another note: set by an interrupt, kept if nobody sleeps there yet. What netpoll makes of that is
//! modelled there.

use super::*;
use crate::sync::atomic::AtomicUsize;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

struct World {
    slumber: Slumber,
    poll: Note,
    /// What the M is given: each waker adds one, and so releases what it did before.
    given: AtomicUsize,
}

impl World {
    fn give(&self) {
        step();
        self.given.fetch_add(1, Release);
        if self.slumber.wake() {
            self.poll.set();
        }
    }

    /// Sleeps once, in the poll or, where somebody else polls, on the note.
    fn sleep(&self, has_turn: bool) {
        self.slumber.begin_poll();
        step();
        if has_turn && !self.slumber.noted() {
            self.poll.sleep(None);
        }
        self.slumber.end_poll();
        if !has_turn {
            self.slumber.sleep(None);
        }
    }
}

/// An M sleeps until it has been given all, now here, now there.
fn sleep_until_given(wakers: usize, turns: [bool; 2]) {
    let world = Arc::new(World { slumber: Slumber::new(), poll: Note::new(), given: AtomicUsize::new(0) });
    let others: Vec<_> = (0..wakers)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || world.give())
        })
        .collect();
    let mut turns = turns.into_iter().cycle();
    while world.given.load(Acquire) < wakers {
        world.sleep(turns.next().expect("it cycles"));
    }
    others.into_iter().for_each(|other| other.join().unwrap());
}

#[test]
fn loom_slumber_poll() {
    check(3, || sleep_until_given(1, [true, true]));
}

#[test]
fn loom_slumber_note() {
    check(3, || sleep_until_given(1, [false, false]));
}

#[test]
fn loom_slumber_two_wakers_here_and_there() {
    check(3, || sleep_until_given(2, [true, false]));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_slumber_broken_note_taken_without_release() {
    with_fault(Fault::NoteTakenWithoutRelease, || check(3, || sleep_until_given(1, [true, true])));
}
