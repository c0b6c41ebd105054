//! What is of sockets alone in their ends.

use std::io;
use std::net::Shutdown;

use crate::polled::Polled;

pub(super) type Socket = Polled<socket2::Socket>;

impl Socket {
    /// Ends the socket for all handles: waiting calls end with an error, the peer sees the end.
    pub(super) fn shut(&self) -> io::Result<()> {
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
    pub(super) fn into_blocking(self) -> io::Result<socket2::Socket> {
        let file = self.into_file();
        file.set_nonblocking(false)?;
        Ok(file)
    }
}
