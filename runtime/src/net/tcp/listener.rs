//! The accepting side.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use socket2::{Domain, Protocol, SockAddr, Type};
use threadle_scheduler::io::{Direction, expect_runtime};

use super::stream::TcpStream;
use crate::context::Watch;
use crate::net::address::{ToSocketAddrs, each_address};
use crate::net::socket::Socket;

/// The longest queue of connections nobody accepted yet; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = u16::MAX as i32;

/// A TCP socket that accepts connections. Clones are handles to the same socket.
///
/// ```
/// use threadle::net::{TcpListener, TcpStream};
/// threadle::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
///     let address = listener.local_addr().unwrap();
///     let client = threadle::go(move || TcpStream::connect(address).unwrap());
///     let (stream, peer) = listener.accept().unwrap();
///     assert_eq!(client.join().unwrap().local_addr().unwrap(), peer);
///     # drop(stream);
/// });
/// ```
#[derive(Clone)]
pub struct TcpListener {
    socket: Arc<Socket>,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be bound, with `SO_REUSEADDR` as in std. Port 0 takes a free port.
    ///
    /// Switches: only to look up a name.
    ///
    /// # Errors
    /// Those of the last address tried.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = threadle::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    ///     assert_ne!(listener.local_addr().unwrap().port(), 0);
    /// });
    /// ```
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpListener> {
        let file = each_address(address, |address| {
            let kind = Type::STREAM.nonblocking().cloexec();
            let file = socket2::Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
            file.set_reuse_address(true)?;
            file.bind(&address.into())?;
            file.listen(BACKLOG)?;
            Ok(file)
        })?;
        Self::registered(file)
    }

    /// Takes over a listening socket of std.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// It cannot be made non-blocking or registered.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let listener = threadle::net::TcpListener::from_std(listener).unwrap();
    ///     assert!(listener.into_std().is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        Self::registered(listener.into())
    }

    #[track_caller]
    fn registered(file: socket2::Socket) -> io::Result<TcpListener> {
        Ok(TcpListener { socket: Arc::new(Socket::new(file)?) })
    }

    /// The socket as one of std, blocking again. Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        let socket = Arc::into_inner(self.socket).ok_or_else(super::stream::has_clones)?;
        Ok(socket.into_blocking()?.into())
    }

    /// Waits for a connection. The new stream belongs to the runtime of the caller.
    ///
    /// What is in the kernel's queue already is taken without waiting, so that a loop over `accept` empties the queue each time it
    /// wakes. A connection that was reset while it was queued is passed over.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` when the deadline has passed; closed; the runtime of the listener has stopped; what the system says, among it that there are too
    /// many open files, after which accepting may go on.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does, before it takes a connection: there is nobody the stream could belong to.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_within(None)
    }

    #[track_caller]
    pub(super) fn accept_within(&self, watch: Option<&Watch<'_>>) -> io::Result<(TcpStream, SocketAddr)> {
        expect_runtime();
        let (file, peer) = self.socket.call_within(Direction::Read, watch, |file| {
            loop {
                match accept_nonblocking(file) {
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    result => return result,
                }
            }
        })?;
        let peer = peer.as_socket().ok_or_else(|| io::Error::other("accepted a peer without an internet address"))?;
        Ok((TcpStream::registered(file)?, peer))
    }

    /// [`accept`](Self::accept) without end: yields its errors too. `next` switches.
    ///
    /// ```no_run
    /// # threadle::run(|| -> std::io::Result<()> {
    /// # let listener = threadle::net::TcpListener::bind("127.0.0.1:0")?;
    /// for stream in listener.incoming() {
    ///     let stream = stream?;
    ///     threadle::go(move || drop(stream));
    /// }
    /// # Ok(()) });
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Until when `accept` may go on, for all handles; `None`: for ever. Calls that wait already are held to it too.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = threadle::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     listener.set_deadline(Some(std::time::Instant::now()));
    ///     assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// });
    /// ```
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.socket.set_deadline(Direction::Read, deadline);
    }

    /// Stops listening, for all handles: waiting calls of `accept` end with an error, new connections are refused. Dropping the last
    /// handle does the same. Closing again does nothing.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says; the socket is unusable nevertheless.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = threadle::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let acceptor = listener.clone();
    ///     let waiting = threadle::go(move || acceptor.accept().is_err());
    ///     listener.close().unwrap();
    ///     assert!(waiting.join().unwrap());
    /// });
    /// ```
    pub fn close(&self) -> io::Result<()> {
        self.socket.shut()
    }

    /// The address it listens on. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        super::stream::internet(self.socket.file().local_addr()?)
    }

    /// Another handle, as [`Clone`] makes; for code written against std. Switches: no.
    ///
    /// # Errors
    /// None.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(self.clone())
    }

    /// The error that is pending on the socket, which is then cleared. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.file().take_error()
    }

    /// Sets the time-to-live of the packets sent. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.file().set_ttl_v4(ttl)
    }

    /// The time-to-live of the packets sent. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.file().ttl_v4()
    }
}

/// `accept4`, which saves the system call that would make the new socket non-blocking.
fn accept_nonblocking(listener: &socket2::Socket) -> io::Result<(socket2::Socket, SockAddr)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `try_init` gives a valid storage and its length, and takes them back as written by the kernel; the closure fails where
    // the kernel did. The new descriptor is open and nobody else's.
    unsafe {
        SockAddr::try_init(|storage, length| {
            let fd = libc::accept4(listener.as_raw_fd(), storage.cast(), length, flags);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(socket2::Socket::from_raw_fd(fd)) }
        })
    }
}

/// Connections as they come, without end. Made by [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.file().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.file().as_raw_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TcpListener");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        debug.field("fd", &self.as_raw_fd()).finish()
    }
}
