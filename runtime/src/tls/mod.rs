//! TLS in the blocking style (feature `tls`): rustls over our streams, or over anything that reads and writes.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::sync::Arc;
//! use threadle::net::{TcpListener, TcpStream};
//! use threadle::tls::{self, TlsStream};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
//! # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//! // `certificate` and `key` are two PEM files.
//! let server = Arc::new(tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap());
//! let client = Arc::new(tls::client_config_trusting(certificate.as_bytes()).unwrap());
//!
//! threadle::run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
//!     let address = listener.local_addr().unwrap();
//!     threadle::go(move || {
//!         let mut stream = TlsStream::server(&server, listener.accept().unwrap().0).unwrap();
//!         stream.write_all(b"in private").unwrap();
//!         stream.close().unwrap();
//!     });
//!     let stream = TcpStream::connect(address).unwrap();
//!     let mut stream = TlsStream::client(&client, "localhost", stream).unwrap();
//!     let mut text = String::new();
//!     stream.read_to_string(&mut text).unwrap();
//!     assert_eq!(text, "in private");
//! });
//! ```
//!
//! # What is promised
//!
//! * The handshake is over when a stream has been made: an error of the peer's certificate is an error of the constructor, and the peer has been
//!   sent the alert that says why.
//! * Bytes that are read were sent, in that order. The end is the peer's `close_notify`: a connection that is merely cut ends with
//!   [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof), so that a text that was cut short is not taken for the whole.
//! * Deadlines are those of the stream below. A call that ended with `TimedOut` may be made again: what rustls has taken is sent first.
//! * What is wrong with the peer's TLS is an [`InvalidData`](std::io::ErrorKind::InvalidData) error around a [`rustls::Error`].
//!
//! * Once an end has been [closed](TlsStream::close), writes to it are a [`BrokenPipe`](std::io::ErrorKind::BrokenPipe).
//!
//! rustls 0.23 asserts, where debug assertions are on, that no alert follows a `close_notify`, and a peer can bring one about (its issue 959): the
//! goroutine of that connection panics then. `[profile.dev.package.rustls] debug-assertions = false` keeps it from that.
//!
//! # Reading and writing at once
//!
//! A TLS connection is one state for both directions, and rustls wants it for itself. With a lock around all of it, a goroutine that waits for
//! the peer's next words would keep the others from writing, for ever. [`split`](TlsStream::split) therefore locks it for the computing
//! alone, and the socket is read and written outside:
//!
//! | the reader | a writer |
//! |---|---|
//! | 1. reads ciphertext from the socket, no lock held | 1. takes the *line* |
//! | 2. locks the state: decrypts; perhaps an alert is to be sent now | 2. locks the state: encrypts, takes all ciphertext out |
//! | 3. **tries to take the line**; refused: done | 3. writes it to the socket, the line held |
//! | 4. as the writer from 2 | 4. **gives the line back** |
//! | | 5. locks the state: is there something to be sent by now? if so, from 1, by trying |
//!
//! The line keeps records in the order in which they were encrypted. The reader only *tries*: were it to wait for a writer whose peer does not
//! read until it is read from, neither would ever end. Nothing is left unsent: where the reader is refused, some writer has yet to give the
//! line back, and looks after that, at a state which the reader has changed before. (`split_loom.rs` is the model; with the writer's look
//! before its giving back it fails.)
//!
//! # Why rustls, why ring
//!
//! It has no input or output of its own, so that it waits the way we wait. Decision 0018 of the repository tells why `ring`, and why the
//! platform's roots come by `rustls-native-certs`. Whoever wants another provider, or other roots, hands in a [`rustls::ClientConfig`] or
//! [`rustls::ServerConfig`] of their own: nothing here reads the process's default provider.

mod ciphertext;
mod config;
mod line;
#[cfg(any(feature = "hyper", feature = "futures-io"))]
mod poll;
mod session;
mod split;
mod stream;

pub use rustls;

pub use config::{client_config, client_config_trusting, server_config};
pub use split::{ReadHalf, WriteHalf};
pub use stream::TlsStream;
