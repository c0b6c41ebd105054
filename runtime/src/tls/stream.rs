//! A TLS connection that one goroutine uses.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, ProtocolVersion, ServerConfig, ServerConnection};

use super::session::Session;
use super::split::{self, ReadHalf, WriteHalf};

/// A TLS connection over `S`, either end of it. What it promises is on the [module's page](crate::tls#what-is-promised).
///
/// Its reads and writes switch where those of `S` do. Dropping it drops `S` and tells the peer nothing; [`close`](Self::close) does.
///
/// ```
#[doc = include_str!("pair.md")]
/// threadle::run(|| {
///     let (mut client, mut server) = pair();
///     client.write_all(b"x").unwrap();
///     assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
/// });
/// ```
pub struct TlsStream<S> {
    pub(super) session: Session,
    pub(super) io: S,
}

impl<S: Read + Write> TlsStream<S> {
    /// The client's end, after the handshake. `name` is the server's, as its certificate has it: a host, or an address.
    ///
    /// Switches: yes, as `S` does.
    ///
    /// # Errors
    /// `InvalidInput`: that is no name. `InvalidData`, around a [`rustls::Error`]: the peer's certificate or its TLS is not acceptable; it was
    /// told so. `UnexpectedEof`: it left. Otherwise what `S` says, its deadline among it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use threadle::net::{TcpListener, TcpStream};
    /// use threadle::tls::{self, TlsStream};
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let server = Arc::new(tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap());
    /// let client = Arc::new(tls::client_config_trusting(certificate.as_bytes()).unwrap());
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let address = listener.local_addr().unwrap();
    ///     let refused = threadle::go(move || TlsStream::server(&server, listener.accept().unwrap().0).unwrap_err());
    ///     // The certificate is for another host.
    ///     let error = TlsStream::client(&client, "example.com", TcpStream::connect(address).unwrap()).unwrap_err();
    ///     assert!(error.get_ref().unwrap().is::<tls::rustls::Error>());
    ///     assert!(refused.join().unwrap().to_string().contains("alert"));
    /// });
    /// ```
    #[track_caller]
    pub fn client(config: &Arc<ClientConfig>, name: &str, io: S) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Self::shaken(connection.into(), io)
    }

    /// The server's end, after the handshake. Give `io` a deadline first: a client need not say anything.
    ///
    /// Switches: yes, as `S` does.
    ///
    /// # Errors
    /// As [`client`](Self::client), without the name.
    ///
    /// ```
    /// use std::io::{ErrorKind, Write};
    /// use std::sync::Arc;
    /// use threadle::tls::{self, TlsStream};
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let config = Arc::new(tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap());
    /// // Over anything that reads and writes: here, over a plain thread's socket, and outside any runtime.
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    /// client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    /// let error = TlsStream::server(&config, listener.accept().unwrap().0).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidData);
    /// ```
    #[track_caller]
    pub fn server(config: &Arc<ServerConfig>, io: S) -> io::Result<TlsStream<S>> {
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Self::shaken(connection.into(), io)
    }

    #[track_caller]
    fn shaken(connection: Connection, mut io: S) -> io::Result<TlsStream<S>> {
        let mut session = Session::new(connection);
        session.handshake(&mut io)?;
        Ok(TlsStream { session, io })
    }

    /// Tells the peer that nothing follows (`close_notify`). What the peer still sends can be read. Closing again does nothing.
    ///
    /// Switches: yes, as `S` does.
    ///
    /// # Errors
    /// Those of a write of `S`; what was wrong with the peer's TLS.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// use std::io::ErrorKind;
    /// threadle::run(|| {
    ///     let (mut client, mut server) = pair();
    ///     client.close().unwrap();
    ///     assert_eq!(server.read(&mut [0]).unwrap(), 0);
    ///     assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    ///     server.write_all(b"x").unwrap(); // the other direction goes on
    ///     assert_eq!(client.read(&mut [0; 8]).unwrap(), 1);
    /// });
    /// ```
    #[track_caller]
    pub fn close(&mut self) -> io::Result<()> {
        self.session.close(&mut self.io)
    }
}

