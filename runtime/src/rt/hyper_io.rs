//! hyper's `Read` and `Write` on our streams.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::net::{TcpStream, unix::UnixStream};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// What does not depend on how a stream reads, and whether it holds anything back.
macro_rules! write {
    ($stream:ty, $flush:expr) => {
        impl Write for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_write(&mut self, context, bytes)
            }

            fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                $flush(&mut *self, context)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                <$stream>::poll_shutdown(&mut self, context)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_write_vectored(&mut self, context, slices)
            }
        }
    };
}

macro_rules! sockets {
    ($($stream:ty),*) => {$(
        impl Read for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                mut buffer: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                // SAFETY: nothing is de-initialised there: the slice is only handed to the system call, which writes to it.
                let free = unsafe { buffer.as_mut() };
                let count = ready!(self.poll_read_uninit(context, free))?;
                // SAFETY: `poll_read_uninit` has initialised that many of its first bytes.
                unsafe { buffer.advance(count) };
                Poll::Ready(Ok(()))
            }
        }

        write!($stream, nothing_held_back);
    )*};
}

/// What was written is with the system.
fn nothing_held_back<S>(_stream: &mut S, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
    Poll::Ready(Ok(()))
}

sockets!(TcpStream, UnixStream);

#[cfg(feature = "tls")]
macro_rules! over_tls {
    ($($stream:ty),*) => {$(
        impl Read for TlsStream<$stream> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                mut buffer: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                // rustls copies plaintext out of its own buffers, into bytes that have been initialised.
                let free = buffer.initialize_unfilled();
                let count = ready!(TlsStream::<$stream>::poll_read(&mut self, context, free))?;
                // SAFETY: all that is unfilled was initialised above, and `count` is at most its length.
                unsafe { buffer.advance(count) };
                Poll::Ready(Ok(()))
            }
        }

        write!(TlsStream<$stream>, TlsStream::<$stream>::poll_flush);
    )*};
}

#[cfg(feature = "tls")]
over_tls!(TcpStream, UnixStream);
