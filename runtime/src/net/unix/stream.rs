//! A connection.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Instant;

use socket2::{Domain, SockAddr, Type};

use super::{Pauses, SocketAddr, address};
use crate::context::{Context, Watch};
use crate::net::socket::{Handle, Short, Socket, contexts, deadlines, handles, streams, tasks};
use crate::polled::{earlier, timed_out};

/// A Unix connection. Clones are handles to the same connection, which is closed with the last of them.
///
/// Reads and writes go through `&UnixStream` too, so that one goroutine can read while another writes.
///
/// ```
/// use std::io::{Read, Write};
/// use threadle::net::unix::UnixStream;
/// threadle::run(|| {
///     let (mut ours, mut theirs) = UnixStream::pair().unwrap();
///     threadle::go(move || theirs.write_all(b"bye").unwrap());
///     let mut text = String::new();
///     ours.read_to_string(&mut text).unwrap();
///     assert_eq!(text, "bye");
/// });
/// ```
#[derive(Clone)]
pub struct UnixStream {
    pub(in crate::net) handle: Handle,
}

/// Code for the examples.
macro_rules! with_pair {
    ($($methods:ident $(, $last:literal)*);*) => {$(
        $methods!(
            UnixStream,
            "# use threadle::net::unix::UnixStream;\n\
             # fn pair() -> (UnixStream, UnixStream) { UnixStream::pair().unwrap() }"
            $(, $last)*
        );
    )*};
}

with_pair!(handles, "pair().0"; deadlines, "read"; streams; contexts; tasks);

impl UnixStream {
    /// Connects to who listens at a path. While the listener's queue is full it is tried again and again (see the [module](super)).
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`; `InvalidInput` if the path is too long; what the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let error = threadle::net::unix::UnixStream::connect("/there is no such file").unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// });
    /// ```
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        connect(&address::of_path(path)?, None, None)
    }

    /// As [`connect`](Self::connect), to an address, which may be one without a file.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `connect`.
    ///
    /// # Panics
    /// As `connect`.
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixStream};
    /// threadle::run(|| {
    ///     let nobody = SocketAddr::from_abstract_name("threadle-doc-nobody-listens-here").unwrap();
    ///     assert_eq!(UnixStream::connect_addr(&nobody).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    /// });
    /// ```
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        connect(&address::of_std(address)?, None, None)
    }

    /// As [`connect_addr`](Self::connect_addr), until the deadline at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `connect`; `TimedOut`.
    ///
    /// # Panics
    /// As `connect`.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use threadle::net::unix::{SocketAddr, UnixStream};
    /// threadle::run(|| {
    ///     let nobody = SocketAddr::from_pathname("/there is no such file").unwrap();
    ///     assert!(UnixStream::connect_deadline(&nobody, Instant::now() + Duration::from_secs(1)).is_err());
    /// });
    /// ```
    #[track_caller]
    pub fn connect_deadline(address: &SocketAddr, deadline: Instant) -> io::Result<UnixStream> {
        connect(&address::of_std(address)?, Some(deadline), None)
    }

    /// As [`connect_addr`](Self::connect_addr), until the context ends at most.
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
    /// use threadle::{context::{Context, ContextError}, net::unix::{SocketAddr, UnixStream}};
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     cancel.cancel();
    ///     let nobody = SocketAddr::from_pathname("/there is no such file").unwrap();
    ///     let error = UnixStream::connect_with(&context, &nobody).unwrap_err();
    ///     assert!(ContextError::of(&error).unwrap().is_cancelled());
    /// });
    /// ```
    #[track_caller]
    pub fn connect_with(context: &Context, address: &SocketAddr) -> io::Result<UnixStream> {
        connect(&address::of_std(address)?, None, Some(&Watch::new(context)?))
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
    /// threadle::run(|| assert!(threadle::net::unix::UnixStream::pair().is_ok()));
    /// ```
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let (one, other) = socket2::Socket::pair(Domain::UNIX, kind, None)?;
        Ok((Self::registered(one)?, Self::registered(other)?))
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
    ///     let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ///     assert!(threadle::net::unix::UnixStream::from_std(ours).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        stream.set_nonblocking(true)?;
        Self::registered(stream.into())
    }

    #[track_caller]
    fn registered(file: socket2::Socket) -> io::Result<UnixStream> {
        Ok(UnixStream { handle: Handle::new(file, Short::IsSilent)? })
    }

    /// One that a listener took from its queue.
    #[track_caller]
    pub(super) fn accepted(file: socket2::Socket) -> io::Result<UnixStream> {
        Ok(UnixStream { handle: Handle::of(Socket::new_lazily(file)?, Short::IsSilent) })
    }

    /// The connection as one of std, blocking again.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::unix::UnixStream::pair().unwrap().0.into_std().is_ok()));
    /// ```
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixStream> {
        Ok(std::os::fd::OwnedFd::from(self.handle.into_blocking()?).into())
    }

    /// The address of the other end; that of a client usually has no name.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (ours, _theirs) = threadle::net::unix::UnixStream::pair().unwrap();
    ///     assert!(ours.peer_addr().unwrap().is_unnamed());
    /// });
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        address::to_std(&self.handle.file().peer_addr()?)
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
    ///     let (ours, _theirs) = threadle::net::unix::UnixStream::pair().unwrap();
    ///     assert!(ours.local_addr().unwrap().is_unnamed());
    /// });
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address::to_std(&self.handle.file().local_addr()?)
    }
}

#[track_caller]
fn connect(address: &SockAddr, deadline: Option<Instant>, watch: Option<&Watch<'_>>) -> io::Result<UnixStream> {
    threadle_scheduler::io::expect_runtime();
    let mut pauses = Pauses::new();
    loop {
        // Anew each time, and not yet registered: the poller would report a socket without a peer as hung up.
        let file = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
        match file.connect(address) {
            Ok(()) => {
                threadle_scheduler::checkpoint();
                return UnixStream::registered(file);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if deadline.is_some_and(|deadline| deadline <= crate::base::now()) {
            return Err(timed_out());
        }
        let parking = threadle_scheduler::Parking::open(threadle_scheduler::Reason::IoWait);
        let end = earlier(deadline, crate::base::now().checked_add(pauses.next()));
        match watch {
            None => {
                parking.wait_until(end);
            }
            Some(watch) => watch.park(parking, end),
        }
        if let Some(Err(error)) = watch.map(Watch::check) {
            return Err(error.into());
        }
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.describe("UnixStream", f, |address| address::to_std(&address).ok())
    }
}
