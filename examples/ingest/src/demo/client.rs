//! One connection of the load generator: prepared requests, raw HTTP/1.1.
//!
//! A client library would cost as much as the service it is to load.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use threadle::net::TcpStream;

/// A request with one payload, whose id is patched in place.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    id_at: usize,
}

/// Digits of an id.
const ID_DIGITS: usize = 12;

impl Template {
    /// The request for a service at `host`.
    pub fn new(host: SocketAddr) -> Self {
        const BODY: &str = concat!(
            r#"{"version":"1.0","token":"0f6a2b9c","data":[{"id":"@@@@@@@@@@@@","kind":"detection","#,
            r#""host":"client-0042","at":"2026-01-01T00:00:00Z","object":"C:\\Users\\someone\\Downloads\\setup.exe","#,
            r#""rule":"PUP.Optional.Bundle","action":"quarantine"}]}"#
        );
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            BODY.len()
        );
        let bytes = [head.as_bytes(), BODY.as_bytes()].concat();
        let id_at = head.len() + BODY.find('@').unwrap_or(0);
        Self { bytes, id_at }
    }

    /// The request that carries payload `id`.
    pub fn with_id(&mut self, id: u64) -> &[u8] {
        let digits = &mut self.bytes[self.id_at..self.id_at + ID_DIGITS];
        let mut rest = id;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.bytes
    }
}

/// A keep-alive connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub fn connect(target: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1024) })
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// Where the connection broke before all of it was written.
    pub fn send(&self, request: &[u8]) -> io::Result<()> {
        (&self.stream).write_all(request)
    }

    /// Waits for the whole answer; returns its status.
    ///
    /// # Errors
    ///
    /// Where the connection broke, the answer is no HTTP, or has not come by `deadline`.
    pub fn answer(&mut self, deadline: Instant) -> io::Result<u16> {
        self.stream.set_read_deadline(Some(deadline));
        self.buffer.clear();
        loop {
            let mut chunk = [0; 1024];
            let read = (&self.stream).read(&mut chunk)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..read]);
            if let Some(status) = whole_answer(&self.buffer)? {
                return Ok(status);
            }
        }
    }
}

/// The status, once head and body are complete.
fn whole_answer(bytes: &[u8]) -> io::Result<Option<u16>> {
    let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(bytes).map_err(|error| malformed(&error.to_string()))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let body = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok())
        .ok_or_else(|| malformed("an answer without a length"))?;
    let status = answer.code.ok_or_else(|| malformed("an answer without a status"))?;
    Ok((bytes.len() >= head + body).then_some(status))
}
