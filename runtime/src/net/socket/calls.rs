//! The system calls, each for every family of sockets.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd};

use socket2::{SockAddr, Socket};

/// Not killed by `SIGPIPE` where the process does not ignore it.
const SEND: i32 = libc::MSG_NOSIGNAL;

/// The system takes so many slices in a call and refuses more.
const MOST_SLICES: usize = libc::UIO_MAXIOV as usize;

/// Room for what a call receives.
fn room(buffer: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: bytes are valid as perhaps-uninitialised bytes, and the calls of this file only write received, so initialised, ones to them.
    unsafe { &mut *(&raw mut *buffer as *mut [MaybeUninit<u8>]) }
}

/// Whether a call takes what it receives.
#[derive(Clone, Copy)]
pub(in crate::net) enum Take {
    Takes,
    Leaves,
}

impl Take {
    fn flag(self) -> i32 {
        match self {
            Take::Takes => 0,
            Take::Leaves => libc::MSG_PEEK,
        }
    }
}

pub(super) fn receive(file: &Socket, buffer: &mut [u8], take: Take) -> io::Result<usize> {
    file.recv_with_flags(room(buffer), take.flag())
}

pub(super) fn receive_from(file: &Socket, buffer: &mut [u8], take: Take) -> io::Result<(usize, SockAddr)> {
    file.recv_from_with_flags(room(buffer), take.flag())
}

pub(super) fn receive_vectored(mut file: &Socket, slices: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let count = slices.len().min(MOST_SLICES);
    file.read_vectored(&mut slices[..count])
}

pub(super) fn send(file: &Socket, bytes: &[u8]) -> io::Result<usize> {
    file.send_with_flags(bytes, SEND)
}

pub(super) fn send_to(file: &Socket, bytes: &[u8], address: &SockAddr) -> io::Result<usize> {
    file.send_to_with_flags(bytes, address, SEND)
}

pub(super) fn send_vectored(file: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    file.send_vectored_with_flags(&slices[..slices.len().min(MOST_SLICES)], SEND)
}

/// How much a vectored call may transfer at most.
pub(super) fn total(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.take(MOST_SLICES).fold(0, usize::saturating_add)
}

/// `accept4`, which saves the system call that would make the new socket non-blocking.
pub(super) fn accept_nonblocking(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `try_init` gives a valid storage and its length, and takes them back as written by the kernel; the closure fails where
    // the kernel did. The new descriptor is open and nobody else's.
    unsafe {
        SockAddr::try_init(|storage, length| {
            let fd = libc::accept4(listener.as_raw_fd(), storage.cast(), length, flags);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Socket::from_raw_fd(fd)) }
        })
    }
}