impl<S> TlsStream<S> {
    /// Two ends, for a goroutine that reads and one that writes. `S` must do both through a shared reference, as
    /// [`TcpStream`](crate::net::TcpStream) does.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::sync::Arc;
    /// use threadle::net::{TcpListener, TcpStream};
    /// use threadle::tls::{self, TlsStream};
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let server = Arc::new(tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap());
    /// let client = Arc::new(tls::client_config_trusting(certificate.as_bytes()).unwrap());
    /// threadle::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ///     let address = listener.local_addr().unwrap();
    ///     threadle::go(move || {
    ///         let (mut read, mut write) = TlsStream::server(&server, listener.accept().unwrap().0).unwrap().split();
    ///         std::io::copy(&mut read, &mut write).unwrap();
    ///         write.close().unwrap();
    ///     });
    ///     let stream = TlsStream::client(&client, "localhost", TcpStream::connect(address).unwrap()).unwrap();
    ///     let (mut read, mut write) = stream.split();
    ///     // Waits for the echo while the other end is written to.
    ///     let reader = threadle::go(move || {
    ///         let mut text = String::new();
    ///         read.read_to_string(&mut text).map(|_| text)
    ///     });
    ///     write.write_all(b"there and back").unwrap();
    ///     write.close().unwrap();
    ///     assert_eq!(reader.join().unwrap().unwrap(), "there and back");
    /// });
    /// ```
    pub fn split(self) -> (ReadHalf<S>, WriteHalf<S>)
    where
        for<'a> &'a S: Read + Write,
    {
        split::halves(self.session, self.io)
    }

    /// The stream below. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (client, server) = pair();
    ///     assert_eq!(client.get_ref().peer_addr().unwrap(), server.get_ref().local_addr().unwrap());
    /// });
    /// ```
    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// The stream below; what is read from it or written to it is missing from the connection. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (mut client, _server) = pair();
    ///     client.get_mut().set_nodelay(true).unwrap();
    /// });
    /// ```
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.io
    }

    /// Which of the protocols that both ends offer was agreed on: `h2`, say. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (client, _server) = pair();
    ///     assert_eq!(client.alpn_protocol(), None); // neither has offered any
    /// });
    /// ```
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.session.state.connection.alpn_protocol()
    }

    /// Which TLS it is. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (client, _server) = pair();
    ///     assert_eq!(client.protocol_version(), Some(tls::rustls::ProtocolVersion::TLSv1_3));
    /// });
    /// ```
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.session.state.connection.protocol_version()
    }

    /// What the peer showed, its own certificate first; clients are only asked by a configuration that does. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (client, server) = pair();
    ///     assert_eq!(client.peer_certificates().unwrap().len(), 1);
    ///     assert!(server.peer_certificates().is_none());
    /// });
    /// ```
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session.state.connection.peer_certificates()
    }

    /// The host that the client asked for, on the server's end. Switches: no.
    ///
    /// ```
    #[doc = include_str!("pair.md")]
    /// threadle::run(|| {
    ///     let (client, server) = pair();
    ///     assert_eq!((client.server_name(), server.server_name()), (None, Some("localhost")));
    /// });
    /// ```
    pub fn server_name(&self) -> Option<&str> {
        match &self.session.state.connection {
            Connection::Server(server) => server.server_name(),
            Connection::Client(_) => None,
        }
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.session.read(&mut self.io, buffer)
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.session.write(&mut self.io, &[IoSlice::new(bytes)])
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.session.write(&mut self.io, slices)
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        self.session.send(&mut self.io)
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TlsStream");
        debug.field("io", &self.io).field("version", &self.protocol_version());
        if let Some(protocol) = self.alpn_protocol() {
            debug.field("alpn", &String::from_utf8_lossy(protocol));
        }
        debug.finish_non_exhaustive()
    }
}
