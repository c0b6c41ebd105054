//! Idle connections, by origin.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;

use super::connection::Connection;

/// Servers close idle connections after 20 s (S3) or more; one that has been
/// idle for longer than this is not worth a try.
const IDLE_FOR: Duration = Duration::from_secs(15);

/// Whom a connection reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) tls: bool,
    /// An IPv6 address has no brackets here.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    pub(super) fn of(uri: &Uri) -> io::Result<Self> {
        let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, format!("{what}: {uri}"));
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("neither http nor https")),
        };
        let host = uri.host().ok_or_else(|| wrong("no host"))?;
        Ok(Self {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        })
    }
}

/// Connections that are connected and unused.
///
/// Not limited in number: there are never more than requests under way at once,
/// and those are as many as workers.
pub(super) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<(Connection, Instant)>>>,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { idle: Mutex::new(HashMap::new()) }
    }

    /// The connection used last, which is the least likely to be closed.
    pub(super) fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_origin = idle.get_mut(origin)?;
        match of_origin.pop() {
            Some((connection, since)) if since.elapsed() < IDLE_FOR => Some(connection),
            _ => {
                // Those below are older still. Closing sockets does not wait.
                of_origin.clear();
                None
            }
        }
    }

    pub(super) fn give_back(&self, origin: Origin, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(origin).or_default().push((connection, Instant::now()));
    }
}
