//! Goroutines that borrow from whoever waits for them.
//!
//! What makes borrowing sound is one thing: the frame that is borrowed from does not end before [`Scope::wait`] has returned, and that
//! returns when every goroutine of the scope is *over* (`g/children.rs`). It asks neither the handles, which may be dropped, forgotten or
//! sent away, nor how the goroutines ended. A goroutine says itself that it is over, as the last thing it does on its stack; the scheduler
//! says it for one that could not start. Nobody says it for a goroutine that its runtime has abandoned: that one may still run, on a thread
//! that was let go, or lie parked with the borrow in its frames. Then the scope does not return either (docs/decisions/0011).

use crate::g::children::Children;
use crate::m::{M, current};
use crate::park::{self, Parking, Reason, Ticket};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The count of goroutines that borrow from the frame this lies in, and how many of them failed without anybody having asked.
#[derive(Debug)]
pub struct Scope {
    children: Children<Ticket>,
    /// Published by the count, or by the end of the goroutine to its handle.
    panicked: AtomicUsize,
    never_ran: AtomicUsize,
}

impl Scope {
    /// A scope without goroutines. Does not switch.
    ///
    /// # Panics
    /// Inside [`no_switch`](crate::no_switch): a wait that can neither be made nor given up must not come.
    #[track_caller]
    pub fn new() -> Scope {
        park::switch_forbidden(&Reason::ScopeWait);
        Scope { children: Children::new(), panicked: AtomicUsize::new(0), never_ran: AtomicUsize::new(0) }
    }

    pub(crate) fn add(&self) {
        self.children.add();
    }

    /// A goroutine of this scope has come to the end of its stack.
    ///
    /// # Safety
    /// `this` is a scope that counts the caller, which calls this once. Afterwards `this` may be gone.
    pub(crate) unsafe fn over(this: *const Scope, panicked: bool) {
        if panicked {
            // SAFETY: the scope is there until the count below.
            unsafe { (*this).panicked.fetch_add(1, Relaxed) };
        }
        // SAFETY: as demanded of our caller.
        if let Some(parent) = unsafe { Children::remove(&raw const (*this).children) } {
            parent.wake();
        }
    }

    /// A goroutine of this scope had no stack to run on; its closure has been dropped.
    ///
    /// # Safety
    /// As for [`Scope::over`].
    pub(crate) unsafe fn never_ran(this: *const Scope) {
        // SAFETY: the scope is there until it is counted down.
        unsafe { (*this).never_ran.fetch_add(1, Relaxed) };
        // SAFETY: as demanded of our caller.
        unsafe { Scope::over(this, false) };
    }

    pub(crate) fn panic_was_taken(&self) {
        self.panicked.fetch_sub(1, Relaxed);
    }

    pub(crate) fn never_ran_was_taken(&self) {
        self.never_ran.fetch_sub(1, Relaxed);
    }

    /// Waits until every goroutine of the scope is over. **Switches.** Does not return if one of them was abandoned by its runtime, nor, as
    /// every wait, if the caller's own runtime ends first.
    ///
    /// # Safety
    /// Called once, and nobody but the scope's goroutines adds more to it from then on.
    #[track_caller]
    pub unsafe fn wait(&self) {
        /// A panic below would let go of what is still borrowed.
        struct Abort;
        impl Drop for Abort {
            fn drop(&mut self) {
                crate::say::say!("threadle: a scope could not wait for its goroutines");
                std::process::abort();
            }
        }
        let abort = Abort;
        let parking = Parking::open(Reason::ScopeWait);
        // SAFETY: once, as our caller promises.
        if unsafe { self.children.wait(parking.ticket()) } {
            parking.wait();
        } else {
            drop(parking);
            crate::switching::checkpoint();
        }
        std::mem::forget(abort);
    }

    /// How many panicked, when all are over, beside those whose handle told. Does not switch.
    pub fn panicked(&self) -> usize {
        self.panicked.load(Relaxed)
    }

    /// How many never got a stack, as [`Scope::panicked`]. Does not switch.
    pub fn unstarted(&self) -> usize {
        self.never_ran.load(Relaxed)
    }
}

impl Default for Scope {
    #[track_caller]
    fn default() -> Self {
        Scope::new()
    }
}

/// The caller's frame must stay as it is: a goroutine that borrows from it was abandoned.
#[expect(clippy::disallowed_methods, reason = "the thread is never to do anything again")]
pub(crate) fn never_return() -> ! {
    loop {
        if current::m().is_some_and(M::switch_forbidden) {
            std::thread::park();
        } else {
            // Nobody has the ticket.
            Parking::open(Reason::ScopeWait).wait();
        }
    }
}
