//! Datagrams over the internet.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{self, Poll, ready};

use socket2::{Domain, Protocol, SockAddr, Type};

use super::address::{ToSocketAddrs, each_address, no_address};
use super::lookup;
use super::socket::{Handle, Short, Take, datagrams, deadlines, handles};
use super::tcp::internet;
use crate::context::{Context, Watch};
use crate::polled::Attempt;

mod options;

/// A UDP socket. Clones are handles to the same socket, which is closed with the last of them.
///
/// ```
/// use threadle::net::UdpSocket;
///
/// threadle::run(|| {
///     let server = UdpSocket::bind("127.0.0.1:0").unwrap();
///     let client = UdpSocket::bind("127.0.0.1:0").unwrap();
///     client.send_to(b"hello", server.local_addr().unwrap()).unwrap();
///     let mut buffer = [0; 16];
///     let (length, from) = server.recv_from(&mut buffer).unwrap();
///     assert_eq!((&buffer[..length], from), (&b"hello"[..], client.local_addr().unwrap()));
/// });
/// ```
#[derive(Clone)]
pub struct UdpSocket {
    handle: Handle,
}

/// Code for the examples.
macro_rules! with_pair {
    ($($methods:ident $(, $last:literal)*);*) => {$(
        $methods!(
            UdpSocket,
            "# use threadle::net::UdpSocket;\n\
             # fn pair() -> (UdpSocket, UdpSocket) {\n\
             #     let sockets = [0; 2].map(|_| UdpSocket::bind(\"127.0.0.1:0\").unwrap());\n\
             #     sockets[0].connect(sockets[1].local_addr().unwrap()).unwrap();\n\
             #     sockets[1].connect(sockets[0].local_addr().unwrap()).unwrap();\n\
             #     sockets.into()\n\
             # }"
            $(, $last)*
        );
    )*};
}

with_pair!(handles, "pair().0"; deadlines, "recv"; datagrams);

impl UdpSocket {
    /// A socket at the first of the addresses that can be bound. Port 0 takes a free port.
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
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert_ne!(socket.local_addr().unwrap().port(), 0);
    /// });
    /// ```
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<UdpSocket> {
        let file = each_address(address, |address| {
            let kind = Type::DGRAM.nonblocking().cloexec();
            let file = socket2::Socket::new(Domain::for_address(address), kind, Some(Protocol::UDP))?;
            file.bind(&address.into())?;
            Ok(file)
        })?;
        Self::registered(file)
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
    ///     let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(threadle::net::UdpSocket::from_std(socket).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        Self::registered(socket.into())
    }

    #[track_caller]
    fn registered(file: socket2::Socket) -> io::Result<UdpSocket> {
        Ok(UdpSocket { handle: Handle::new(file, Short::IsSilent)? })
    }

