//! Waiting in place: the goroutine stays on its stack, and keeps the thread, while the P is handed on.

use super::M;
use crate::g::{G, Undo};
use crate::park::{Reason, Ticket};
use crate::quiet::WaitsInPlace;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

impl M {
    /// Waits in place: P handed on, the thread sleeps in `sleep` until the ticket is woken, then a P is waited for.
    ///
    /// The park is the thread's, which the shutdown does not find among the goroutines, so the ticket is left here for it:
    ///
    /// ```text
    /// the M                                        shutdown
    /// 1. leave the ticket, under the lock          1. stopping = true
    /// 2. stopping? expire it, end                  2. take the ticket, under the lock; expire it
    /// ```
    ///
    /// Whoever has the lock second sees what the other did before. From then on no waker wins the ticket: nobody would use what it brings.
    ///
    /// `timed`: `sleep` itself will end it at a deadline. `undo` is called where it never returns, which is for the owner of the thread to find
    /// out.
    pub(crate) fn wait_in_place<R>(
        &'static self,
        reason: Reason,
        ticket: Ticket,
        timed: bool,
        undo: Option<Undo>,
        sleep: impl FnOnce() -> R,
    ) -> R {
        if self.in_call() {
            return sleep();
        }
        let Some(g) = self.running() else {
            // On the M's own stack: somebody's waker, or a timer's callback. The loop around it counts on its P.
            warn_of_a_wait_in_the_loop();
            return sleep();
        };
        g.note_wait(reason, crate::limits::clock::coarse_ns());
        if self.lease.inside() || self.lease.enter() {
            let p = self.give_up_p();
            self.give_seat_back();
            self.scheduler().hand_off(p);
        }
        if self.holds() {
            warn_of_a_wait_in_a_poll(self.running());
        }
        *self.in_place.lock().unwrap_or_else(PoisonError::into_inner) = Some(ticket);
        if self.scheduler().stopping() {
            self.abandon_in_place();
            self.end_in_place(undo);
        }
        let waits = WaitsInPlace::begin(self.scheduler(), ticket, timed);
        let result = sleep();
        drop(waits);
        if !self.reacquired_in_place() {
            self.end_in_place(undo);
        }
        result
    }

    /// The runtime has ended: a goroutine that waits in place can be woken no more. Its thread finds out, and sleeps for good.
    pub(crate) fn abandon_in_place(&self) {
        let ticket = self.in_place.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(ticket.and_then(Ticket::expire));
    }

    /// In user code, without a P: waits for one on this thread, and is in user code again.
    pub(crate) fn reacquire_in_place(&'static self) {
        if !self.reacquired_in_place() {
            self.end_of_the_runtime();
        }
    }

    /// False: the runtime ends.
    #[must_use]
    fn reacquired_in_place(&'static self) -> bool {
        if self.scheduler().stopping() {
            return false;
        }
        match self.scheduler().idle().take_p_or_wait(self) {
            Some(p) => self.take_p(p),
            None if self.await_assigned() => {}
            None => return false,
        }
        self.lease.exit();
        true
    }

    fn end_in_place(&self, undo: Option<Undo>) -> ! {
        if let Some(undo) = undo {
            // SAFETY: it lies on this stack, further up, and its wait never returns.
            let undo = unsafe { undo.as_ref() };
            undo();
        }
        self.end_of_the_runtime();
    }
}

#[cold]
fn warn_of_a_wait_in_the_loop() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Relaxed) {
        crate::say::say!(
            "threadle: a waker or a timer's callback has to wait: it holds up the scheduler itself; use `go` for what may wait. Said once"
        );
    }
}

#[cold]
fn warn_of_a_wait_in_a_poll(g: Option<&'static G>) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Relaxed) {
        let at = g.and_then(G::spawned_at).map_or_else(String::new, |at| format!(" (goroutine spawned at {at})"));
        crate::say::say!(
            "threadle: a call inside a future's poll has to wait{at}: it holds its whole thread meanwhile; use `go` for blocking code. Said once"
        );
    }
}
