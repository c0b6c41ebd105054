//! The end of a runtime, and those who are still inside when it comes.
//!
//! The threads of a runtime are counted and waited for. A foreign thread that wakes a goroutine is not; yet it may have to reach the poller,
//! which the shutdown frees. So it passes a gate:
//!
//! ```text
//! who passes                                 shutdown
//! 1. inside + 1                              1. closed = true
//! 2. fence(SeqCst)                           2. fence(SeqCst)
//! 3. closed? then do nothing                 3. wait until inside = 0 (acquire)
//!    else use what the gate guards           4. free it
//! 4. inside - 1 (release)
//! ```
//!
//! One of the two sees the other. If the shutdown's step 3 does not count the one who passes, that one's fence came later, and its step 3 sees
//! the gate closed. If it is counted, the shutdown waits, and step 4, which it then reads, comes after the use.
//!
//! Everybody else asks `is_closed` as a hint, or has a fence of his own (README, section 12).

use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*, fence};
use crate::sync::{faulty, thread};

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    closed: AtomicBool,
    inside: AtomicUsize,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate { closed: AtomicBool::new(false), inside: AtomicUsize::new(0) }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }

    /// Uses what the gate guards, unless it is closed.
    pub(crate) fn pass(&self, f: impl FnOnce()) {
        self.inside.fetch_add(1, Relaxed);
        if !faulty!(PassWithoutFence) {
            fence(SeqCst);
        }
        if !self.is_closed() {
            f();
        }
        self.inside.fetch_sub(1, if faulty!(PassRelaxed) { Relaxed } else { Release });
    }

    /// Nobody passes from here on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Release);
        if !faulty!(CloseWithoutFence) {
            fence(SeqCst);
        }
    }

    /// After `close`: returns when nobody is inside any more. They are on their way and wait for nothing.
    pub(crate) fn wait(&self) {
        while self.inside.load(Acquire) > 0 {
            thread::yield_now();
        }
    }
}

#[cfg(all(test, loom))]
#[path = "gate_loom.rs"]
mod loom_tests;
