//! A runtime, named by those who are not in it.

use super::{Scheduler, current_or_panic};
use crate::g::SpawnOptions;
use crate::park::Ticket;
use crate::spawn::{Join, spawn_on};
use crate::timers::{Expire, TimerHandle, arm_call};
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use threadle_netpoll::Descriptor;

/// A runtime that something belongs to: a timer whose callback is to run there, whoever resets it.
///
/// To be used from anywhere and at any time: once the runtime has ended, what it is given is dropped and nothing happens.
#[derive(Clone, Copy)]
pub struct Host(&'static Scheduler);

impl Host {
    /// The runtime the caller works for. Does not switch.
    ///
    /// # Panics
    /// Outside a runtime; `what` is said to need one.
    #[track_caller]
    pub fn current(what: &str) -> Host {
        Host(current_or_panic(what))
    }

    /// Registers a non-blocking descriptor with its poller. Does not switch.
    ///
    /// # Errors
    /// Those of `epoll_ctl`; also "runtime stopped".
    pub fn register(self, fd: BorrowedFd<'_>) -> io::Result<Descriptor<Ticket>> {
        self.0.poller().register(fd)
    }

    /// Whether it has ended, so that nothing is started there any more. Does not switch.
    pub fn has_ended(self) -> bool {
        self.0.stopping()
    }

    /// Arms a timer. The deadline is in nanoseconds of [`clock::to_ns`](crate::clock::to_ns); one in the past is due at once. Does not switch.
    pub fn arm_timer(self, deadline: u64, expire: Arc<dyn Expire>) -> TimerHandle {
        arm_call(self.0, deadline, |_| expire)
    }

    /// As [`arm_timer`](Self::arm_timer), for who must know the handle before the timer can fire. `expire` is called once, under a lock that
    /// all who arm and fire there take: it is to note the handle, and must not arm, cancel, panic or wait.
    pub fn arm_timer_with(self, deadline: u64, expire: impl FnOnce(TimerHandle) -> Arc<dyn Expire>) {
        let _noted = arm_call(self.0, deadline, expire);
    }

    /// Starts a goroutine. Does not switch.
    pub fn spawn<F, T>(self, options: &SpawnOptions, f: F) -> Join<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: closure and result are 'static; there is no scope.
        unsafe { spawn_on(self.0, options, std::ptr::null(), f) }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host { .. }")
    }
}
