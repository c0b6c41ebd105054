//! A connection.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Type};
use threadle_scheduler::Ticket;
use threadle_scheduler::io::{Direction, TaskWaiter};

use crate::context::Watch;
use crate::net::address::{ToSocketAddrs, each_address};
use crate::net::socket::Socket;

/// A TCP connection. Clones are handles to the same connection, which is closed with the last of them.
///
/// Reads and writes go through `&TcpStream` too, so that one goroutine can read while another writes.
///
/// ```
/// use std::io::{Read, Write};
/// use threadle::net::{TcpListener, TcpStream};
///
/// threadle::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
///     let address = listener.local_addr().unwrap();
///     let server = threadle::go(move || listener.accept().unwrap().0.write_all(b"bye").unwrap());
///     let mut text = String::new();
///     TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
///     assert_eq!(text, "bye");
///     server.join().unwrap();
/// });
/// ```
pub struct TcpStream {
    /// The places of this handle's tasks in the descriptor's queues; before the socket, which they refer to.
    pub(super) reading: Option<TaskWaiter<Ticket>>,
    pub(super) writing: Option<TaskWaiter<Ticket>>,
    pub(super) socket: Arc<Socket>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of the last address tried.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let address = listener.local_addr().unwrap();
    ///     assert_eq!(threadle::net::TcpStream::connect(address).unwrap().peer_addr().unwrap(), address);
    /// });
    /// ```
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<TcpStream> {
        each_address(address, |address| connect(address, None, None))
    }

    /// Connects to one address within `timeout`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut`; a zero time-out is `InvalidInput`, as in std; what the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    #[track_caller]
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a time-out must not be zero"));
        }
        connect(*address, crate::base::now().checked_add(timeout), None)
    }

    /// Takes over a connection of std.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// It cannot be made non-blocking or registered.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        Self::registered(stream.into())
    }

    #[track_caller]
    pub(super) fn registered(file: socket2::Socket) -> io::Result<TcpStream> {
        Ok(TcpStream { reading: None, writing: None, socket: Arc::new(Socket::new(file)?) })
    }

    /// The connection as one of std, blocking again. Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        let TcpStream { reading, writing, socket } = self;
        drop((reading, writing));
        Ok(Arc::into_inner(socket).ok_or_else(has_clones)?.into_blocking()?.into())
    }

    /// As a read, but leaves the bytes to be read again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of a read.
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.call(Direction::Read, |file| {
            // SAFETY: bytes are valid as perhaps-uninitialised bytes, and `peek` only writes what it received to them.
            file.peek(unsafe { &mut *(&raw mut *buffer as *mut [MaybeUninit<u8>]) })
        })
    }

    /// Ends one or both directions. Waiting calls of that direction end as at the peer's end. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.file().shutdown(how)
    }

    /// Ends the connection for all handles: waiting and later calls end with an error, the peer sees the end. Dropping the last handle closes too.
    /// Closing again does nothing.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says; the connection is unusable nevertheless.
    pub fn close(&self) -> io::Result<()> {
        self.socket.shut()
    }

    /// Until when reads and writes may go on, for all handles; `None`: for ever. Calls that wait already are held to it too.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use std::time::{Duration, Instant};
    ///
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let mut stream = threadle::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     stream.set_deadline(Some(Instant::now() + Duration::from_millis(2)));
    ///     assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.set_read_deadline(deadline);
        self.set_write_deadline(deadline);
    }

    /// [`set_deadline`](Self::set_deadline) for reads alone. Switches: no.
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.socket.set_deadline(Direction::Read, deadline);
    }

    /// [`set_deadline`](Self::set_deadline) for writes alone. Switches: no.
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.socket.set_deadline(Direction::Write, deadline);
    }

    /// The deadline of reads. Switches: no.
    pub fn read_deadline(&self) -> Option<Instant> {
        self.socket.limit(Direction::Read).deadline()
    }

    /// The deadline of writes. Switches: no.
    pub fn write_deadline(&self) -> Option<Instant> {
        self.socket.limit(Direction::Write).deadline()
    }

    /// How long each single read may wait, as in std; it ends with `TimedOut`. Holds for calls made from now on. Switches: no.
    ///
    /// # Errors
    /// A zero time-out is `InvalidInput`.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.limit(Direction::Read).set_timeout(timeout)
    }

    /// How long each single write may wait, as in std; it ends with `TimedOut`. Holds for calls made from now on. Switches: no.
    ///
    /// # Errors
    /// A zero time-out is `InvalidInput`.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.limit(Direction::Write).set_timeout(timeout)
    }

    /// The time-out of reads. Switches: no.
    ///
    /// # Errors
    /// None.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.limit(Direction::Read).timeout())
    }

    /// The time-out of writes. Switches: no.
    ///
    /// # Errors
    /// None.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.limit(Direction::Write).timeout())
    }

    /// The address of the other end. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(self.socket.file().peer_addr()?)
    }

    /// The address of this end. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.socket.file().local_addr()?)
    }

    /// Another handle, as [`Clone`] makes; for code written against std. Switches: no.
    ///
    /// # Errors
    /// None.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(self.clone())
    }

    /// Sets `TCP_NODELAY`: small writes are sent at once. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.file().set_tcp_nodelay(nodelay)
    }

    /// Whether `TCP_NODELAY` is set. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.file().tcp_nodelay()
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

    /// The error that is pending on the socket, which is then cleared. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.file().take_error()
    }
}

