//! The accepting side.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, SockAddr, Type};

use super::{SocketAddr, UnixStream, address};
use crate::context::{Context, Watch};
use crate::net::socket::{Handle, Short, Shortage, handles, listens};

/// As std's.
const BACKLOG: i32 = 4096;

/// A Unix socket that accepts connections. Clones are handles to the same socket. Its file stays when it ends, as std's does.
///
/// ```
/// use std::io::{Read, Write};
/// use threadle::net::unix::{UnixListener, UnixStream};
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-listener-{}", std::process::id()));
///     let listener = UnixListener::bind(&path).unwrap();
///     let server = threadle::go(move || listener.accept().unwrap().0.write_all(b"bye").unwrap());
///     let mut text = String::new();
///     UnixStream::connect(&path).unwrap().read_to_string(&mut text).unwrap();
///     assert_eq!(text, "bye");
///     server.join().unwrap();
///     std::fs::remove_file(path).unwrap();
/// });
/// ```
#[derive(Clone)]
pub struct UnixListener {
    handle: Handle,
    shortage: Arc<Shortage>,
}

/// Code for the examples.
macro_rules! with_listener {
    ($methods:ident($($first:ident),*) $(, $last:literal)*) => {
        $methods!(
            $($first,)*
            "# use std::os::linux::net::SocketAddrExt;\n\
             # use threadle::net::unix::{SocketAddr, UnixListener};\n\
             # fn listener() -> UnixListener {\n\
             #     let name = format!(\"threadle-doc-{}-{:?}\", std::process::id(), std::time::Instant::now());\n\
             #     UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap()\n\
             # }"
            $(, $last)*
        );
    };
}

with_listener!(handles(UnixListener), "listener()");
with_listener!(listens(UnixListener, UnixStream, Incoming));

impl UnixListener {
    /// Listens at a path, where a file is made.
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
    ///     let error = threadle::net::unix::UnixListener::bind("/there is no/such folder").unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// });
    /// ```
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        Self::bound(&address::of_path(path)?)
    }

    /// Listens at an address, which may be one without a file.
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
    /// use threadle::net::unix::{SocketAddr, UnixListener};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-bind_addr-{}", std::process::id());
    ///     let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    ///     assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
    /// });
    /// ```
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        Self::bound(&address::of_std(address)?)
    }

    #[track_caller]
    fn bound(address: &SockAddr) -> io::Result<UnixListener> {
        let file = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
        file.bind(address)?;
        file.listen(BACKLOG)?;
        Self::registered(file)
    }

    #[track_caller]
    fn registered(file: socket2::Socket) -> io::Result<UnixListener> {
        Ok(UnixListener { handle: Handle::new(file, Short::IsSilent)?, shortage: Arc::default() })
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
    /// use std::os::{linux::net::SocketAddrExt, unix::net};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-from_std-{}", std::process::id());
    ///     let listener = net::UnixListener::bind_addr(&net::SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    ///     let listener = threadle::net::unix::UnixListener::from_std(listener).unwrap();
    ///     assert!(listener.into_std().is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        Self::registered(listener.into())
    }

    /// The socket as one of std, blocking again.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// `ResourceBusy` if there are clones of this handle.
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixListener};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-into_std-{}", std::process::id());
    ///     let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    ///     assert!(listener.into_std().is_ok());
    /// });
    /// ```
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixListener> {
        Ok(std::os::fd::OwnedFd::from(self.handle.into_blocking()?).into())
    }

    /// Waits for a connection, as [`TcpListener::accept`](crate::net::TcpListener::accept) does. The new stream belongs to the runtime of the caller.
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
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixListener, UnixStream};
    /// threadle::run(|| {
    ///     let address = format!("threadle-doc-accept-{}", std::process::id());
    ///     let address = SocketAddr::from_abstract_name(address).unwrap();
    ///     let listener = UnixListener::bind_addr(&address).unwrap();
    ///     let _client = UnixStream::connect_addr(&address).unwrap();
    ///     let (_server, peer) = listener.accept().unwrap();
    ///     assert!(peer.is_unnamed());
    /// });
    /// ```
    #[track_caller]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.accept_within(None)
    }

    /// As [`accept`](Self::accept), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `accept`; the context has ended: then no connection was taken.
    ///
    /// # Panics
    /// As `accept`.
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::{io::ErrorKind, time::Duration};
    /// use threadle::{context::Context, net::unix::{SocketAddr, UnixListener}};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-accept_with-{}", std::process::id());
    ///     let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     assert_eq!(listener.accept_with(&context).unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    #[track_caller]
    pub fn accept_with(&self, context: &Context) -> io::Result<(UnixStream, SocketAddr)> {
        self.accept_within(Some(&Watch::new(context)?))
    }

    #[track_caller]
    fn accept_within(&self, watch: Option<&Watch<'_>>) -> io::Result<(UnixStream, SocketAddr)> {
        let (file, peer) = self.handle.accept(&self.shortage, watch)?;
        Ok((UnixStream::accepted(file)?, address::to_std(&peer)?))
    }

    /// The address it listens at.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use threadle::net::unix::{SocketAddr, UnixListener};
    /// threadle::run(|| {
    ///     let name = format!("threadle-doc-local_addr-{}", std::process::id());
    ///     let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    ///     assert!(!listener.local_addr().unwrap().is_unnamed());
    /// });
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address::to_std(&self.handle.file().local_addr()?)
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.describe("UnixListener", f, |address| address::to_std(&address).ok())
    }
}
