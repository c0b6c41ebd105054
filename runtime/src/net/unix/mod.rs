//! Sockets inside this machine, in the shape of `std::os::unix::net`, with deadlines.
//!
//! ```
//! use std::io::{Read, Write};
//! use threadle::net::unix::UnixStream;
//!
//! threadle::run(|| {
//!     let (mut ours, mut theirs) = UnixStream::pair().unwrap();
//!     let echo = threadle::go(move || std::io::copy(&mut theirs.clone(), &mut theirs));
//!     ours.write_all(b"hello").unwrap();
//!     let mut answer = [0; 5];
//!     ours.read_exact(&mut answer).unwrap();
//!     drop(ours);
//!     assert_eq!(echo.join().unwrap().unwrap(), 5);
//! });
//! ```
//!
//! # What the kernel does not tell
//!
//! Two calls of these sockets would block without any event that ends it, so that a poller alone would sleep for ever, and other runtimes hand the
//! caller an `EAGAIN` that has nowhere to wait:
//!
//! * connecting to a listener whose queue is full (there is no "in progress": the call waits in the kernel, or fails);
//! * sending a datagram to somebody else than the peer while the receiver's queue is full (what is polled is the *sender's* own buffer, which has
//!   room).
//!
//! Both are tried again after pauses that grow from half a millisecond to 16, within the call's limits: the deadline, the time-out, the context;
//! for a datagram also until somebody closes the socket.

mod address;
mod datagram;
mod listener;
mod stream;

pub(super) use address::to_std;
pub use datagram::UnixDatagram;
pub use listener::{Incoming, UnixListener};
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;

use std::time::Duration;

/// The pauses of what is tried again: each twice the one before, up to the last.
struct Pauses(Duration);

impl Pauses {
    const FIRST: Duration = Duration::from_micros(500);
    const LAST: Duration = Duration::from_millis(16);

    fn new() -> Pauses {
        Pauses(Pauses::FIRST)
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Pauses::LAST);
        pause
    }
}