#[track_caller]
pub(super) fn connect(
    address: SocketAddr,
    deadline: Option<Instant>,
    watch: Option<&Watch<'_>>,
) -> io::Result<TcpStream> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let file = socket2::Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    match file.connect(&address.into()) {
        // Interrupted, it goes on all the same.
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => return Err(error),
        _ => {}
    }
    let socket = Socket::new(file)?;
    // Nobody else knows of it yet, so nobody has to be told.
    socket.limit(Direction::Write).set_deadline(deadline);
    socket.call_within(Direction::Write, watch, |file| match file.take_error()? {
        Some(error) => Err(error),
        // Writable for no reason of ours: not connected and no error yet.
        None => match file.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
            result => result.map(drop),
        },
    })?;
    socket.limit(Direction::Write).set_deadline(None);
    Ok(TcpStream { reading: None, writing: None, socket: Arc::new(socket) })
}

pub(super) fn internet(address: SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::Error::other("not an internet address"))
}

pub(super) fn has_clones() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "other handles of this socket are in use")
}

/// Not killed by `SIGPIPE` where the process does not ignore it.
const SEND: i32 = libc::MSG_NOSIGNAL;

/// The system takes so many slices in a call and refuses more.
pub(super) const MOST_SLICES: usize = libc::UIO_MAXIOV as usize;

pub(super) fn send(file: &socket2::Socket, bytes: &[u8]) -> io::Result<usize> {
    file.send_with_flags(bytes, SEND)
}

pub(super) fn send_vectored(file: &socket2::Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    file.send_vectored_with_flags(&slices[..slices.len().min(MOST_SLICES)], SEND)
}

impl Read for &TcpStream {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.call(Direction::Read, |mut file| file.read(buffer))
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        // The system takes so many and refuses more.
        let count = buffers.len().min(MOST_SLICES);
        self.socket.call(Direction::Read, |mut file| file.read_vectored(&mut buffers[..count]))
    }
}

impl Write for &TcpStream {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.call(Direction::Write, |file| send(file, bytes))
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.call(Direction::Write, |file| send_vectored(file, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for TcpStream {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Clone for TcpStream {
    fn clone(&self) -> Self {
        TcpStream { reading: None, writing: None, socket: Arc::clone(&self.socket) }
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.file().as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.file().as_raw_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TcpStream");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.field("fd", &self.as_raw_fd()).finish()
    }
}
