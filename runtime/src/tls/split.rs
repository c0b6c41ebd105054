//! A TLS connection that one goroutine reads and another writes. The module's page has the protocol.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use super::line::settle;
use super::session::{Session, State};
use crate::sync::{Mutex, MutexGuard};

/// The reading end of a split [`TlsStream`](super::TlsStream).
pub struct ReadHalf<S> {
    both: Arc<Both<S>>,
    unread: Unread,
}

/// Ciphertext that was read and not looked at yet.
struct Unread {
    bytes: Box<[u8]>,
    from: usize,
    to: usize,
}

/// The writing end of a split [`TlsStream`](super::TlsStream). Dropping it tells the peer nothing; [`close`](Self::close) does.
pub struct WriteHalf<S> {
    both: Arc<Both<S>>,
}

struct Both<S> {
    io: S,
    /// Locked to compute, never over input or output.
    state: Mutex<State>,
    line: Mutex<Line>,
}

/// The right to write to the socket, and what has been taken out of the state and is not written yet.
#[derive(Default)]
struct Line {
    taken: Vec<u8>,
    written: usize,
}

/// A record with its header, at most.
const RECORD: usize = 5 + 16384 + 256;

pub(super) fn halves<S>(session: Session, io: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let both = Arc::new(Both { io, state: Mutex::new(session.0), line: Mutex::default() });
    let unread = Unread { bytes: vec![0; RECORD].into_boxed_slice(), from: 0, to: 0 };
    (ReadHalf { both: Arc::clone(&both), unread }, WriteHalf { both })
}

impl Line {
    /// Takes all ciphertext out of the state, behind what is left.
    fn take(&mut self, state: &mut State) -> io::Result<()> {
        while state.connection.wants_write() {
            state.connection.write_tls(&mut self.taken)?;
        }
        Ok(())
    }

    fn write(&mut self, mut io: impl Write) -> io::Result<()> {
        while self.written < self.taken.len() {
            match io.write(&self.taken[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.taken.clear();
        self.written = 0;
        io.flush()
    }
}

impl<S> Both<S>
where
    for<'a> &'a S: Read + Write,
{
    /// What the reader found due, an alert for one, if no writer is there to send it.
    fn settle(&self) -> io::Result<()> {
        settle(
            || self.state.lock().connection.wants_write(),
            || self.line.try_lock(),
            |line| {
                line.take(&mut self.state.lock())?;
                line.write(&self.io)
            },
        )
    }

    /// With the line: sends what was left, hands the state to `compute`, sends what came of it. An error of the second sending is the next call's.
    fn send<T>(&self, compute: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut line: MutexGuard<'_, Line> = self.line.lock();
        line.take(&mut self.state.lock())?;
        line.write(&self.io)?;
        let computed = {
            let mut state = self.state.lock();
            let computed = compute(&mut state)?;
            line.take(&mut state)?;
            computed
        };
        let _told_by_the_next = line.write(&self.io);
        drop(line);
        let _told_by_the_next = self.settle();
        Ok(computed)
    }
}

impl<S> Read for ReadHalf<S>
where
    for<'a> &'a S: Read + Write,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let unread = &mut self.unread;
        loop {
            let mut state = self.both.state.lock();
            loop {
                match state.deciphered(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result,
                }
                if unread.from == unread.to {
                    break;
                }
                match state.receive(&unread.bytes[unread.from..unread.to]) {
                    Ok(count) => unread.from += count,
                    Err(error) => {
                        drop(state);
                        // The alert that says why. A peer that does not take it has lost its chance.
                        let _unheard = self.both.settle();
                        return Err(error);
                    }
                }
            }
            let due = state.connection.wants_write();
            drop(state);
            if due {
                let _told_by_the_next_write = self.both.settle();
            }
            let count = (&self.both.io).read(&mut unread.bytes)?;
            if count == 0 {
                // rustls learns of the end, and tells an orderly one from a cut.
                self.both.state.lock().receive(io::empty())?;
            }
            (unread.from, unread.to) = (0, count);
        }
    }
}

impl<S> Write for WriteHalf<S>
where
    for<'a> &'a S: Read + Write,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.both.send(|state| state.encipher(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut line = self.both.line.lock();
        line.take(&mut self.both.state.lock())?;
        line.write(&self.both.io)?;
        drop(line);
        self.both.settle()
    }
}

impl<S> WriteHalf<S>
where
    for<'a> &'a S: Read + Write,
{
    /// Tells the peer that nothing follows, as [`TlsStream::close`](super::TlsStream::close) does. The other half reads on.
    ///
    /// Switches: yes, as `S` does.
    ///
    /// # Errors
    /// Those of a write of `S`.
    #[track_caller]
    pub fn close(&mut self) -> io::Result<()> {
        self.both.send(State::end)?;
        self.flush()
    }
}

impl<S> ReadHalf<S> {
    /// The stream below, for its deadlines. Switches: no.
    pub fn get_ref(&self) -> &S {
        &self.both.io
    }
}

impl<S> WriteHalf<S> {
    /// The stream below, for its deadlines. Switches: no.
    pub fn get_ref(&self) -> &S {
        &self.both.io
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").field("io", &self.both.io).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").field("io", &self.both.io).finish_non_exhaustive()
    }
}
