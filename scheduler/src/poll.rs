//! The poller's side of the scheduler: registering descriptors, and waking those whose descriptor is ready.

use crate::park::Ticket;
use std::borrow::BorrowMut;
use std::io;
use std::os::fd::BorrowedFd;
use threadle_netpoll::{Descriptor, Ready, Slab, Waits, Woken};

impl Waits for Ticket {
    type Won = crate::park::Woken;

    fn claim(self) -> Option<crate::park::Woken> {
        Ticket::claim(self)
    }
}

/// The descriptors of all runtimes of the process.
pub(crate) static DESCRIPTORS: Slab<Ticket> = Slab::new();

/// Registers a non-blocking descriptor with the poller of the runtime the caller works for. Does not switch.
///
/// # Errors
/// Those of `epoll_ctl`; also "runtime stopped".
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn register(fd: BorrowedFd<'_>) -> io::Result<Descriptor<Ticket>> {
    crate::runtime::current_or_panic("a socket").poller().register(fd)
}

/// As [`register`], but the kernel is told when somebody first waits ([`Poller::register_lazily`](threadle_netpoll::Poller::register_lazily)).
///
/// # Errors
/// "Runtime stopped".
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn register_lazily(fd: BorrowedFd<'_>) -> io::Result<Descriptor<Ticket>> {
    crate::runtime::current_or_panic("a socket").poller().register_lazily(fd)
}

/// Panics where `register` would: for calls that must know it before they take what they would register.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn expect_runtime() {
    crate::runtime::current_or_panic("a socket");
}

/// Whether `register` would find a runtime. Does not switch.
pub fn is_in_runtime() -> bool {
    crate::m::current::scheduler().is_some()
}

/// Makes everybody run who is in the list. Does not switch.
pub fn wake_all(mut ready: impl BorrowMut<Ready<Ticket>>) {
    wake_ready(ready.borrow_mut());
}

/// As `wake_all`; the list stays, empty, to be filled again.
pub(crate) fn wake_ready(ready: &mut Ready<Ticket>) {
    // The drain keeps `waiters` up until its end, so that no M thinks there is nobody to poll for while they are in our hands (R35).
    for woken in ready.drain() {
        match woken {
            Woken::Parked(won) => drop(won),
            Woken::Task(waker) => waker.wake(),
        }
    }
}

/// The poll itself failed: no descriptor can ever become ready again, so going on would be a silent hang.
#[cold]
pub(crate) fn broken(error: &io::Error) -> ! {
    crate::say::say!("threadle: the poll of the descriptors failed: {error}; the runtime cannot go on");
    std::process::abort();
}
