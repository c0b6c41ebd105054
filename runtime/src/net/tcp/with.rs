//! Connections with a context.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use threadle_scheduler::io::Direction;

use super::listener::TcpListener;
use super::stream::{MOST_SLICES, TcpStream, connect, send, send_vectored};
use crate::context::{Context, Watch};
use crate::net::address::{ToSocketAddrs, each_address};

impl TcpListener {
    /// As [`accept`](Self::accept), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `accept`; the context has ended ([`ContextError::of`](crate::context::ContextError::of) tells): then no connection was taken.
    ///
    /// # Panics
    /// As `accept`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::{Context, ContextError}, net::TcpListener};
    ///
    /// threadle::run(|| {
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let error = TcpListener::bind("127.0.0.1:0").unwrap().accept_with(&context).unwrap_err();
    ///     assert!(ContextError::of(&error).unwrap().is_timeout());
    /// });
    /// ```
    #[track_caller]
    pub fn accept_with(&self, context: &Context) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_within(Some(&Watch::new(context)?))
    }
}

impl TcpStream {
    /// As [`connect`](Self::connect), until the context ends at most. The search for the addresses of a name is not cut short.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of the last address tried; the context has ended.
    ///
    /// # Panics
    /// As `connect`.
    ///
    /// ```
    /// use threadle::{context::{Context, ContextError}, net::TcpStream};
    ///
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     cancel.cancel();
    ///     let error = TcpStream::connect_with(&context, "127.0.0.1:1").unwrap_err();
    ///     assert!(ContextError::of(&error).unwrap().is_cancelled());
    /// });
    /// ```
    #[track_caller]
    pub fn connect_with<A: ToSocketAddrs>(context: &Context, address: A) -> io::Result<TcpStream> {
        let watch = Watch::new(context)?;
        each_address(address, |address| {
            watch.check()?;
            connect(address, None, Some(&watch))
        })
    }

    /// One read, until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of a read; the context has ended: then nothing was read.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, net::{TcpListener, TcpStream}};
    ///
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     assert_eq!(stream.read_with(&context, &mut [0]).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// });
    /// ```
    #[track_caller]
    pub fn read_with(&self, context: &Context, buffer: &mut [u8]) -> io::Result<usize> {
        let watch = Watch::new(context)?;
        self.socket.call_within(Direction::Read, Some(&watch), |mut file| file.read(buffer))
    }

    /// As [`peek`](Self::peek), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of a read; the context has ended.
    #[track_caller]
    pub fn peek_with(&self, context: &Context, buffer: &mut [u8]) -> io::Result<usize> {
        let watch = Watch::new(context)?;
        self.socket.call_within(Direction::Read, Some(&watch), |file| {
            // SAFETY: bytes are valid as perhaps-uninitialised bytes, and `peek` only writes what it received to them.
            file.peek(unsafe { &mut *(&raw mut *buffer as *mut [MaybeUninit<u8>]) })
        })
    }

    /// One write, until the context ends at most; how many of the bytes were taken.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of a write; the context has ended: then nothing was written by this call.
    ///
    /// ```
    /// use threadle::{context::Context, net::{TcpListener, TcpStream}};
    ///
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert_eq!(stream.write_with(&Context::background(), b"hello").unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn write_with(&self, context: &Context, bytes: &[u8]) -> io::Result<usize> {
        let watch = Watch::new(context)?;
        self.socket.call_within(Direction::Write, Some(&watch), |file| send(file, bytes))
    }

    /// The stream for as long as a context goes on: a reader and writer all of whose calls give up when that ends, so that what is built on
    /// `Read` and `Write` (`read_exact`, `write_all`, a `BufReader`) does.
    ///
    /// Switches: no; its reads and writes do.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::time::Duration;
    /// use threadle::{context::{Context, ContextError}, net::{TcpListener, TcpStream}};
    ///
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(5));
    ///     let mut request = stream.with_context(&context);
    ///     request.write_all(b"hello?").unwrap();
    ///     let error = request.read_exact(&mut [0; 6]).unwrap_err();
    ///     assert!(ContextError::of(&error).unwrap().is_timeout());
    /// });
    /// ```
    pub fn with_context<'a>(&'a self, context: &'a Context) -> WithContext<'a> {
        WithContext { stream: self, context }
    }
}

/// A [`TcpStream`] whose reads and writes end with a context. Made by [`TcpStream::with_context`].
#[derive(Clone, Copy)]
pub struct WithContext<'a> {
    stream: &'a TcpStream,
    context: &'a Context,
}

impl Read for WithContext<'_> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read_with(self.context, buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (watch, count) = (Watch::new(self.context)?, buffers.len().min(MOST_SLICES));
        let read = |mut file: &socket2::Socket| file.read_vectored(&mut buffers[..count]);
        self.stream.socket.call_within(Direction::Read, Some(&watch), read)
    }
}

impl Write for WithContext<'_> {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_with(self.context, bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let watch = Watch::new(self.context)?;
        self.stream.socket.call_within(Direction::Write, Some(&watch), |file| send_vectored(file, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for WithContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext").field("stream", self.stream).field("context", self.context).finish()
    }
}
