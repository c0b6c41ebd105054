//! futures-io's `AsyncRead` and `AsyncWrite` on our streams.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::net::{TcpStream, unix::UnixStream};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

macro_rules! streams {
    ($($stream:ty = $flush:expr),*) => {$(
        impl AsyncRead for $stream {
            fn poll_read(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_read(&mut self, context, buffer)
            }
        }

        impl AsyncWrite for $stream {
            fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                <$stream>::poll_write(&mut self, context, bytes)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_write_vectored(&mut self, context, slices)
            }

            fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                $flush(&mut *self, context)
            }

            fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                <$stream>::poll_shutdown(&mut self, context)
            }
        }
    )*};
}

/// What was written is with the system.
fn nothing_held_back<S>(_stream: &mut S, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
    Poll::Ready(Ok(()))
}

streams!(TcpStream = nothing_held_back, UnixStream = nothing_held_back);
#[cfg(feature = "tls")]
streams!(
    TlsStream<TcpStream> = TlsStream::<TcpStream>::poll_flush,
    TlsStream<UnixStream> = TlsStream::<UnixStream>::poll_flush
);
