//! The word between a waker and the park of `block_on`. See the essay in [`super`].
//!
//! | word | means | set by |
//! |---|---|---|
//! | `IDLE` | nothing happened since the last poll began | the poller, before each poll |
//! | `NOTIFIED` | poll again | any waker |
//! | `PARKED` | the poller waits, and its ticket is in the cell | the poller, only from `IDLE` |

#[cfg(loom)]
use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU8, Ordering},
};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU8, Ordering};

/// `std`'s, with loom's methods.
#[cfg(not(loom))]
struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

const IDLE: u8 = 0;
const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;

/// Generic over the ticket, so that the model can stand another one in.
pub(crate) struct Notice<K> {
    word: AtomicU8,
    ticket: UnsafeCell<Option<K>>,
}

// SAFETY: the cell is written by the one poller while the word is not `PARKED`, and read by the one waker that replaced `PARKED`; the poller
// writes it again only after the ticket that this waker read has been woken. The word's release and acquire order these.
unsafe impl<K: Copy + Send> Sync for Notice<K> {}

impl<K: Copy> Notice<K> {
    pub(crate) fn new() -> Self {
        Notice { word: AtomicU8::new(IDLE), ticket: UnsafeCell::new(None) }
    }

    /// A waker's call: asks for another poll. What it returns is to be woken.
    #[must_use]
    pub(crate) fn notify(&self) -> Option<K> {
        // A swap also where the word is `NOTIFIED` already: the poller acquires what every one of the wakers did before.
        if self.word.swap(NOTIFIED, Ordering::AcqRel) != PARKED {
            return None;
        }
        // SAFETY: this call replaced `PARKED`, so the cell was written before, and is not written again before the ticket is woken.
        self.ticket.with(|ticket| unsafe { *ticket })
    }

    /// The poller's, before each poll: what is notified from here on asks for another one.
    pub(crate) fn begin_poll(&self) {
        self.word.swap(IDLE, Ordering::AcqRel);
    }

    /// The poller's, after a poll that was pending: leaves the ticket of the park it has opened. False: it was notified, and must not
    /// park but poll again. After true, the one thing that ends the park must be the ticket.
    #[must_use]
    pub(crate) fn park(&self, ticket: K) -> bool {
        // SAFETY: the caller is the one poller, and the word is not `PARKED`: no waker looks at the cell.
        self.ticket.with_mut(|cell| unsafe { *cell = Some(ticket) });
        self.word.compare_exchange(IDLE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
