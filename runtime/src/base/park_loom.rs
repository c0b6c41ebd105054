//! A park for models: what `threadle_scheduler::Parking` promises, on loom's threads.
//!
//! Its sleep is a lock and a bell, since loom's own `thread::park` loses an unpark that comes while the thread's last operation was on a mutex
//! that is released then.
//!
//! A deadline is one that passes the moment it is waited for, unless the ticket was claimed before: loom tries every order of the two.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Condvar, Mutex};
use std::cell::Cell;
use std::time::Instant;

use super::fault::failed;

#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "the models use some of them")]
pub(crate) enum Reason {
    ChanReceive,
    ChanSend,
    Select,
    MutexLock,
    RwLockRead,
    RwLockWrite,
    CondvarWait,
    SemaphoreAcquire,
    BarrierWait,
    OnceWait,
    WaitGroupWait,
}

pub(crate) fn checkpoint() {}

pub(crate) fn others_run() -> bool {
    true
}

pub(crate) fn prefetch<T>(_: *const T) {}

/// The same each time: a model must be repeatable.
pub(crate) fn random() -> u32 {
    1
}

struct Park {
    /// Won by somebody: a waker, the deadline, the owner that closed it.
    over: AtomicBool,
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Park {
    fn win(&self) -> bool {
        self.over.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

pub(crate) struct Parking(Ticket);

/// Of type-stable memory, like the real one: a park is never freed, so a ticket may be used at any time.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(&'static Park);

impl PartialEq for Ticket {
    fn eq(&self, other: &Ticket) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Ticket {
    /// Of whoever is woken in a model it may be true: it runs as soon as the caller parks, and before.
    pub(crate) fn is_ready_behind_caller(self) -> bool {
        true
    }
}

#[must_use]
pub(crate) struct Woken(&'static Park);

impl Parking {
    pub(crate) fn open(_: Reason) -> Parking {
        let park = Park { over: AtomicBool::new(false), rung: Mutex::new(false), bell: Condvar::new() };
        Parking(Ticket(Box::leak(Box::new(park))))
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.0
    }

    pub(crate) fn wait(self) {
        if self.0.is_open() {
            let park = self.0.0;
            let mut rung = park.rung.lock().unwrap();
            while !*rung {
                rung = park.bell.wait(rung).unwrap();
            }
        }
        std::mem::forget(self);
    }

    pub(crate) fn wait_until(self, deadline: Option<Instant>) -> bool {
        if deadline.is_some() {
            return !self.close();
        }
        self.wait();
        true
    }

    /// In a [`doomed`] thread `undo` is called once the ticket is woken, and this does not return.
    ///
    /// # Safety
    /// As the real one's.
    pub(crate) unsafe fn wait_until_or(self, deadline: Option<Instant>, undo: &dyn Fn()) -> bool {
        let doomed = DOOMED.with(Cell::get);
        let woken = self.wait_until(deadline);
        if doomed {
            undo();
            std::panic::resume_unwind(Box::new(Doomed));
        }
        woken
    }

    /// As `wait_until_or`: there is nothing between it and the switch.
    ///
    /// # Safety
    /// As the real one's.
    pub(crate) unsafe fn up_to_the_switch(self, undo: &dyn Fn()) -> Option<Leaving> {
        // SAFETY: as the caller says.
        unsafe { self.wait_until_or(None, undo) };
        None
    }

    pub(crate) fn close(self) -> bool {
        let closed = self.0.0.win();
        std::mem::forget(self);
        closed
    }
}

/// There is none: a model's thread has waited by then.
pub(crate) enum Leaving {}

impl Leaving {
    pub(crate) fn leave(self) {
        match self {}
    }
}

loom::thread_local! {
    static DOOMED: Cell<bool> = Cell::new(false);
}

struct Doomed;

/// Runs `f` on a thread that stands for a goroutine whose runtime ends when it has been woken, before it runs. `None`: it was.
///
/// The real one's stack stays as it is for ever. Here it is unwound, but nothing of what is dropped touches the model (see [`failed`]).
pub(crate) fn doomed<T>(f: impl FnOnce() -> T) -> Option<T> {
    DOOMED.with(|doomed| doomed.set(true));
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Doomed>() => None,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

impl Drop for Parking {
    fn drop(&mut self) {
        if !failed() {
            self.0.0.win();
        }
    }
}

impl Ticket {
    pub(crate) fn claim(self) -> Option<Woken> {
        self.0.win().then(|| Woken(self.0))
    }

    #[allow(dead_code, reason = "of the real one's interface")]
    pub(crate) fn wake(self) -> bool {
        self.claim().is_some()
    }

    pub(crate) fn prefetch(self) {}

    pub(crate) fn is_open(self) -> bool {
        !self.0.over.load(Ordering::Acquire)
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        if !failed() {
            *self.0.rung.lock().unwrap() = true;
            self.0.bell.notify_one();
        }
    }
}

/// The scheduler's `now`, where no runtime has a clock of its own.
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
