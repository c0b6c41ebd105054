//! What all kinds of sockets share: the registered descriptor, the limits, and the loop of a call.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::Instant;

use threadle_scheduler::io::{
    Descriptor, Direction, Operation, TaskWaiter, Wait, closed_error, register, stopped_error, wake_all,
};
use threadle_scheduler::{Parking, Reason, Ticket, checkpoint};

use super::limit::{Limit, timed_out};

#[derive(Debug)]
pub(super) struct Socket {
    /// Before the file: it must be gone from the poller when the number is given back.
    descriptor: Descriptor<Ticket>,
    file: socket2::Socket,
    read: Limit,
    write: Limit,
}

impl Socket {
    /// Registers a non-blocking socket, bound or connecting already, with the runtime of the caller, and panics outside one.
    #[track_caller]
    pub(super) fn new(file: socket2::Socket) -> io::Result<Self> {
        let descriptor = register(file.as_fd())?;
        Ok(Socket { descriptor, file, read: Limit::default(), write: Limit::default() })
    }

    pub(super) fn file(&self) -> &socket2::Socket {
        &self.file
    }

    pub(super) fn limit(&self, direction: Direction) -> &Limit {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    pub(super) fn set_deadline(&self, direction: Direction, deadline: Option<Instant>) {
        self.limit(direction).set_deadline(deadline);
        // The store above, then this: see "How a call waits" in the module.
        wake_all(self.descriptor.recheck(direction));
    }

    pub(super) fn task(&self, direction: Direction) -> TaskWaiter<Ticket> {
        self.descriptor.task(direction)
    }

    /// One blocking call: tries, and waits for as long as that would block. Switches.
    pub(super) fn call<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(&socket2::Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        self.check(direction)?;
        let mut operation = self.descriptor.operation(direction);
        let mut waiting = Waiting { began: None, parked: false };
        let result = loop {
            operation.begin();
            match attempt(&self.file) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.wait(&mut operation, direction, &mut waiting) {
                        break Err(error);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The shutdown in `close` makes a read say "end" and an accept "invalid": that is not the peer's doing.
                _ if self.descriptor.is_closed() => break Err(closed_error()),
                result => break result,
            }
        };
        wake_all(operation.finish());
        if !waiting.parked {
            checkpoint();
        }
        result
    }

    /// Waits for the next event of `direction`, or until something has changed: in any case, try again.
    #[cold]
    fn wait(
        &self,
        operation: &mut Operation<'_, Ticket>,
        direction: Direction,
        waiting: &mut Waiting,
    ) -> io::Result<()> {
        let parking = Parking::open(Reason::IoWait);
        match operation.wait(parking.ticket())? {
            Wait::Retry => {}
            Wait::Park => {
                // Read only now, with the waiter queued: whoever changes it from here on wakes us.
                let end = self.limit(direction).end(&mut waiting.began);
                if end.is_some_and(|end| end <= Instant::now()) {
                    return Err(timed_out());
                }
                waiting.parked = true;
                parking.wait_until(end);
            }
            Wait::Closed => return Err(closed_error()),
            Wait::Stopped => return Err(stopped_error()),
        }
        Ok(())
    }

    /// One call of a task; never blocks.
    pub(super) fn poll<T>(
        &self,
        direction: Direction,
        waiter: &mut TaskWaiter<Ticket>,
        context: &mut Context<'_>,
        mut attempt: impl FnMut(&socket2::Socket) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        if let Err(error) = self.check(direction) {
            return Poll::Ready(Err(error));
        }
        waiter.poll_io(context, || {
            loop {
                match attempt(&self.file) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                    _ if self.descriptor.is_closed() => return Err(closed_error()),
                    result => return result,
                }
            }
        })
    }

    /// What ends a call before it is made, also one that would not have to wait.
    fn check(&self, direction: Direction) -> io::Result<()> {
        if self.descriptor.is_closed() {
            return Err(closed_error());
        }
        if self.limit(direction).has_passed() { Err(timed_out()) } else { Ok(()) }
    }

    /// Ends the socket for all handles: waiting calls end with an error, the peer sees the end. The number is given back with the
    /// last handle.
    pub(super) fn close(&self) -> io::Result<()> {
        if self.descriptor.is_closed() {
            return Ok(());
        }
        wake_all(self.descriptor.close());
        match self.file.shutdown(Shutdown::Both) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        }
    }

    /// The socket itself, in blocking mode and no longer registered.
    pub(super) fn into_file(self) -> io::Result<socket2::Socket> {
        let Socket { descriptor, file, .. } = self;
        wake_all(descriptor.close());
        file.set_nonblocking(false)?;
        Ok(file)
    }
}

struct Waiting {
    /// When the call first had to wait, if a time-out needs to know.
    began: Option<Instant>,
    parked: bool,
}
