//! Ciphertext between rustls and the stream below.
//!
//! rustls would read and write by itself, through a `dyn Read` or `dyn Write`; but who waits says at which line it does (`no_switch`, the dump), and
//! `#[track_caller]` does not go through one. So the stream is read and written here, and rustls is given slices.

use std::io::{self, Read, Write};

use super::session::State;

/// A record with its header, at most.
const RECORD: usize = 5 + 16384 + 256;

/// Ciphertext that was read and not looked at yet.
pub(super) struct Unread {
    bytes: Box<[u8]>,
    from: usize,
    to: usize,
}

impl Unread {
    pub(super) fn new() -> Unread {
        Unread { bytes: vec![0; RECORD].into_boxed_slice(), from: 0, to: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Reads once, after all has been looked at; 0 is the end.
    #[track_caller]
    pub(super) fn fill(&mut self, mut io: impl Read) -> io::Result<usize> {
        debug_assert!(self.is_empty(), "what was read is overwritten");
        let count = loop {
            match io.read(&mut self.bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        (self.from, self.to) = (0, count);
        Ok(count)
    }

    /// Hands some of it to the state; none is left: the state learns of the end. How much it was: 0 also where the peer has ended its TLS
    /// stream, behind which nothing is looked at.
    pub(super) fn show(&mut self, state: &mut State) -> io::Result<usize> {
        let shown = state.receive(&self.bytes[self.from..self.to])?;
        self.from += shown;
        Ok(shown)
    }
}

/// What has been taken out of the state and is not written yet; where there are two halves, also the right to write to the stream.
#[derive(Default)]
pub(super) struct Line {
    taken: Vec<u8>,
    written: usize,
}

impl Line {
    /// Takes all ciphertext out of the state, behind what is left.
    pub(super) fn take(&mut self, state: &mut State) -> io::Result<()> {
        while state.connection.wants_write() {
            state.connection.write_tls(&mut self.taken)?;
        }
        Ok(())
    }

    #[track_caller]
    pub(super) fn write(&mut self, mut io: impl Write) -> io::Result<()> {
        while self.written < self.taken.len() {
            match io.write(&self.taken[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.taken.clear();
        self.taken.shrink_to(RECORD);
        self.written = 0;
        io.flush()
    }
}