    /// The socket as one of std, blocking again.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap().into_std().is_ok()));
    /// ```
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        Ok(self.handle.into_blocking()?.into())
    }

    /// Makes the first of the addresses that is accepted the peer, for all handles: `send` goes there, and what others send is not received.
    ///
    /// Switches: only to look up a name.
    ///
    /// # Errors
    /// Those of the last address tried.
    ///
    /// ```
    /// use threadle::net::UdpSocket;
    /// threadle::run(|| {
    ///     let [one, other] = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    ///     one.connect(other.local_addr().unwrap()).unwrap();
    ///     assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
    /// });
    /// ```
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        each_address(address, |address| self.handle.file().connect(&address.into()))
    }

    /// Receives one datagram, and says from whom. What does not fit into `buffer` is lost.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` at the deadline or time-out; closed; what the system says.
    ///
    /// ```
    /// use threadle::net::UdpSocket;
    /// threadle::run(|| {
    ///     let [one, other] = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    ///     one.send_to(b"", other.local_addr().unwrap()).unwrap();
    ///     assert_eq!(other.recv_from(&mut [0; 16]).unwrap(), (0, one.local_addr().unwrap()));
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
    /// use threadle::{context::Context, net::UdpSocket};
    /// threadle::run(|| {
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert_eq!(socket.recv_from_with(&context, &mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    #[track_caller]
    pub fn recv_from_with(&self, context: &Context, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        from(self.handle.receive_from(Some(&Watch::new(context)?), buffer, Take::Takes)?)
    }

    /// As [`recv_from`](Self::recv_from), but leaves the datagram to be received again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `recv_from`.
    ///
    /// ```
    /// use threadle::net::UdpSocket;
    /// threadle::run(|| {
    ///     let [one, other] = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    ///     one.send_to(b"x", other.local_addr().unwrap()).unwrap();
    ///     assert_eq!(other.peek_from(&mut [0; 16]).unwrap(), other.recv_from(&mut [0; 16]).unwrap());
    /// });
    /// ```
    #[track_caller]
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        from(self.handle.receive_from(None, buffer, Take::Leaves)?)
    }

    /// As [`peek_from`](Self::peek_from), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `peek_from`; the context has ended.
    ///
    /// ```
    /// use threadle::{context::Context, net::UdpSocket};
    /// threadle::run(|| {
    ///     let [one, other] = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    ///     one.send_to(b"x", other.local_addr().unwrap()).unwrap();
    ///     assert_eq!(other.peek_from_with(&Context::background(), &mut [0; 16]).unwrap().0, 1);
    /// });
    /// ```
    #[track_caller]
    pub fn peek_from_with(&self, context: &Context, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        from(self.handle.receive_from(Some(&Watch::new(context)?), buffer, Take::Leaves)?)
    }

    /// Sends one datagram to the first of the addresses, as in std.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` at the deadline or time-out; closed; too large; what the system says.
    ///
    /// ```
    /// use threadle::net::UdpSocket;
    /// threadle::run(|| {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert_eq!(socket.send_to(b"to itself", socket.local_addr().unwrap()).unwrap(), 9);
    /// });
    /// ```
    #[track_caller]
    pub fn send_to<A: ToSocketAddrs>(&self, bytes: &[u8], address: A) -> io::Result<usize> {
        self.send_within(None, bytes, address.addresses()?)
    }

    /// As [`send_to`](Self::send_to), with the search for the addresses of a name, until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `send_to`; the context has ended: then nothing was sent.
    ///
    /// ```
    /// use threadle::{context::Context, net::UdpSocket};
    /// threadle::run(|| {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     let address = socket.local_addr().unwrap();
    ///     assert_eq!(socket.send_to_with(&Context::background(), b"x", address).unwrap(), 1);
    /// });
    /// ```
    #[track_caller]
    pub fn send_to_with<A: ToSocketAddrs>(&self, context: &Context, bytes: &[u8], address: A) -> io::Result<usize> {
        let watch = Watch::new(context)?;
        self.send_within(Some(&watch), bytes, lookup::within(address.host()?, None, Some(&watch))?)
    }

    #[track_caller]
    fn send_within(&self, watch: Option<&Watch<'_>>, bytes: &[u8], addresses: Vec<SocketAddr>) -> io::Result<usize> {
        let address = *addresses.first().ok_or_else(no_address)?;
        self.handle.send_to(watch, bytes, &address.into(), |error| Attempt::from(Err(error)))
    }

    /// For a future: receives one datagram if there is one, and says from whom. As to the waker, see
    /// [`TcpStream::poll_read`](super::TcpStream::poll_read).
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    ///
    /// ```
    /// use std::task::{Context, Waker};
    /// threadle::run(|| {
    ///     let mut socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(socket.poll_recv_from(&mut Context::from_waker(Waker::noop()), &mut [0]).is_pending());
    /// });
    /// ```
    pub fn poll_recv_from(
        &mut self,
        context: &mut task::Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        Poll::Ready(from(ready!(self.handle.poll_receive_from(context, buffer))?))
    }

    /// For a future: sends one datagram if there is room.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    ///
    /// ```
    /// use std::task::{Context, Waker};
    /// threadle::run(|| {
    ///     let mut socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     let address = socket.local_addr().unwrap();
    ///     assert!(socket.poll_send_to(&mut Context::from_waker(Waker::noop()), b"x", address).is_ready());
    /// });
    /// ```
    pub fn poll_send_to(
        &mut self,
        context: &mut task::Context<'_>,
        bytes: &[u8],
        address: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.handle.poll_send_to(context, bytes, &address.into())
    }
}

fn from((length, sender): (usize, SockAddr)) -> io::Result<(usize, SocketAddr)> {
    Ok((length, internet(sender)?))
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.describe("UdpSocket", f, |address| address.as_socket())
    }
}
