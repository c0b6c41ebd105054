//! Connections and the accepting of them.

mod connect;
mod keep_alive;
mod listener;
mod options;
mod stream;

pub use keep_alive::KeepAlive;
pub use listener::{Incoming, TcpListener};
pub use options::ListenOptions;
pub use stream::TcpStream;

use std::io;
use std::net::SocketAddr;

use socket2::SockAddr;

pub(super) fn internet(address: SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::Error::other("not an internet address"))
}
