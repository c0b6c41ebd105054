//! The accepting side.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::internet;
use super::options::ListenOptions;
use super::stream::TcpStream;
use crate::context::{Context, Watch};
use crate::net::address::ToSocketAddrs;
use crate::net::socket::{Handle, Short, Shortage, handles, listens};

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
    handle: Handle,
    shortage: Arc<Shortage>,
}

handles!(
    TcpListener,
    "# use threadle::net::TcpListener;\n# fn listener() -> TcpListener { TcpListener::bind(\"127.0.0.1:0\").unwrap() }",
    "listener()"
);
listens!(
    TcpListener,
    TcpStream,
    Incoming,
    "# use threadle::net::TcpListener;\n# fn listener() -> TcpListener { TcpListener::bind(\"127.0.0.1:0\").unwrap() }"
);

impl TcpListener {
    /// Listens on the first of the addresses that can be bound, with `SO_REUSEADDR` as in std. Port 0 takes a free port.
    /// [`ListenOptions`] for more.
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
        ListenOptions::new().bind(address)
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
    pub(super) fn registered(file: socket2::Socket) -> io::Result<TcpListener> {
        Ok(TcpListener { handle: Handle::new(file, Short::IsSilent)?, shortage: Arc::default() })
    }

    /// The socket as one of std, blocking again.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = threadle::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let clone = listener.clone();
    ///     assert!(listener.into_std().is_err());
    ///     assert!(clone.into_std().is_ok());
    /// });
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        Ok(self.handle.into_blocking()?.into())
    }

    /// Waits for a connection. The new stream belongs to the runtime of the caller.
    ///
    /// What is in the kernel's queue already is taken without waiting, so that a loop over `accept` empties the queue each time it
    /// wakes. A connection that was given up while it was queued is passed over. When there are no descriptors or no memory left, the call
    /// waits until there are, looking again at least twice a second, and says so once on stderr: nothing is lost but time.
    ///
    /// In bound mode the goroutine that the caller spawns next is taken for the one that serves the connection: it starts on the thread with the
    /// fewest goroutines, if that has clearly fewer than the caller's.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` when the deadline has passed; closed; the runtime of the listener has stopped; what else the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does, before it takes a connection: there is nobody the stream could belong to.
    ///
    /// ```
    /// use threadle::net::{TcpListener, TcpStream};
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ///     let (server, peer) = listener.accept().unwrap();
    ///     assert_eq!(peer, client.local_addr().unwrap());
    ///     assert_eq!(server.peer_addr().unwrap(), peer);
    /// });
    /// ```
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_within(None)
    }

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

    #[track_caller]
    fn accept_within(&self, watch: Option<&Watch<'_>>) -> io::Result<(TcpStream, SocketAddr)> {
        let (file, peer) = self.handle.accept(&self.shortage, watch)?;
        Ok((TcpStream::accepted(file)?, internet(peer)?))
    }

    /// The address it listens on.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = threadle::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     assert!(listener.local_addr().unwrap().ip().is_loopback());
    /// });
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.handle.file().local_addr()?)
    }

    /// Sets the time-to-live of the packets of connections accepted from now on.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let listener = threadle::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ///     listener.set_ttl(9).unwrap();
    ///     assert_eq!(listener.ttl().unwrap(), 9);
    /// });
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.handle.file().set_ttl_v4(ttl)
    }

    /// The time-to-live of the packets of accepted connections.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::TcpListener::bind("127.0.0.1:0").unwrap().ttl().unwrap() > 0));
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.handle.file().ttl_v4()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.describe("TcpListener", f, |address| address.as_socket())
    }
}
