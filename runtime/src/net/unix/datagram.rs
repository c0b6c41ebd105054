//! Datagrams inside this machine.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::path::Path;

use socket2::{Domain, SockAddr, Type};

use super::{Pauses, SocketAddr, address};
use crate::context::{Context, Watch};
use crate::net::socket::{Handle, Short, Take, datagrams, deadlines, handles};
use crate::polled::Attempt;

/// A Unix socket for datagrams, which are neither lost nor reordered: who sends waits while the receiver's queue is full. Clones are handles to
/// the same socket, which is closed with the last of them; its file stays, as std's does.
///
/// ```
/// use threadle::net::unix::UnixDatagram;
/// threadle::run(|| {
///     let (ours, theirs) = UnixDatagram::pair().unwrap();
///     ours.send(b"one").unwrap();
///     ours.send(b"two").unwrap();
///     let mut buffer = [0; 16];
///     assert_eq!(theirs.recv(&mut buffer).unwrap(), 3);
///     assert_eq!(&buffer[..3], b"one");
/// });
/// ```
#[derive(Clone)]
pub struct UnixDatagram {
    handle: Handle,
}

/// Code for the examples.
macro_rules! with_pair {
    ($($methods:ident $(, $last:literal)*);*) => {$(
        $methods!(
            UnixDatagram,
            "# use threadle::net::unix::UnixDatagram;\n\
             # fn pair() -> (UnixDatagram, UnixDatagram) { UnixDatagram::pair().unwrap() }"
            $(, $last)*
        );
    )*};
}

with_pair!(handles, "pair().0"; deadlines, "recv"; datagrams);

