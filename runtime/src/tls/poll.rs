//! A TLS connection as seen by a task: calls that never block and leave a waker behind.

use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll, ready};

use super::stream::TlsStream;
use crate::net::{TcpStream, unix::UnixStream};

/// A task's calls of the stream below, seen as blocking ones that would block.
struct Polled<'a, 'b, S> {
    io: &'a mut S,
    context: &'a mut Context<'b>,
}

fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

macro_rules! poll {
    ($($stream:ty, $pair:literal;)*) => {$(
        impl Read for Polled<'_, '_, $stream> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                or_would_block(self.io.poll_read(self.context, buffer))
            }
        }

        impl Write for Polled<'_, '_, $stream> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                or_would_block(self.io.poll_write(self.context, bytes))
            }

            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                or_would_block(self.io.poll_write_vectored(self.context, slices))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        #[doc = concat!("For futures, after a handshake in the blocking style. Deadlines are as in [`", stringify!($stream), "::poll_read`].")]
        impl TlsStream<$stream> {
            /// Reads what there is. Switches: no.
            ///
            /// # Errors
            /// Those of a read.
            ///
            /// ```
            #[doc = include_str!("pair.md")]
            /// # use std::{future::poll_fn, io::IoSlice};
            /// threadle::run(|| {
            #[doc = concat!("    let (mut client, mut server) = ", $pair, ";")]
            ///     server.write_all(b"x").unwrap();
            ///     let mut buffer = [0; 8];
            ///     let read = threadle::block_on(poll_fn(|context| client.poll_read(context, &mut buffer)));
            ///     assert_eq!(read.unwrap(), 1);
            /// });
            /// ```
            pub fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
                or_pending(self.session.read(&mut Polled { io: &mut self.io, context }, buffer))
            }

            /// Takes what there is room for; [`poll_flush`](Self::poll_flush) sees that it is sent. Switches: no.
            ///
            /// # Errors
            /// Those of a write.
            ///
            /// ```
            #[doc = include_str!("pair.md")]
            /// # use std::{future::poll_fn, io::IoSlice};
            /// threadle::run(|| {
            #[doc = concat!("    let (mut client, mut server) = ", $pair, ";")]
            ///     threadle::block_on(poll_fn(|context| client.poll_write(context, b"x"))).unwrap();
            ///     assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
            /// });
            /// ```
            pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.poll_write_vectored(context, &[IoSlice::new(bytes)])
            }

            /// Takes what there is room for, from several slices. Switches: no.
            ///
            /// # Errors
            /// Those of a write.
            ///
            /// ```
            #[doc = include_str!("pair.md")]
            /// # use std::{future::poll_fn, io::IoSlice};
            /// threadle::run(|| {
            #[doc = concat!("    let (mut client, mut server) = ", $pair, ";")]
            ///     let words = [IoSlice::new(b"two "), IoSlice::new(b"words")];
            ///     threadle::block_on(poll_fn(|context| client.poll_write_vectored(context, &words))).unwrap();
            ///     let mut text = [0; 9];
            ///     server.read_exact(&mut text).unwrap();
            ///     assert_eq!(&text, b"two words");
            /// });
            /// ```
            pub fn poll_write_vectored(
                &mut self,
                context: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                or_pending(self.session.write(&mut Polled { io: &mut self.io, context }, slices))
            }

            /// Sends what was taken. Switches: no.
            ///
            /// # Errors
            /// Those of a write.
            ///
            /// ```
            #[doc = include_str!("pair.md")]
            /// # use std::{future::poll_fn, io::IoSlice};
            /// threadle::run(|| {
            #[doc = concat!("    let (mut client, mut server) = ", $pair, ";")]
            ///     let reader = threadle::go(move || std::io::copy(&mut server, &mut std::io::sink()).unwrap());
            ///     let written = threadle::block_on(poll_fn(|context| client.poll_write(context, &[7; 40_000]))).unwrap();
            ///     threadle::block_on(poll_fn(|context| client.poll_flush(context))).unwrap();
            ///     client.close().unwrap();
            ///     assert_eq!(reader.join().unwrap(), written as u64);
            /// });
            /// ```
            pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                or_pending(self.session.send(&mut Polled { io: &mut self.io, context }))
            }

            /// Tells the peer that nothing follows, then ends the direction of writes of the stream below. Switches: no.
            ///
            /// # Errors
            /// Those of a write; what the system says.
            ///
            /// ```
            #[doc = include_str!("pair.md")]
            /// # use std::{future::poll_fn, io::IoSlice};
            /// threadle::run(|| {
            #[doc = concat!("    let (mut client, mut server) = ", $pair, ";")]
            ///     threadle::block_on(poll_fn(|context| client.poll_shutdown(context))).unwrap();
            ///     assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
            /// });
            /// ```
            pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                ready!(or_pending(self.session.close(&mut Polled { io: &mut self.io, context })))?;
                self.io.poll_shutdown(context)
            }
        }
    )*};
}

poll! {
    TcpStream, "pair()";
    UnixStream, "unix_pair()";
}
