//! How an M sleeps: on its note, or in the poll, where the note does not reach it.
//!
//! Who gives an M something first leaves it where the M will look, then wakes it, whatever it sleeps in:
//!
//! ```text
//! wake                              sleep in the poll
//! 1. set the note (swap)            1. polling = true
//! 2. polling? interrupt the poll    2. take the note (swap); was it set? then do not sleep
//! ```
//!
//! Both swap the one word of the note, so one of them comes first. If the wake does, step 2 finds the note set. If not, the wake's swap
//! reads what step 2 has left there, and with it sees `polling`. No fence is needed. Who finds `polling` although the sleep was broken
//! by the note interrupts the poll for nothing, or another's, which costs that one a look. An interrupt that comes before the poll has
//! begun is kept by the poller (netpoll's `interrupt.rs`).

use super::note::Note;
use crate::sync::atomic::{AtomicBool, Ordering::*};
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
        self.polls()
    }

    /// Step 1 of sleeping in the poll; step 2, `noted`, is the caller's.
    pub(super) fn begin_poll(&self) {
        self.polling.store(true, Relaxed);
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
