//! What async libraries ask of a runtime: hyper's `rt` traits (feature `hyper`) and futures-io's (feature `futures-io`) on our streams, timers
//! and goroutines. The page `docs/async.md` of the repository is the way in.
//!
//! | feature | traits | on |
//! |---|---|---|
//! | `hyper` | `hyper::rt::{Read, Write}` | [`TcpStream`](crate::net::TcpStream), [`UnixStream`](crate::net::unix::UnixStream) and, with `tls`, `TlsStream` over them |
//! | | `hyper::rt::Timer` | `Timer` |
//! | | `hyper::rt::Executor` | `Executor`, which runs each future it is given on a goroutine of its own |
//! | `futures-io` | `AsyncRead`, `AsyncWrite` | the same streams |
//!
//! Their `poll_*` methods never block and do not switch. Each handle remembers one waker a direction, that of its last pending call; what is said
//! of deadlines at [`TcpStream::poll_read`](crate::net::TcpStream::poll_read) holds for them.
//!
//! Where the traits are in scope together with std's, `read` and `write_all` are ambiguous, and `close` is the stream's own: name the trait
//! (`AsyncWriteExt::close(&mut stream)`).
//!
//! One goroutine a connection, each in [`block_on`](crate::block_on). A handler in the blocking style goes on a goroutine of its own, whose handle
//! is the future that hyper awaits:
//!
//! ```
//! # #[cfg(not(feature = "hyper"))]
//! # fn main() {}
//! # #[cfg(feature = "hyper")]
//! # fn main() {
//! use std::io::{Read, Write};
//! use http_body_util::Full;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::{Request, Response, server::conn::http1, service::service_fn};
//! use threadle::{block_on, go, net::{TcpListener, TcpStream}, rt::Timer};
//!
//! fn handle(request: Request<Incoming>) -> Response<Full<Bytes>> {
//!     threadle::time::sleep(std::time::Duration::from_millis(1));
//!     Response::new(Full::from(format!("hello from {}", request.uri())))
//! }
//!
//! threadle::run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
//!     let address = listener.local_addr().unwrap();
//!     go(move || {
//!         for stream in listener.incoming().flatten() {
//!             let service = service_fn(|request| go(move || handle(request)));
//!             go(move || block_on(http1::Builder::new().timer(Timer).serve_connection(stream, service)));
//!         }
//!     });
//!     let mut stream = TcpStream::connect(address).unwrap();
//!     write!(stream, "GET /here HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer).unwrap();
//!     assert!(answer.ends_with("hello from /here"));
//! });
//! # }
//! ```

#[cfg(feature = "hyper")]
mod executor;
#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "hyper")]
mod hyper_io;
#[cfg(feature = "hyper")]
mod timer;

#[cfg(feature = "hyper")]
pub use executor::Executor;
#[cfg(feature = "hyper")]
pub use timer::Timer;
