//! A stream for as long as a context goes on.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;

use super::socket::Handle;
use crate::context::{Context, Watch};

/// A stream whose reads and writes end with a context. Made by [`TcpStream::with_context`](crate::net::TcpStream::with_context) and
/// [`UnixStream::with_context`](crate::net::unix::UnixStream::with_context).
///
/// ```
/// use std::io::Read;
/// use threadle::context::{Context, ContextError};
/// threadle::run(|| {
///     let (ours, _theirs) = threadle::net::unix::UnixStream::pair().unwrap();
///     let (context, cancel) = Context::background().with_cancel();
///     threadle::go(move || cancel.cancel());
///     let error = ours.with_context(&context).read(&mut [0]).unwrap_err();
///     assert!(ContextError::of(&error).unwrap().is_cancelled());
/// });
/// ```
#[derive(Clone, Copy)]
pub struct WithContext<'a> {
    handle: &'a Handle,
    context: &'a Context,
}

impl<'a> WithContext<'a> {
    pub(super) fn new(handle: &'a Handle, context: &'a Context) -> Self {
        WithContext { handle, context }
    }
}

impl Read for WithContext<'_> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.handle.receive(Some(&Watch::new(self.context)?), buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, slices: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.handle.receive_vectored(Some(&Watch::new(self.context)?), slices)
    }
}

impl Write for WithContext<'_> {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.handle.send(Some(&Watch::new(self.context)?), bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.handle.send_vectored(Some(&Watch::new(self.context)?), slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for WithContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.handle.file().as_raw_fd();
        f.debug_struct("WithContext").field("fd", &fd).field("context", self.context).finish()
    }
}
