//! When a silent connection is asked whether its peer is still there.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

/// When a silent connection is asked whether its peer is still there (`SO_KEEPALIVE`). What is not said is as the system is set.
///
/// ```
/// use std::time::Duration;
/// use threadle::net::{KeepAlive, TcpListener, TcpStream};
/// threadle::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
///     let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
///     let often = KeepAlive::new().idle(Duration::from_secs(30)).interval(Duration::from_secs(5)).retries(3);
///     stream.set_keepalive(Some(&often)).unwrap();
///     assert_eq!(stream.keepalive().unwrap(), Some(often));
/// });
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[must_use = "it has no effect until it is set"]
pub struct KeepAlive {
    idle: Option<Duration>,
    interval: Option<Duration>,
    retries: Option<u32>,
}

impl KeepAlive {
    /// As the system is set.
    ///
    /// ```
    /// assert_eq!(threadle::net::KeepAlive::new(), threadle::net::KeepAlive::default());
    /// ```
    pub fn new() -> KeepAlive {
        KeepAlive::default()
    }

    /// How long a connection must have been silent before the first question; in whole seconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// assert_ne!(threadle::net::KeepAlive::new().idle(Duration::from_secs(9)), Default::default());
    /// ```
    pub fn idle(mut self, idle: Duration) -> KeepAlive {
        self.idle = Some(idle);
        self
    }

    /// How long to wait for an answer before the next question; in whole seconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// assert_ne!(threadle::net::KeepAlive::new().interval(Duration::from_secs(9)), Default::default());
    /// ```
    pub fn interval(mut self, interval: Duration) -> KeepAlive {
        self.interval = Some(interval);
        self
    }

    /// How many questions in a row may go unanswered; then calls end with `TimedOut`.
    ///
    /// ```
    /// assert_ne!(threadle::net::KeepAlive::new().retries(9), Default::default());
    /// ```
    pub fn retries(mut self, retries: u32) -> KeepAlive {
        self.retries = Some(retries);
        self
    }

    pub(super) fn set(&self, file: &Socket) -> io::Result<()> {
        file.set_keepalive(true)?;
        let mut wanted = TcpKeepalive::new();
        if let Some(idle) = self.idle {
            wanted = wanted.with_time(idle);
        }
        if let Some(interval) = self.interval {
            wanted = wanted.with_interval(interval);
        }
        if let Some(retries) = self.retries {
            wanted = wanted.with_retries(retries);
        }
        file.set_tcp_keepalive(&wanted)
    }

    pub(super) fn of(file: &Socket) -> io::Result<Option<KeepAlive>> {
        if !file.keepalive()? {
            return Ok(None);
        }
        Ok(Some(KeepAlive {
            idle: Some(file.tcp_keepalive_time()?),
            interval: Some(file.tcp_keepalive_interval()?),
            retries: Some(file.tcp_keepalive_retries()?),
        }))
    }
}
