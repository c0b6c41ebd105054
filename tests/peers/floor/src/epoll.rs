use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Events taken in one call.
const EVENTS: usize = 256;

/// An epoll instance that looks for bytes to be read, once for each that come.
pub(crate) struct Epoll {
    instance: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: `epoll_create1` takes flags alone, and touches no memory of ours.
        let descriptor = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor was made by the call above, which succeeded; nobody else has it.
        let instance = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Epoll { instance, events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS] })
    }

    pub(crate) fn add(&self, descriptor: BorrowedFd<'_>, token: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: token as u64 };
        let (instance, descriptor) = (self.instance.as_raw_fd(), descriptor.as_raw_fd());
        // SAFETY: both descriptors are open, one owned and one borrowed; the call reads one event from where it is told and keeps nothing.
        checked(unsafe { libc::epoll_ctl(instance, libc::EPOLL_CTL_ADD, descriptor, &raw mut event) })?;
        Ok(())
    }

    /// The tokens of those that have something to read; waits until there is one.
    pub(crate) fn wait(&mut self) -> io::Result<impl Iterator<Item = usize>> {
        let (instance, room) = (self.instance.as_raw_fd(), self.events.as_mut_ptr());
        // SAFETY: the descriptor is open; the call writes at most `EVENTS` events, for which `events` has room, and keeps nothing.
        let count = checked(unsafe { libc::epoll_wait(instance, room, EVENTS as i32, -1) })?;
        Ok(self.events[..count as usize].iter().map(|event| event.u64 as usize))
    }
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
