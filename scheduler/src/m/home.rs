//! Who is at home on an M, and where that is decided: seats, and what is ready behind the running goroutine.

use super::M;
use crate::g::G;
use crate::runtime::Mode;
use std::sync::atomic::Ordering::*;

impl M {
    /// Its running goroutine, which no other is at home beside, has the thread to itself from here on.
    pub(crate) fn become_exclusive(&'static self, g: &G) {
        self.set_exclusive(true);
        g.set_home(self);
        self.owned.store(1, Relaxed);
        // What is queued here others must run: they are given the P on the next occasion.
        self.own().give_way.set(true);
    }

    /// Its running goroutine has the thread to itself no longer; bound, it stays at home here.
    pub(crate) fn become_common(&self, g: &G) {
        self.set_exclusive(false);
        if self.scheduler().mode() == Mode::Migrating {
            g.clear_home();
            self.owned.store(0, Relaxed);
        }
    }

    /// One more has started here, or one less is unfinished.
    pub(super) fn count_owned(&self, change: i32) {
        self.owned.store(self.owned.load(Relaxed).wrapping_add_signed(change), Relaxed);
    }

    /// Whether goroutines that started here are still there: then the thread must not end.
    pub(super) fn is_home(&self) -> bool {
        self.owned.load(Relaxed) > 0
    }

    /// How many started goroutines beside the running one are at home here.
    pub(crate) fn at_home_beside_the_running(&self) -> u32 {
        // Migrating, the running one is at home nowhere, and nobody else is.
        self.owned.load(Relaxed).saturating_sub(1)
    }

    /// A goroutine is about to run: publishes how many of its own are ready behind it.
    pub(super) fn note_ready_behind(&self) {
        let own = self.own();
        let ready = own.ready.borrow().len() + usize::from(own.next.get().is_some());
        self.ready_behind.store(ready as u32, Relaxed);
    }

    /// How many ready goroutines only this thread may run wait for the one that runs, at least; for the monitor.
    pub(crate) fn held_up(&self) -> u32 {
        self.ready_behind.load(Relaxed) + u32::from(!self.inbox.is_empty())
    }

    /// Whether it may run a goroutine that has not started: always when migrating; bound, if it has or gets a seat (a substitute
    /// starts fresh goroutines only while fewer than `procs` homes are unblocked).
    pub(super) fn may_start_fresh(&self) -> bool {
        if self.is_exclusive() {
            return false;
        }
        match self.scheduler().mode() {
            Mode::Migrating => true,
            Mode::Bound => self.scheduler().seats().take(&self.seat),
        }
    }

    /// It goes away, with a call that lasts or in user code, and its P goes to somebody else, who looks for work: others may start
    /// goroutines.
    pub(crate) fn give_seat_back(&self) {
        if self.scheduler().seats().give_back(&self.seat) {
            self.leave_arrivals();
        }
    }

    /// It sleeps, or does not come back for long, and no P goes with its seat: somebody may have let his go because the seat was taken.
    pub(crate) fn leave_seat(&self) {
        let scheduler = self.scheduler();
        if scheduler.seats().leave(&self.seat) {
            self.leave_arrivals();
            if scheduler.any_work() {
                scheduler.wake_if_wanted();
            }
        }
    }

    /// Its thread runs nothing any more: who has placed something here sees that, or it is passed on now, seat or none.
    pub(super) fn leaves(&self) {
        self.give_seat_back();
        self.leave_arrivals();
    }

    pub(crate) fn has_seat(&self) -> bool {
        self.seat.is_mine()
    }

    /// The runtime ended before a locked goroutine had its first turn: it goes where the shutdown drops closures that never ran.
    pub(super) fn give_back_unstarted(&self) {
        if self.is_exclusive() {
            for g in self.inbox.take().chain(std::mem::take(&mut *self.own().ready.borrow_mut())) {
                if !g.started() {
                    self.owned.store(0, Relaxed);
                    self.scheduler().injector().push_one(g);
                }
            }
        }
    }

    /// Whether what becomes ready now is announced later, once.
    pub(crate) fn batches(&self) -> bool {
        let own = self.own();
        let batches = own.batching.get();
        if batches {
            own.batched.set(true);
        }
        batches
    }

    /// One of its goroutines is ready, says its own thread.
    pub(crate) fn push_own(&self, g: &'static G) {
        let own = self.own();
        self.ready_behind.store(self.ready_behind.load(Relaxed) + 1, Relaxed);
        if own.batching.get() {
            own.ready.borrow_mut().push_back(g);
        } else if let Some(kicked) = own.next.replace(Some(g)) {
            own.ready.borrow_mut().push_back(kicked);
        }
    }
}
