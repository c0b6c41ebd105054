//! How an M sleeps: on its note, or in the poll, where the note does not reach it.
//!
//! Who gives an M something first leaves it where the M will look, then wakes it, whatever it sleeps in:
//!
//! ```text
//! wake                              sleep in the poll
//! 1. set the note                   1. polling = true
//! 2. fence(SeqCst)                  2. fence(SeqCst)
//! 3. polling? interrupt the poll    3. is the note set? then do not sleep
//! ```
//!
//! Both may see each other: then the poll is interrupted for nothing, or another's is, which costs that one a look. An interrupt that
//! comes before the poll has begun is kept by the poller (netpoll's `interrupt.rs`).

use super::note::Note;
use crate::sync::atomic::{AtomicBool, Ordering::*, fence};
use crate::sync::faulty;
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub(super) struct Slumber {
    note: Note,
    polling: AtomicBool,
}

impl Slumber {
    pub(super) fn new() -> Slumber {
        Slumber { note: Note::new(), polling: AtomicBool::new(false) }
    }

    /// Ends the sleep, present or next. True: it may be one in the poll, which the caller interrupts.
    #[must_use]
    pub(super) fn wake(&self) -> bool {
        self.note.set();
        if !faulty!(WakeWithoutFence) {
            fence(SeqCst);
        }
        self.polls()
    }

    /// Steps 1 and 2 of sleeping in the poll; step 3, `noted`, is the caller's.
    pub(super) fn begin_poll(&self) {
        self.polling.store(true, Relaxed);
        if !faulty!(PollWithoutFence) {
            fence(SeqCst);
        }
    }

    pub(super) fn end_poll(&self) {
        self.polling.store(false, Relaxed);
    }

    /// Whether somebody has woken the owner; consumes that.
    pub(super) fn noted(&self) -> bool {
        self.note.take()
    }

    /// Whether it sleeps in the poll, or is about to.
    pub(super) fn polls(&self) -> bool {
        self.polling.load(Relaxed)
    }

    /// Sleeps on the note, at most so long. False: the time was up first.
    pub(super) fn sleep(&self, timeout: Option<Duration>) -> bool {
        self.note.sleep(timeout)
    }
}

#[cfg(all(test, loom))]
#[path = "slumber_loom.rs"]
mod loom_tests;
