//! Between sockets, pipes and files without a detour through this process.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use threadle_scheduler::blocking;
use threadle_scheduler::io::{Direction, closed_error};

use super::Handle;
use crate::context::Watch;
use crate::net::readiness::level;

const FLAGS: libc::c_uint = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;

impl Handle {
    /// From the socket into an empty pipe; 0: the end.
    #[track_caller]
    pub(in crate::net) fn splice_into(
        &self,
        watch: Option<&Watch<'_>>,
        pipe: BorrowedFd<'_>,
        most: usize,
    ) -> io::Result<usize> {
        // The pipe is empty, so "would block" is the socket's.
        self.socket().call_within(Direction::Read, watch, |file| splice(file.as_raw_fd(), pipe.as_raw_fd(), most))
    }

    /// From a pipe that holds `most` bytes into the socket.
    #[track_caller]
    pub(in crate::net) fn splice_from(
        &self,
        watch: Option<&Watch<'_>>,
        pipe: BorrowedFd<'_>,
        most: usize,
    ) -> io::Result<usize> {
        self.socket().call_within(Direction::Write, watch, |file| splice(pipe.as_raw_fd(), file.as_raw_fd(), most))
    }

    /// From a file, which may have to come from a disk: that is not to hold up others. 0: the end of the file.
    #[track_caller]
    pub(in crate::net) fn send_file(
        &self,
        watch: Option<&Watch<'_>>,
        file: BorrowedFd<'_>,
        offset: u64,
        most: usize,
    ) -> io::Result<usize> {
        let at = i64::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        loop {
            // The wait apart from the call, which is made elsewhere: an attempt must not block.
            self.socket().call_within(Direction::Write, watch, |socket| level(socket, libc::POLLOUT))?;
            let sent = blocking(|| {
                let mut at = at;
                // SAFETY: both descriptors are open for as long as they are borrowed; `at` is ours.
                let sent = unsafe { libc::sendfile(self.file().as_raw_fd(), file.as_raw_fd(), &raw mut at, most) };
                usize::try_from(sent).map_err(|_| io::Error::last_os_error())
            });
            match sent {
                // Others write, too, or it was interrupted.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) if self.socket().is_closed() => return Err(closed_error()),
                sent => return sent,
            }
        }
    }
}

fn splice(from: i32, to: i32, most: usize) -> io::Result<usize> {
    // SAFETY: it takes numbers and two null pointers ("where the file is"), and touches no memory of ours. The descriptors are open: their
    // owners are borrowed by the callers.
    let moved = unsafe { libc::splice(from, ptr::null_mut(), to, ptr::null_mut(), most, FLAGS) };
    usize::try_from(moved).map_err(|_| io::Error::last_os_error())
}
