//! A connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::connect::connect;
use super::keep_alive::KeepAlive;
use crate::context::{Context, Watch};
use crate::net::address::ToSocketAddrs;
use crate::net::lookup;
use crate::net::socket::{Handle, Short, Socket, contexts, deadlines, handles, streams, tasks};
use crate::net::tcp::internet;

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
#[derive(Clone)]
pub struct TcpStream {
    pub(in crate::net) handle: Handle,
}

/// Code for the examples.
macro_rules! with_pair {
    ($($methods:ident $(, $last:literal)*);*) => {$(
        $methods!(
            TcpStream,
            "# use threadle::net::{TcpListener, TcpStream};\n\
             # fn pair() -> (TcpStream, TcpStream) {\n\
             #     let listener = TcpListener::bind(\"127.0.0.1:0\").unwrap();\n\
             #     let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();\n\
             #     (ours, listener.accept().unwrap().0)\n\
             # }"
            $(, $last)*
        );
    )*};
}

with_pair!(handles, "pair().0"; deadlines, "read"; streams; contexts; tasks);

impl TcpStream {
    /// Connects to the first of the addresses that answers. Attempts overlap: an address that does not answer holds up the next one for a quarter
    /// of a second (RFC 8305, "happy eyeballs").
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Where no address answers, that of the last attempt to fail.
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
        connect(address.addresses()?, None, None)
    }

    /// As [`connect`](Self::connect), with the search for the addresses of a name, until the deadline at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `connect`; `TimedOut`.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let port = listener.local_addr().unwrap().port();
    ///     let deadline = Instant::now() + Duration::from_secs(60);
    ///     assert!(threadle::net::TcpStream::connect_deadline(("localhost", port), deadline).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn connect_deadline<A: ToSocketAddrs>(address: A, deadline: Instant) -> io::Result<TcpStream> {
        connect(lookup::within(address.host()?, Some(deadline), None)?, Some(deadline), None)
    }

    /// Connects to one address within `timeout`, as in std.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut`; a zero time-out is `InvalidInput`; what the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use std::time::Duration;
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let address = listener.local_addr().unwrap();
    ///     assert!(threadle::net::TcpStream::connect_timeout(&address, Duration::from_secs(60)).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a time-out must not be zero"));
        }
        connect(vec![*address], crate::base::now().checked_add(timeout), None)
    }

    /// As [`connect`](Self::connect), with the search for the addresses of a name, until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `connect`; the context has ended.
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
        connect(lookup::within(address.host()?, None, Some(&watch))?, None, Some(&watch))
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
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert!(threadle::net::TcpStream::from_std(stream).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        Self::registered(stream.into())
    }

    #[track_caller]
    fn registered(file: socket2::Socket) -> io::Result<TcpStream> {
        Ok(Self::of(Socket::new(file)?))
    }

    /// One that a listener took from its queue.
    #[track_caller]
    pub(super) fn accepted(file: socket2::Socket) -> io::Result<TcpStream> {
        Ok(Self::of(Socket::new_lazily(file)?))
    }

    pub(super) fn of(socket: Socket) -> TcpStream {
        TcpStream { handle: Handle::of(socket, Short::IsLast) }
    }

    /// The connection as one of std, blocking again.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = threadle::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     let clone = stream.clone();
    ///     assert!(stream.into_std().is_err());
    ///     assert!(clone.into_std().is_ok());
    /// });
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        Ok(self.handle.into_blocking()?.into())
    }
}

/// Addresses and options. None of these switches; their errors are what the system says.
impl TcpStream {
    /// The address of the other end.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    /// });
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(self.handle.file().peer_addr()?)
    }

    /// The address of this end.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert_eq!(listener.accept().unwrap().1, stream.local_addr().unwrap());
    /// });
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.handle.file().local_addr()?)
    }

    /// Sets `TCP_NODELAY`: small writes are sent at once.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     stream.set_nodelay(true).unwrap();
    /// });
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.handle.file().set_tcp_nodelay(nodelay)
    }

    /// Whether `TCP_NODELAY` is set.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert!(!stream.nodelay().unwrap());
    /// });
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.handle.file().tcp_nodelay()
    }

    /// Sets the time-to-live of the packets sent.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     stream.set_ttl(17).unwrap();
    ///     assert_eq!(stream.ttl().unwrap(), 17);
    /// });
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.handle.file().set_ttl_v4(ttl)
    }

    /// The time-to-live of the packets sent.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert!(stream.ttl().unwrap() > 0); // as the system is set
    /// });
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.handle.file().ttl_v4()
    }

    /// Sets what becomes of bytes not yet sent when the last handle is dropped (`SO_LINGER`, in whole seconds). `None`: the system sends them,
    /// and nobody hears how that went. Zero: they are thrown away, and the peer's connection is reset. Longer: the *thread* that drops the
    /// handle waits so long for them, as it would in std; [`blocking`](crate::blocking) keeps that from holding up others.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     stream.set_linger(Some(Duration::ZERO)).unwrap();
    ///     drop(stream);
    ///     // No orderly end: the connection was reset.
    ///     let (mut peer, _) = listener.accept().unwrap();
    ///     assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// });
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.handle.file().set_linger(linger)
    }

    /// What is set by [`set_linger`](Self::set_linger).
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert_eq!(stream.linger().unwrap(), None);
    ///     stream.set_linger(Some(Duration::from_secs(3))).unwrap();
    ///     assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(3)));
    /// });
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.handle.file().linger()
    }

    /// Sets whether a silent connection is asked if its peer is still there, and when. `None`: it is not.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::net::{KeepAlive, TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     stream.set_keepalive(Some(&KeepAlive::new().idle(Duration::from_secs(30)))).unwrap();
    ///     stream.set_keepalive(None).unwrap();
    /// });
    /// ```
    pub fn set_keepalive(&self, keepalive: Option<&KeepAlive>) -> io::Result<()> {
        match keepalive {
            Some(keepalive) => keepalive.set(self.handle.file()),
            None => self.handle.file().set_keepalive(false),
        }
    }

    /// What is set by [`set_keepalive`](Self::set_keepalive), with the system's values in the place of what was left to it.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     assert_eq!(stream.keepalive().unwrap(), None);
    /// });
    /// ```
    pub fn keepalive(&self) -> io::Result<Option<KeepAlive>> {
        KeepAlive::of(self.handle.file())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.describe("TcpStream", f, |address| address.as_socket())
    }
}
