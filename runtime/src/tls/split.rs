//! A TLS connection that one goroutine reads and another writes. The module's page has the protocol.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use super::ciphertext::{Line, Unread};
use super::line::Duty;
use super::session::{Session, State};
use crate::sync::{Mutex, MutexGuard};

/// The reading end of a split [`TlsStream`](super::TlsStream).
///
/// ```
#[doc = include_str!("pair.md")]
/// threadle::run(|| {
///     let (client, mut server) = pair();
///     let (mut reader, _writer) = client.split();
///     let reading = threadle::go(move || reader.read(&mut [0; 8]));
///     server.write_all(b"x").unwrap();
///     assert_eq!(reading.join().unwrap().unwrap(), 1);
/// });
/// ```
pub struct ReadHalf<S> {
    both: Arc<Both<S>>,
    unread: Unread,
}

/// The writing end of a split [`TlsStream`](super::TlsStream). Dropping it tells the peer nothing; [`close`](Self::close) does.
///
/// ```
#[doc = include_str!("pair.md")]
/// threadle::run(|| {
///     let (client, mut server) = pair();
///     let (_reader, mut writer) = client.split();
///     writer.write_all(b"x").unwrap();
///     assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
/// });
/// ```
pub struct WriteHalf<S> {
    both: Arc<Both<S>>,
}

struct Both<S> {
    io: S,
    /// Locked to compute, never over input or output.
    state: Mutex<State>,
    line: Mutex<Line>,
}

pub(super) fn halves<S>(session: Session, io: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let Session { state, unread, line } = session;
    let both = Arc::new(Both { io, state: Mutex::new(state), line: Mutex::new(line) });
    (ReadHalf { both: Arc::clone(&both), unread }, WriteHalf { both })
}

impl<S> Duty for Both<S>
where
    for<'a> &'a S: Read + Write,
{
    type Line<'a>
        = MutexGuard<'a, Line>
    where
        S: 'a;
    type Error = io::Error;

    fn is_due(&self) -> bool {
        self.state.lock().connection.wants_write()
    }

    fn try_line(&self) -> Option<MutexGuard<'_, Line>> {
        self.line.try_lock()
    }

    #[track_caller]
    fn send_due(&self, line: &mut MutexGuard<'_, Line>) -> io::Result<()> {
        line.take(&mut self.state.lock())?;
        line.write(&self.io)
    }
}

impl<S> Both<S>
where
    for<'a> &'a S: Read + Write,
{
    /// With the line: sends what was left, hands the state to `compute`, sends what came of it. An error of the second sending is the next call's.
    #[track_caller]
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
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut state = self.both.state.lock();
            loop {
                match state.deciphered(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result,
                }
                if self.unread.is_empty() {
                    break;
                }
                if let Err(error) = self.unread.show(&mut state) {
                    drop(state);
                    // The alert that says why. A peer that does not take it has lost its chance.
                    let _unheard = self.both.settle();
                    return Err(error);
                }
            }
            let due = state.connection.wants_write();
            drop(state);
            if due {
                let _told_by_the_next_write = self.both.settle();
            }
            if self.unread.fill(&self.both.io)? == 0 {
                // rustls learns of the end, and tells an orderly one from a cut.
                self.unread.show(&mut self.both.state.lock())?;
            }
        }
    }
}

impl<S> Write for WriteHalf<S>
where
    for<'a> &'a S: Read + Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.both.send(|state| state.encipher(slices))
    }

    #[track_caller]
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
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (client, mut server) = pair();
    ///     let (mut reader, mut writer) = client.split();
    ///     writer.close().unwrap();
    ///     assert_eq!(server.read(&mut [0]).unwrap(), 0);
    ///     server.write_all(b"x").unwrap();
    ///     assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
    /// });
    /// ```
    #[track_caller]
    pub fn close(&mut self) -> io::Result<()> {
        self.both.send(State::end)?;
        self.flush()
    }
}

impl<S> ReadHalf<S> {
    /// The stream below, for its deadlines. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (mut reader, _writer) = pair().0.split();
    ///     reader.get_ref().set_read_deadline(Some(std::time::Instant::now()));
    ///     assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    /// });
    /// ```
    pub fn get_ref(&self) -> &S {
        &self.both.io
    }
}

impl<S> WriteHalf<S> {
    /// The stream below, for its deadlines. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (_reader, writer) = pair().0.split();
    ///     assert_eq!(writer.get_ref().write_deadline(), None);
    /// });
    /// ```
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
