//! One handle of a socket, and the calls of all kinds of them, with and without a context, and of tasks.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use socket2::SockAddr;
use threadle_scheduler::Ticket;
use threadle_scheduler::io::{Direction, TaskWaiter};

use super::Socket;
use super::calls::{self, Take};
use crate::context::Watch;
use crate::polled::Attempt;

/// What a short transfer says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Short {
    /// There is no more for now: TCP, see "Short transfers" in netpoll's README.
    IsLast,
    /// Nothing. A datagram may be shorter than its buffer; and a read of a Unix stream ends where descriptors were passed along, whatever is
    /// behind them.
    IsSilent,
}

/// A handle of a socket. Clones share the socket, which is closed with the last of them.
pub(in crate::net) struct Handle {
    /// The places of this handle's tasks in the descriptor's queues; before the socket, which they refer to.
    reading: Option<TaskWaiter<Ticket>>,
    writing: Option<TaskWaiter<Ticket>>,
    short: Short,
    socket: Arc<Socket>,
}

impl Handle {
    /// Registers a non-blocking socket with the runtime of the caller, and panics outside one.
    #[track_caller]
    pub(in crate::net) fn new(file: socket2::Socket, short: Short) -> io::Result<Handle> {
        Ok(Self::of(Socket::new(file)?, short))
    }

    pub(in crate::net) fn of(socket: Socket, short: Short) -> Handle {
        Handle { reading: None, writing: None, short, socket: Arc::new(socket) }
    }

    pub(in crate::net) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(in crate::net) fn file(&self) -> &socket2::Socket {
        self.socket.file()
    }

    /// Whether both are handles of one socket.
    pub(in crate::net) fn is_of(&self, other: &Handle) -> bool {
        Arc::ptr_eq(&self.socket, &other.socket)
    }

    pub(in crate::net) fn close(&self) -> io::Result<()> {
        self.socket.shut()
    }

    /// The socket, blocking again and no longer registered, if this is its only handle.
    pub(in crate::net) fn into_blocking(self) -> io::Result<socket2::Socket> {
        let Handle { reading, writing, socket, .. } = self;
        drop((reading, writing));
        let has_clones = || io::Error::new(io::ErrorKind::ResourceBusy, "other handles of this socket are in use");
        Arc::into_inner(socket).ok_or_else(has_clones)?.into_blocking()
    }

    #[track_caller]
    fn transfer(
        &self,
        direction: Direction,
        watch: Option<&Watch<'_>>,
        most: usize,
        mut call: impl FnMut(&socket2::Socket) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let short = self.short;
        self.socket.attempts(direction, watch, |file| attempt(short, most, call(file)))
    }

    #[track_caller]
    pub(in crate::net) fn receive(&self, watch: Option<&Watch<'_>>, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len();
        self.transfer(Direction::Read, watch, most, |file| calls::receive(file, buffer, Take::Takes))
    }

    #[track_caller]
    pub(in crate::net) fn peek(&self, watch: Option<&Watch<'_>>, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.call_within(Direction::Read, watch, |file| calls::receive(file, buffer, Take::Leaves))
    }

    #[track_caller]
    pub(in crate::net) fn receive_vectored(
        &self,
        watch: Option<&Watch<'_>>,
        slices: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        let most = calls::total(slices.iter().map(|slice| slice.len()));
        self.transfer(Direction::Read, watch, most, |file| calls::receive_vectored(file, slices))
    }

    #[track_caller]
    pub(in crate::net) fn receive_from(
        &self,
        watch: Option<&Watch<'_>>,
        buffer: &mut [u8],
        take: Take,
    ) -> io::Result<(usize, SockAddr)> {
        self.socket.call_within(Direction::Read, watch, |file| calls::receive_from(file, buffer, take))
    }

    #[track_caller]
    pub(in crate::net) fn send(&self, watch: Option<&Watch<'_>>, bytes: &[u8]) -> io::Result<usize> {
        self.transfer(Direction::Write, watch, bytes.len(), |file| calls::send(file, bytes))
    }

    #[track_caller]
    pub(in crate::net) fn send_vectored(&self, watch: Option<&Watch<'_>>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let most = calls::total(slices.iter().map(|slice| slice.len()));
        self.transfer(Direction::Write, watch, most, |file| calls::send_vectored(file, slices))
    }

    /// `otherwise` says what to do when that fails.
    #[track_caller]
    pub(in crate::net) fn send_to(
        &self,
        watch: Option<&Watch<'_>>,
        bytes: &[u8],
        address: &SockAddr,
        mut otherwise: impl FnMut(io::Error) -> Attempt<usize>,
    ) -> io::Result<usize> {
        self.socket.attempts(Direction::Write, watch, |file| match calls::send_to(file, bytes, address) {
            Ok(count) => Attempt::Over(Ok(count)),
            Err(error) => otherwise(error),
        })
    }

    /// A call of a task, in its place in the queue of `direction`.
    pub(in crate::net) fn poll<T>(
        &mut self,
        direction: Direction,
        context: &mut Context<'_>,
        attempt: impl FnMut(&socket2::Socket) -> Attempt<T>,
    ) -> Poll<io::Result<T>> {
        let socket = &self.socket;
        let waiter = match direction {
            Direction::Read => &mut self.reading,
            Direction::Write => &mut self.writing,
        };
        socket.poll(direction, waiter.get_or_insert_with(|| socket.task(direction)), context, attempt)
    }

    pub(in crate::net) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        room: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let (short, most) = (self.short, room.len());
        self.poll(Direction::Read, context, |file| attempt(short, most, file.recv(room)))
    }

    pub(in crate::net) fn poll_receive_initialised(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let (short, most) = (self.short, buffer.len());
        self.poll(Direction::Read, context, |file| attempt(short, most, calls::receive(file, buffer, Take::Takes)))
    }

    pub(in crate::net) fn poll_receive_from(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SockAddr)>> {
        self.poll(Direction::Read, context, |file| calls::receive_from(file, buffer, Take::Takes).into())
    }

    pub(in crate::net) fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let short = self.short;
        self.poll(Direction::Write, context, |file| attempt(short, bytes.len(), calls::send(file, bytes)))
    }

    pub(in crate::net) fn poll_send_to(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        address: &SockAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll(Direction::Write, context, |file| calls::send_to(file, bytes, address).into())
    }

    pub(in crate::net) fn poll_send_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (short, most) = (self.short, calls::total(slices.iter().map(|slice| slice.len())));
        self.poll(Direction::Write, context, |file| attempt(short, most, calls::send_vectored(file, slices)))
    }

    /// For `Debug`: what there is to say of a socket.
    pub(in crate::net) fn describe<A: fmt::Debug>(
        &self,
        name: &'static str,
        f: &mut fmt::Formatter<'_>,
        address: impl Fn(SockAddr) -> Option<A>,
    ) -> fmt::Result {
        let mut debug = f.debug_struct(name);
        if let Some(ours) = self.file().local_addr().ok().and_then(&address) {
            debug.field("addr", &ours);
        }
        if let Some(peer) = self.file().peer_addr().ok().and_then(&address) {
            debug.field("peer", &peer);
        }
        debug.field("fd", &self.file().as_raw_fd()).finish()
    }
}

fn attempt(short: Short, most: usize, result: io::Result<usize>) -> Attempt<usize> {
    match short {
        Short::IsLast => Attempt::transfer(result, most),
        Short::IsSilent => result.into(),
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Handle { reading: None, writing: None, short: self.short, socket: Arc::clone(&self.socket) }
    }
}