impl UnixDatagram {
    /// A socket at a path, where a file is made.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `AddrInUse` if there is something at the path; `InvalidInput` if it is too long; what the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let error = threadle::net::unix::UnixDatagram::bind("/there is no/such folder").unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// });
    /// ```
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        Self::bound(Some(&address::of_path(path)?))
    }

    /// A socket at an address, which may be one without a file.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixDatagram};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-datagram-{}", std::process::id());
    ///     let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    ///     assert_eq!(socket.local_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
    /// });
    /// ```
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixDatagram> {
        Self::bound(Some(&address::of_std(address)?))
    }

    /// A socket without an address: it can send.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::unix::UnixDatagram::unbound().unwrap();
    ///     assert!(socket.local_addr().unwrap().is_unnamed());
    /// });
    /// ```
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        Self::bound(None)
    }

    #[track_caller]
    fn bound(address: Option<&SockAddr>) -> io::Result<UnixDatagram> {
        let file = socket2::Socket::new(Domain::UNIX, Type::DGRAM.nonblocking().cloexec(), None)?;
        address.map_or(Ok(()), |address| file.bind(address))?;
        Self::registered(file)
    }

    /// Two connected sockets.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::unix::UnixDatagram::pair().is_ok()));
    /// ```
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let kind = Type::DGRAM.nonblocking().cloexec();
        let (one, other) = socket2::Socket::pair(Domain::UNIX, kind, None)?;
        Ok((Self::registered(one)?, Self::registered(other)?))
    }

    /// Takes over a socket of std.
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
    ///     let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
    ///     assert!(threadle::net::unix::UnixDatagram::from_std(socket).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        socket.set_nonblocking(true)?;
        Self::registered(socket.into())
    }

    #[track_caller]
    fn registered(file: socket2::Socket) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram { handle: Handle::new(file, Short::IsSilent)? })
    }

    /// The socket as one of std, blocking again.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::unix::UnixDatagram::unbound().unwrap().into_std().is_ok()));
    /// ```
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixDatagram> {
        Ok(std::os::fd::OwnedFd::from(self.handle.into_blocking()?).into())
    }

    /// Makes the socket at a path the peer, for all handles.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`; what the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::unix::UnixDatagram::unbound().unwrap();
    ///     assert_eq!(socket.connect("/there is no such file").unwrap_err().kind(), std::io::ErrorKind::NotFound);
    /// });
    /// ```
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.handle.file().connect(&address::of_path(path)?)
    }

    /// Makes the socket at an address the peer, for all handles.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixDatagram};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-connect_addr-{}", std::process::id());
    ///     let address = SocketAddr::from_abstract_name(&name).unwrap();
    ///     let _receiver = UnixDatagram::bind_addr(&address).unwrap();
    ///     UnixDatagram::unbound().unwrap().connect_addr(&address).unwrap();
    /// });
    /// ```
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.handle.file().connect(&address::of_std(address)?)
    }

    /// Receives one datagram, and says from whom. What does not fit into `buffer` is lost.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` at the deadline or time-out; closed; what the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (ours, theirs) = threadle::net::unix::UnixDatagram::pair().unwrap();
    ///     ours.send(b"hello").unwrap();
    ///     let (length, from) = theirs.recv_from(&mut [0; 16]).unwrap();
    ///     assert!(length == 5 && from.is_unnamed());
    /// });
    /// ```
    #[track_caller]
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        from(self.handle.receive_from(None, buffer, Take::Takes)?)
    }

    /// As [`recv_from`](Self::recv_from), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `recv_from`; the context has ended: then nothing was received.
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    /// use threadle::{context::Context, net::unix::UnixDatagram};
    /// threadle::run(|| {
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let (ours, _theirs) = UnixDatagram::pair().unwrap();
    ///     assert_eq!(ours.recv_from_with(&context, &mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    #[track_caller]
    pub fn recv_from_with(&self, context: &Context, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        from(self.handle.receive_from(Some(&Watch::new(context)?), buffer, Take::Takes)?)
    }

    /// Sends one datagram to the socket at a path. While the receiver's queue is full it is tried again and again (see the [module](super)).
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` at the deadline or time-out; closed; `NotFound`, `ConnectionRefused`; what the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::unix::UnixDatagram::unbound().unwrap();
    ///     assert!(socket.send_to(b"hello", "/there is no such file").is_err());
    /// });
    /// ```
    #[track_caller]
    pub fn send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        self.send_within(None, bytes, &address::of_path(path)?)
    }

    /// As [`send_to`](Self::send_to), to an address, which may be one without a file.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `send_to`.
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixDatagram};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-send_to_addr-{}", std::process::id());
    ///     let address = SocketAddr::from_abstract_name(&name).unwrap();
    ///     let receiver = UnixDatagram::bind_addr(&address).unwrap();
    ///     UnixDatagram::unbound().unwrap().send_to_addr(b"hello", &address).unwrap();
    ///     assert_eq!(receiver.recv(&mut [0; 16]).unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn send_to_addr(&self, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.send_within(None, bytes, &address::of_std(address)?)
    }

    /// As [`send_to_addr`](Self::send_to_addr), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `send_to`; the context has ended: then nothing was sent.
    ///
    /// ```
    /// use threadle::{context::Context, net::unix::{SocketAddr, UnixDatagram}};
    /// threadle::run(|| {
    ///     let socket = UnixDatagram::unbound().unwrap();
    ///     let nobody = SocketAddr::from_pathname("/there is no such file").unwrap();
    ///     assert!(socket.send_to_with(&Context::background(), b"hello", &nobody).is_err());
    /// });
    /// ```
    #[track_caller]
    pub fn send_to_with(&self, context: &Context, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.send_within(Some(&Watch::new(context)?), bytes, &address::of_std(address)?)
    }

    #[track_caller]
    fn send_within(&self, watch: Option<&Watch<'_>>, bytes: &[u8], address: &SockAddr) -> io::Result<usize> {
        let mut pauses = Pauses::new();
        self.handle.send_to(watch, bytes, address, |error| match error.kind() {
            io::ErrorKind::WouldBlock => Attempt::Pause(pauses.next()),
            _ => Attempt::Over(Err(error)),
        })
    }

    /// Ends one or both directions, for all handles.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (ours, theirs) = threadle::net::unix::UnixDatagram::pair().unwrap();
    ///     ours.shutdown(std::net::Shutdown::Read).unwrap();
    ///     assert_eq!(theirs.send(b"hello").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    /// });
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.handle.file().shutdown(how)
    }

    /// The address of this end.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (ours, _theirs) = threadle::net::unix::UnixDatagram::pair().unwrap();
    ///     assert!(ours.local_addr().unwrap().is_unnamed());
    /// });
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address::to_std(&self.handle.file().local_addr()?)
    }

    /// The address of the peer of a connected socket.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Not connected; what the system says.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::unix::UnixDatagram::unbound().unwrap().peer_addr().is_err()));
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        address::to_std(&self.handle.file().peer_addr()?)
    }
}

fn from((length, sender): (usize, SockAddr)) -> io::Result<(usize, SocketAddr)> {
    Ok((length, address::to_std(&sender)?))
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.describe("UnixDatagram", f, |address| address::to_std(&address).ok())
    }
}
