//! The timer that ends a blocking poll: `epoll_wait` counts in milliseconds, and mio rounds up to them.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::{Duration, Instant};

/// A timer descriptor, registered edge-triggered in the poll and never read: setting it anew clears an expiry that
/// nobody has seen yet, so that no leftover wakes the sleep it was not meant for.
#[derive(Debug)]
pub(crate) struct TimerFd {
    fd: OwnedFd,
    /// What it is set to, unless it was seen to expire. Saves setting it again when events, not time, end the sleeps.
    armed: Option<Instant>,
}

impl TimerFd {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: timerfd_create takes no pointers.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor for us: it is open, and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(TimerFd { fd, armed: None })
    }

    pub(crate) fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Makes it expire at `deadline`, which is `remaining` from now.
    pub(crate) fn arm(&mut self, deadline: Instant, remaining: Duration) -> io::Result<()> {
        if self.armed == Some(deadline) {
            return Ok(());
        }
        // Zero would disarm it.
        self.set(remaining.max(Duration::from_nanos(1)))?;
        self.armed = Some(deadline);
        Ok(())
    }

    /// Makes sure that it does not expire.
    pub(crate) fn disarm(&mut self) -> io::Result<()> {
        if self.armed.is_some() {
            self.set(Duration::ZERO)?;
            self.armed = None;
        }
        Ok(())
    }

    /// To be called when its expiry was seen.
    pub(crate) fn expired(&mut self) {
        self.armed = None;
    }

    fn set(&self, remaining: Duration) -> io::Result<()> {
        let setting = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec {
                // The kernel cuts what exceeds its clock.
                tv_sec: libc::time_t::try_from(remaining.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: remaining.subsec_nanos().into(),
            },
        };
        // SAFETY: the descriptor is a timer and open as long as `self` lives; `setting` outlives the call, which does
        // not keep it; a null pointer for the former setting means that it is not wanted.
        let result = unsafe { libc::timerfd_settime(self.fd.as_raw_fd(), 0, &setting, ptr::null_mut()) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
