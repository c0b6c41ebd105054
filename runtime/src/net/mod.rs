//! TCP, UDP and [Unix sockets](unix) for goroutines, in the shape of `std::net`, with deadlines; and the waiting for any other descriptor
//! ([`Readiness`]).
//!
//! ```
//! use std::io::{Read, Write};
//! use threadle::net::{TcpListener, TcpStream};
//!
//! threadle::run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
//!     let address = listener.local_addr().unwrap();
//!     threadle::go(move || {
//!         for stream in listener.incoming() {
//!             let mut stream = stream.unwrap();
//!             threadle::go(move || std::io::copy(&mut stream.clone(), &mut stream));
//!         }
//!     });
//!     let mut stream = TcpStream::connect(address).unwrap();
//!     stream.write_all(b"hello").unwrap();
//!     let mut echo = [0; 5];
//!     stream.read_exact(&mut echo).unwrap();
//!     assert_eq!(&echo, b"hello");
//! });
//! ```
//!
//! # How a call waits
//!
//! Every socket is non-blocking and registered with the poller of the runtime in which it was made, one that was accepted when somebody first has to
//! wait on it: a request that is there already costs no registration. A call makes its system call first and waits only if
//! that would block; `EINTR` is retried. Whoever waits is a goroutine, a plain OS thread, or (in the `poll_*` methods) a task's waker. The handles
//! are cheap clones of one socket and may be used by any number of goroutines and threads at once, also by those of another runtime; several that
//! wait for one direction are served in the order they came. When the runtime in which a socket was made has stopped, what would have to wait on it
//! ends with the error "runtime stopped".
//!
//! A call that transferred less than it might have has found the end of what there was, on TCP, and the next one waits without asking first; an
//! exchange of a question and an answer costs each side one read and one write. (netpoll's README says why that loses nothing.) A read that
//! filled its buffer has not, and the next one asks: a buffer larger than the message, or a `BufReader`, spares that call.
//!
//! # Deadlines and time-outs
//!
//! A *deadline* is an instant, as in Go: set once, it holds for every call until it is changed, and calls end with
//! [`TimedOut`](std::io::ErrorKind::TimedOut) from then on, also those that would not have to wait. It may be set by anybody at any time and
//! takes effect on calls that wait already, so that a deadline in the past cuts them short. A *time-out* is std's: how long each single call may
//! wait. Both belong to the socket and are shared by its handles. The waiting call reads the deadline after it has entered itself into the
//! descriptor's queue, and who sets it stores first and wakes the queue after, so that one of the two sees the other.
//!
//! Calls of tasks (`poll_*`) never block. Closing (`close`, not the drop of one of several handles) ends what waits, whoever does it.
//!
//! Neither is the way to give up *one request*: that is a [context](crate::context), with which the calls whose names end in `_with`, and a
//! [`with_context`](TcpStream::with_context) stream, wait.
//!
//! # Sockets and the end of a runtime
//!
//! A goroutine that is abandoned when its runtime ends is not unwound, and its sockets are not dropped: they stay open until the process ends, their
//! peers wait on, a listener's port stays taken (and its queue still takes connections). Where the process goes on after the runtime, end them
//! first: a handle's `close` ends the socket for all handles, tells the peer, and wakes whoever waits.
//!
//! ```
//! use std::io::Read;
//! use std::time::Duration;
//! use threadle::net::TcpListener;
//!
//! let (mut told, mut untold) = threadle::run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
//!     let mut connection = || {
//!         let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
//!         (client, listener.accept().unwrap().0)
//!     };
//!     let ((told, first), (untold, second)) = (connection(), connection());
//!     let handle = first.clone();
//!     let reader = threadle::go(move || (&first).read(&mut [0]));
//!     let (begun, begins) = threadle::chan::bounded(0);
//!     threadle::go(move || begun.send(()).map(|()| (&second).read(&mut [0])));
//!     begins.recv().unwrap();
//!     handle.close().unwrap();
//!     assert!(reader.join().unwrap().is_err());
//!     (told, untold)
//! });
//! assert_eq!(told.read(&mut [0]).unwrap(), 0);
//! untold.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
//! assert_eq!(untold.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
//! ```
//!
//! # What std's have and these have not
//!
//! `set_nonblocking`: they are so already, and never seem so. `try_clone` makes a handle, not a descriptor: a second descriptor of one socket
//! would be a second registration, which epoll cannot tell from the first. `UnixStream::peer_cred` is unstable in std.

mod address;
mod copy;
mod lookup;
mod readiness;
mod socket;
mod split;
mod tcp;
mod udp;
pub mod unix;
mod with_context;

pub use address::{Host, ToSocketAddrs};
pub use copy::{copy, copy_both, copy_with, send_file, send_file_with};
pub use lookup::{lookup_host, lookup_host_timeout, lookup_host_with};
pub use readiness::Readiness;
pub use split::{ReadHalf, ReadRef, Stream, WriteHalf, WriteRef};
pub use tcp::{Incoming, KeepAlive, ListenOptions, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use with_context::WithContext;
