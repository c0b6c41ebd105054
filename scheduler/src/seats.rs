//! Seats: which Ms may start fresh goroutines in bound mode, so that homes do not multiply.
//!
//! **The problem.** A home blocks, unannounced, and loses its P; the substitute starts fresh goroutines and becomes a home; it blocks too, and so
//! on. So an M needs one of `procs` seats to start a fresh goroutine, and gives it back when it sleeps, ends, or is away: in a call, or in user
//! code for longer than its slice.
//!
//! **Away, or only kept from running.** An M whose P was taken in user code computes, is blocked, or the machine runs others on its CPU. The
//! first two may last for ever, and with their seats gone fresh goroutines would wait as long. The third ends when the machine gets round to
//! it, in milliseconds, and the more threads there are the later: were its seat given to another, a busy machine would make ever more homes.
//! So an M that wants a CPU and has not had its slice yet (half of one, in CPU time) keeps its seat, and the monitor looks again every
//! millisecond whether it has come to block meanwhile, or has had that and computes on (`monitor/report.rs`).
//!
//! **Who waits for a seat.** Nobody: an M that has none lets its P go, with work about. So whoever gives a seat up without passing a P on
//! looks for work:
//!
//! ```text
//! an M without a seat lets its P go          a seat is given up
//! 1. idle Ps + 1 (Idle::release)             1. seats + 1
//! 2. fence(SeqCst)                           2. fence(SeqCst)
//! 3. work, and a seat free? takes both back  3. work, a P idle, nobody searching? wakes an M
//! ```
//!
//! One of the two sees the other. If the first finds no seat, its step 1 is seen by the second's look, and so is the work, which was there
//! before. If the second sees somebody searching, that one's own release, and its look at the seats, is yet to come. Where no seat is
//! free each of them is with an M that has a P, and looks before it lets that go, or with one that is kept from running: then the work waits
//! for that one, or for the monitor's look. (To wake another instead, "in its place", would wake Ms that may not start it either, one after
//! the other.)
//!
//! Rejected: homes counted instead of seats, as an M that has once been a home would stay one while its last goroutine sleeps; a queue of
//! Ms that want a seat, as an M without one has nothing to wait for but work.

use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*, fence};
use crate::sync::faulty;

/// The seats that are free. See the module.
#[derive(Debug)]
pub(crate) struct Seats(AtomicU32);

/// Whether an M has one.
#[derive(Debug)]
pub(crate) struct Seat(AtomicBool);

impl Seat {
    /// None.
    pub(crate) fn new() -> Seat {
        Seat(AtomicBool::new(false))
    }

    /// Exact for the M until somebody takes it away, a hint for others.
    #[inline]
    pub(crate) fn is_mine(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Seats {
    pub(crate) fn new(seats: u32) -> Seats {
        Seats(AtomicU32::new(seats))
    }

    /// Whether one is free: a hint, but for what a fence precedes.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.0.load(Relaxed) > 0
    }

    /// The M has one, or gets one.
    #[inline]
    pub(crate) fn take(&self, seat: &Seat) -> bool {
        seat.is_mine() || self.take_another(seat)
    }

    fn take_another(&self, seat: &Seat) -> bool {
        let got = self.any() && self.0.fetch_update(AcqRel, Relaxed, |free| free.checked_sub(1)).is_ok();
        if got {
            seat.0.store(true, Relaxed);
        }
        got
    }

    /// The M's own doing, or the monitor's: one of them does it. The caller passes the M's P on, whose next holder looks for work.
    pub(crate) fn give_back(&self, seat: &Seat) -> bool {
        let had = seat.is_mine() && seat.0.swap(false, AcqRel);
        if had {
            self.0.fetch_add(1, AcqRel);
        }
        had
    }

    /// Steps 1 and 2 of giving a seat up where no P goes with it. True: step 3 is the caller's.
    #[must_use = "somebody may have let his P go because this seat was taken"]
    pub(crate) fn leave(&self, seat: &Seat) -> bool {
        let had = self.give_back(seat);
        if had && !faulty!(SeatLeftWithoutFence) {
            fence(SeqCst);
        }
        had
    }
}

#[cfg(all(test, loom))]
#[path = "seats_loom.rs"]
mod loom_tests;
