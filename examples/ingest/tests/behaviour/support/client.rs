//! A blocking HTTP/1.1 client for plain threads that can send anything.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("a connection")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // Only so that a broken test says where it hangs.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends a POST to `/` with a length.
    pub(crate) fn send_post(&mut self, body: &str) -> io::Result<()> {
        self.send(format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    pub(crate) fn post(&mut self, body: &str) -> Answer {
        self.try_post(body).expect("an answer")
    }

    pub(crate) fn try_post(&mut self, body: &str) -> io::Result<Answer> {
        self.send_post(body)?;
        self.answer()
    }

    /// Sends a request without a body.
    pub(crate) fn request(&mut self, method: &str, path: &str) -> Answer {
        let length = if method == "GET" || method == "HEAD" { "" } else { "content-length: 0\r\n" };
        self.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{length}\r\n")).expect("a sent request");
        self.answer().expect("an answer")
    }

    /// The next answer, without its body if it has none.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((answer, length)) = parse(&self.buffer) {
                self.buffer.drain(..length);
                return Ok(answer);
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether the other side closes or resets the connection, without another byte before.
    pub(crate) fn is_closed(&mut self) -> bool {
        assert!(self.buffer.is_empty(), "unread: {}", String::from_utf8_lossy(&self.buffer));
        match self.fill() {
            Ok(read) => read == 0,
            Err(error) => matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        let read = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read)
    }
}

fn parse(bytes: &[u8]) -> Option<(Answer, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(bytes).expect("HTTP") else {
        return None;
    };
    let mut answer = Answer {
        status: parsed.code.expect("a status"),
        headers: parsed
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect(),
        body: String::new(),
    };
    let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    let whole = bytes.get(head..head + length)?;
    answer.body = String::from_utf8(whole.to_vec()).expect("UTF-8");
    Some((answer, head + length))
}
