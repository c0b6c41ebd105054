//! How to listen.

use std::io;

use socket2::{Domain, Protocol, Type};

use super::listener::TcpListener;
use crate::net::address::{ToSocketAddrs, each_address};

/// The longest queue of connections nobody accepted yet; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: u32 = u16::MAX as u32;

/// How to listen, where [`TcpListener::bind`] is not enough.
///
/// ```
/// use threadle::net::ListenOptions;
/// threadle::run(|| {
///     // Two listeners, among which the kernel distributes what comes.
///     let options = ListenOptions::new().reuse_port(true);
///     let first = options.bind("127.0.0.1:0").unwrap();
///     let second = options.bind(first.local_addr().unwrap()).unwrap();
///     assert_eq!(first.local_addr().unwrap(), second.local_addr().unwrap());
/// });
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until something is bound with them"]
pub struct ListenOptions {
    reuse_address: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
    backlog: u32,
}

impl ListenOptions {
    /// Those of [`TcpListener::bind`].
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::ListenOptions::new().bind("127.0.0.1:0").is_ok()));
    /// ```
    pub fn new() -> ListenOptions {
        ListenOptions { reuse_address: true, reuse_port: false, only_v6: None, backlog: BACKLOG }
    }

    /// Whether the address may be bound while connections of an earlier listener linger (`SO_REUSEADDR`). At first: yes.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::ListenOptions::new().reuse_address(false).bind("127.0.0.1:0").is_ok()));
    /// ```
    pub fn reuse_address(mut self, reuse: bool) -> ListenOptions {
        self.reuse_address = reuse;
        self
    }

    /// Whether others of the same user may listen there too (`SO_REUSEPORT`, also of them): the kernel then gives each connection to one of the
    /// queues by a hash of its addresses. For several processes; inside one, goroutines on one listener are shared out better. At first: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let alone = threadle::net::ListenOptions::new().bind("127.0.0.1:0").unwrap();
    ///     let second = threadle::net::ListenOptions::new().reuse_port(true).bind(alone.local_addr().unwrap());
    ///     assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    /// });
    /// ```
    pub fn reuse_port(mut self, reuse: bool) -> ListenOptions {
        self.reuse_port = reuse;
        self
    }

    /// Whether an IPv6 address leaves IPv4 to others (`IPV6_V6ONLY`). At first: as the system is set.
    ///
    /// ```
    /// threadle::run(|| {
    ///     // A machine without IPv6 has nothing to bind.
    ///     if let Ok(listener) = threadle::net::ListenOptions::new().only_v6(true).bind("[::1]:0") {
    ///         assert!(listener.local_addr().unwrap().is_ipv6());
    ///     }
    /// });
    /// ```
    pub fn only_v6(mut self, only: bool) -> ListenOptions {
        self.only_v6 = Some(only);
        self
    }

    /// How many connections may wait to be accepted; the kernel cuts it to `net.core.somaxconn`. At first: 65 535.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::net::ListenOptions::new().backlog(16).bind("127.0.0.1:0").is_ok()));
    /// ```
    pub fn backlog(mut self, connections: u32) -> ListenOptions {
        self.backlog = connections;
        self
    }

    /// Listens on the first of the addresses that can be bound. Port 0 takes a free port.
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
    ///     let listener = threadle::net::ListenOptions::new().bind(("127.0.0.1", 0)).unwrap();
    ///     assert_ne!(listener.local_addr().unwrap().port(), 0);
    /// });
    /// ```
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(&self, address: A) -> io::Result<TcpListener> {
        let file = each_address(address, |address| {
            let kind = Type::STREAM.nonblocking().cloexec();
            let file = socket2::Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
            if self.reuse_address {
                file.set_reuse_address(true)?;
            }
            if self.reuse_port {
                file.set_reuse_port(true)?;
            }
            if let Some(only) = self.only_v6.filter(|_| address.is_ipv6()) {
                file.set_only_v6(only)?;
            }
            file.bind(&address.into())?;
            file.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
            Ok(file)
        })?;
        TcpListener::registered(file)
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions::new()
    }
}
