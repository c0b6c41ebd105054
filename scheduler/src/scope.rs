//! Goroutines that borrow from whoever waits for them.
//!
//! What makes borrowing sound is one thing: the frame that is borrowed from does not end before [`Scope::wait`] has returned, and that
//! returns when every goroutine of the scope is *over* (`g/children.rs`). It asks neither the handles, which may be dropped, forgotten or
//! sent away, nor how the goroutines ended. A goroutine says itself that it is over, as the last thing it does on its stack; the scheduler
//! says it for one that could not start. Nobody says it for a goroutine that its runtime has abandoned: that one may still run, on a thread
//! that was let go, or lie parked with the borrow in its frames. Then the scope does not return either (docs/decisions/0011).

use crate::g::G;
use crate::g::children::Children;
use crate::m::{M, current};
use crate::observe::name_of;
use crate::park::{self, Parking, Reason, Ticket};
use crate::runtime::Scheduler;
use std::fmt;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The count of goroutines that borrow from the frame this lies in, and how many of them failed without anybody having asked.
pub struct Scope {
    children: Children<Ticket>,
    /// Published by the count, or by the end of the goroutine to its handle.
    panicked: AtomicUsize,
    never_ran: AtomicUsize,
    /// Where it was made, and the runtime whose code made it, if any.
    at: &'static Location<'static>,
    runtime: Option<&'static Scheduler>,
    told: AtomicBool,
}

impl Scope {
    /// A scope without goroutines. Does not switch.
    ///
    /// # Panics
    /// Inside [`no_switch`](crate::no_switch): a wait that can neither be made nor given up must not come.
    #[track_caller]
    pub fn new() -> Scope {
        park::switch_forbidden(&Reason::ScopeWait);
        Scope {
            children: Children::new(),
            panicked: AtomicUsize::new(0),
            never_ran: AtomicUsize::new(0),
            at: Location::caller(),
            runtime: current::scheduler(),
            told: AtomicBool::new(false),
        }
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

    /// A goroutine of this scope was abandoned and is never over, so the scope never returns. Where its caller's runtime is another one than
    /// the goroutine's, or none, somebody will wonder: it is said, once for each scope. Where it is the same one they end together.
    ///
    /// # Safety
    /// As for [`Scope::over`], which is not called for this goroutine.
    pub(crate) unsafe fn abandoned(this: *const Scope, by: &Scheduler, who: impl FnOnce() -> String) {
        // SAFETY: the scope is there until each of its goroutines is over, and this one never is.
        let scope = unsafe { &*this };
        if scope.runtime.is_some_and(|runtime| ptr::eq(runtime, by)) || scope.told.swap(true, Relaxed) {
            return;
        }
        crate::say::say!(
            "threadle: the scope at {} never returns: {} was abandoned when its runtime ended, and may borrow from around the scope. Join it \
             before the runtime's `main` returns, give that time with Builder::drain, or open the scope inside. Said once for each scope",
            scope.at,
            who(),
        );
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

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("at", &self.at)
            .field("children", &self.children)
            .field("panicked", &self.panicked)
            .field("never_ran", &self.never_ran)
            .finish_non_exhaustive()
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

/// The goroutine is abandoned: if it is one of a scope's, somebody may have to be told.
///
/// # Safety
/// The goroutine is the caller's, to look at and to leave behind: nobody runs it any more, or it is the caller itself, at its last step.
pub(crate) unsafe fn leaves(g: &'static G) {
    // SAFETY: the caller's; written before it was first queued.
    let scope = unsafe { (*g.own()).scope };
    if !scope.is_null() {
        // SAFETY: it is counted there and, being abandoned, never says that it is over.
        unsafe { Scope::abandoned(scope, g.scheduler(), || name_of(Some(g))) };
    }
}
