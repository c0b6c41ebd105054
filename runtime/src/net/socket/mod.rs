//! What TCP, UDP and Unix sockets share: everything but addresses and options.
//!
//! ```text
//! TcpStream   UnixStream   UdpSocket   UnixDatagram   TcpListener   UnixListener     names, addresses, options
//!      \___________\____________|____________/_____________/____________/
//!                            Handle                 a counted handle, with a task's place in each direction's queue
//!                            Socket                 the registered descriptor, its limits, the loop of a call (`crate::polled`)
//!                            calls                  the system calls
//! ```
//!
//! The public methods that all of them, or all streams, have, are written once, in `methods/`.

mod accept;
mod calls;
mod handle;
mod methods;
mod splice;

use std::io;
use std::net::Shutdown;

use crate::polled::Polled;

pub(super) use accept::Shortage;
pub(super) use calls::Take;
pub(super) use handle::{Handle, Short};
pub(super) use methods::{contexts, datagrams, deadlines, handles, listens, streams, tasks};

pub(super) type Socket = Polled<socket2::Socket>;

impl Socket {
    /// Ends the socket for all handles: waiting calls end with an error, the peer sees the end.
    fn shut(&self) -> io::Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        self.close();
        match self.file().shutdown(Shutdown::Both) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        }
    }

    /// The socket itself, in blocking mode and no longer registered.
    fn into_blocking(self) -> io::Result<socket2::Socket> {
        let file = self.into_file();
        file.set_nonblocking(false)?;
        Ok(file)
    }
}
