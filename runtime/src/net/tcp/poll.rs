//! The connection as seen by a task: calls that never block and leave a waker behind.

use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::task::{Context, Poll};

use threadle_scheduler::io::Direction;

use super::stream::{TcpStream, send, send_vectored};

/// For futures. Each handle remembers one waker a direction, that of its last pending call; tasks that read at the same time need a clone each.
/// A deadline is looked at when a call is made, and a call that is pending is woken when the deadline is *set*, not when it passes: a task
/// waits beside its own timer. Time-outs do not count.
impl TcpStream {
    /// Reads what there is. Switches: no.
    ///
    /// # Errors
    /// Those of a read.
    pub fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let waiter = self.reading.get_or_insert_with(|| self.socket.task(Direction::Read));
        self.socket.poll(Direction::Read, waiter, context, |mut file| file.read(buffer))
    }

    /// [`poll_read`](Self::poll_read) into memory that need not be initialised; so many of its first bytes are afterwards. Switches: no.
    ///
    /// # Errors
    /// Those of a read.
    pub fn poll_read_uninit(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let waiter = self.reading.get_or_insert_with(|| self.socket.task(Direction::Read));
        self.socket.poll(Direction::Read, waiter, context, |file| file.recv(buffer))
    }

    /// Writes what there is room for. Switches: no.
    ///
    /// # Errors
    /// Those of a write.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let waiter = self.writing.get_or_insert_with(|| self.socket.task(Direction::Write));
        self.socket.poll(Direction::Write, waiter, context, |file| send(file, bytes))
    }

    /// Writes what there is room for, from several slices. Switches: no.
    ///
    /// # Errors
    /// Those of a write.
    pub fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let waiter = self.writing.get_or_insert_with(|| self.socket.task(Direction::Write));
        self.socket.poll(Direction::Write, waiter, context, |file| send_vectored(file, slices))
    }

    /// Ends the direction of writes; a connection that the peer has ended already counts as ended. Always ready. Switches: no.
    ///
    /// # Errors
    /// What the system says.
    pub fn poll_shutdown(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        })
    }
}
