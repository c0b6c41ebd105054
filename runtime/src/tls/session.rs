//! rustls' state, moved by whatever reads and writes.

use std::io::{self, IoSlice, Read, Write};

use rustls::{Connection, Error};

use super::ciphertext::{Line, Unread};

/// rustls' connection, and what was wrong with the peer. After that nothing is asked of rustls but what it has deciphered and its alert.
pub(super) struct State {
    pub(super) connection: Connection,
    failed: Option<Error>,
    /// We have said that nothing follows; rustls would send it nevertheless.
    ended: bool,
}

impl State {
    pub(super) fn new(connection: Connection) -> State {
        State { connection, failed: None, ended: false }
    }

    /// Plaintext that is there; `WouldBlock`: ciphertext is needed.
    pub(super) fn deciphered(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection was cut: the peer did not end its TLS stream",
            )),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.check().and(Err(error)),
            result => result,
        }
    }

    /// Looks at some of this ciphertext and tells how much it was; at none, which is the end. Where it fails an alert is to be sent.
    pub(super) fn receive(&mut self, mut ciphertext: &[u8]) -> io::Result<usize> {
        self.check()?;
        let count = self.connection.read_tls(&mut ciphertext)?;
        if let Err(error) = self.connection.process_new_packets() {
            self.failed = Some(error);
        }
        self.check().map(|()| count)
    }

    pub(super) fn encipher(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check()?;
        if self.ended {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "a write after the end of the TLS stream"));
        }
        self.connection.writer().write_vectored(slices)
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        self.check()?;
        self.connection.send_close_notify();
        self.ended = true;
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        match &self.failed {
            None => Ok(()),
            Some(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error.clone())),
        }
    }
}

/// What every call of a stream does with the state, for those who have it to themselves. The stream below blocks, or says `WouldBlock` and is
/// asked again.
pub(super) struct Session {
    pub(super) state: State,
    pub(super) unread: Unread,
    pub(super) line: Line,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Session {
        Session { state: State::new(connection), unread: Unread::new(), line: Line::default() }
    }

    /// Until both ends agree, and everything that belongs to it is sent.
    #[track_caller]
    pub(super) fn handshake(&mut self, io: &mut (impl Read + Write)) -> io::Result<()> {
        loop {
            self.send(io)?;
            if !self.state.connection.is_handshaking() {
                return Ok(());
            }
            if self.receive(io)? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the peer left before the TLS handshake was over",
                ));
            }
        }
    }

    /// Writes out all ciphertext.
    #[track_caller]
    pub(super) fn send(&mut self, io: &mut impl Write) -> io::Result<()> {
        self.line.take(&mut self.state)?;
        self.line.write(io)
    }

    /// Looks at some ciphertext, and reads it first if there is none; 0 is the end.
    #[track_caller]
    fn receive(&mut self, io: &mut (impl Read + Write)) -> io::Result<usize> {
        if self.unread.is_empty() {
            self.unread.fill(&mut *io)?;
        }
        let shown = self.unread.show(&mut self.state);
        if shown.is_err() {
            // The alert that says why. A peer that does not take it has lost its chance.
            let _unheard = self.send(io);
        }
        shown
    }

    #[track_caller]
    pub(super) fn read(&mut self, io: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state.deciphered(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            // What could not be sent is for the next write to tell: the peer may have said things before it stopped listening.
            let _later = self.send(io);
            self.receive(io)?;
        }
    }

    /// What is accepted counts as written, as in a socket: an error of sending it is told by the next call.
    #[track_caller]
    pub(super) fn write(&mut self, io: &mut impl Write, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(io)?;
        let accepted = self.state.encipher(slices)?;
        let _told_by_the_next = self.send(io);
        Ok(accepted)
    }

    #[track_caller]
    pub(super) fn close(&mut self, io: &mut impl Write) -> io::Result<()> {
        self.state.end()?;
        self.send(io)
    }
}
