//! The right to end one park.

use super::thread::ThreadCell;
use crate::g::G;
use crate::g::state::{Epoch, State, Status, Wake};
use crate::m::current;
use crate::park::Reason;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32};

/// The head of everything that can wait: a goroutine or a thread's cell. Both are of fixed type and never freed.
#[repr(C)]
pub(crate) struct Waiter {
    state: State,
    kind: Kind,
    // Of a goroutine alone; here since up to the next word there is space (`crate::g::G` says what they mean).
    pub(crate) reason: AtomicU8,
    pub(crate) started: AtomicBool,
    pub(crate) calls_last: AtomicBool,
    pub(crate) locks: AtomicU32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Goroutine,
    Thread,
}

impl Waiter {
    pub(crate) fn goroutine() -> Waiter {
        Waiter::new(Status::Free, Kind::Goroutine)
    }

    /// A thread is always running when it opens a park.
    pub(super) fn thread() -> Waiter {
        Waiter::new(Status::Running, Kind::Thread)
    }

    fn new(status: Status, kind: Kind) -> Waiter {
        Waiter {
            state: State::new(status),
            kind,
            reason: AtomicU8::new(Reason::Other as u8),
            started: AtomicBool::new(false),
            calls_last: AtomicBool::new(false),
            locks: AtomicU32::new(0),
        }
    }

    #[inline]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }
}

/// The right to wake one park of one goroutine or thread; see the crate's essay for the shape of its use.
///
/// Copies are equal: exactly one [`wake`](Ticket::wake) or [`claim`](Ticket::claim) of all of them succeeds, or none where the waiter gave
/// up first. A ticket may be kept for ever: once its park is over it does nothing.
#[derive(Clone, Copy)]
pub struct Ticket {
    /// The waiter is the first field of the whole G or ThreadCell this pointer was made from, and may be cast back to it.
    waiter: NonNull<Waiter>,
    epoch: Epoch,
}

// SAFETY: waiters are Sync, never freed, and reached through atomics.
unsafe impl Send for Ticket {}
// SAFETY: as above.
unsafe impl Sync for Ticket {}

impl Ticket {
    #[inline]
    pub(super) fn of_goroutine(g: &'static G, epoch: Epoch) -> Ticket {
        Ticket { waiter: NonNull::from(g).cast(), epoch }
    }

    #[inline]
    pub(super) fn of_thread(cell: &'static ThreadCell, epoch: Epoch) -> Ticket {
        Ticket { waiter: NonNull::from(cell).cast(), epoch }
    }

    #[inline]
    fn waiter(&self) -> &'static Waiter {
        // SAFETY: made from a `&'static` in the constructors.
        unsafe { self.waiter.as_ref() }
    }

    /// Wakes the waiter. True: this call did it, and no other call ever will.
    ///
    /// Does not switch and does not block. Callable from anywhere, also outside a runtime.
    pub fn wake(self) -> bool {
        self.claim().is_some()
    }

    /// As [`wake`](Ticket::wake), in two steps: the waiter is won now, and is queued (or its thread woken) when what this returns is
    /// dropped. Claim under a lock, drop after it.
    ///
    /// What the caller wrote before the claim is seen by the waiter.
    #[inline]
    pub fn claim(self) -> Option<Woken> {
        self.won(self.waiter().state.wake(self.epoch))
    }

    /// The park's own deadline has come.
    pub(crate) fn expire(self) -> Option<Woken> {
        self.won(self.waiter().state.expire(self.epoch))
    }

    #[inline]
    fn won(self, wake: Wake) -> Option<Woken> {
        match wake {
            Wake::Stale => None,
            Wake::Noticed => Some(Woken(NOBODY)),
            Wake::Queue => Some(Woken(self.waiter)),
        }
    }

    /// Asks for what a claim of this ticket touches, for one who knows long before that he will claim it. See [`prefetch`](crate::prefetch).
    ///
    /// Does not switch.
    #[inline]
    pub fn prefetch(self) {
        crate::prefetch(self.waiter.as_ptr());
    }

    /// Whether the park is still to be ended. A hint: it may end the next moment.
    pub fn is_open(self) -> bool {
        self.waiter().state.is_open(self.epoch)
    }
}

impl Ticket {
    /// Whether the waiter is a goroutine that was woken and waits for nothing but for the caller to leave its stack: it is ready on the caller's
    /// thread, or next on the caller's P. False also where the caller cannot leave its stack. Does not switch.
    pub fn is_ready_behind_caller(self) -> bool {
        let Some(m) = current::m().filter(|m| m.free_to_switch().is_some()) else { return false };
        if self.waiter().kind != Kind::Goroutine {
            return false;
        }
        // SAFETY: made from a whole G, which is never freed; what is read of it here is atomic.
        let g: &'static G = unsafe { self.waiter.cast::<G>().as_ref() };
        match g.home() {
            Some(home) => std::ptr::eq(home, m) && self.waiter().state.is_ready(),
            None => m.runs_next(g),
        }
    }
}

impl PartialEq for Ticket {
    fn eq(&self, other: &Ticket) -> bool {
        self.waiter == other.waiter && self.epoch == other.epoch
    }
}

impl Eq for Ticket {}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("waiter", &self.waiter).field("epoch", &self.epoch).finish()
    }
}

/// A waiter that was won by [`Ticket::claim`]; dropping it makes the waiter run. Does not switch.
#[must_use = "dropped at once, the claim might as well have been a wake"]
pub struct Woken(
    /// As a ticket's, or [`NOBODY`].
    NonNull<Waiter>,
);

/// Nothing is to be done: the waiter had not gone to sleep.
const NOBODY: NonNull<Waiter> = NonNull::dangling();

// SAFETY: as for `Ticket`.
unsafe impl Send for Woken {}
// SAFETY: as above.
unsafe impl Sync for Woken {}

impl Woken {
    fn kind(&self) -> Option<Kind> {
        if self.0 == NOBODY {
            return None;
        }
        // SAFETY: made from a `&'static` by a ticket.
        Some(unsafe { self.0.as_ref() }.kind)
    }

    #[inline(never)]
    fn make_run(&self) {
        match self.kind() {
            // SAFETY: the kind says what this waiter heads, and the pointer was made from the whole of it.
            Some(Kind::Goroutine) => crate::ready::ready(unsafe { self.0.cast::<G>().as_ref() }),
            // SAFETY: as above.
            Some(Kind::Thread) => unsafe { self.0.cast::<ThreadCell>().as_ref() }.note.set(),
            None => {}
        }
    }
}

impl Drop for Woken {
    #[inline]
    fn drop(&mut self) {
        if self.0 != NOBODY {
            self.make_run();
        }
    }
}

impl fmt::Debug for Woken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind() {
            None => "Woken(not asleep)",
            Some(Kind::Goroutine) => "Woken(goroutine)",
            Some(Kind::Thread) => "Woken(thread)",
        })
    }
}
