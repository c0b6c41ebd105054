//! hyper's `Read` and `Write` on our streams.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::net::TcpStream;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

macro_rules! streams {
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

impl Write for $stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        <$stream>::poll_write(&mut self, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
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
    )*};
}

streams!(TcpStream);

#[cfg(feature = "tls")]
impl Read for TlsStream<TcpStream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // rustls copies plaintext out of its own buffers, into bytes that have been initialised.
        let count = ready!(TlsStream::<TcpStream>::poll_read(&mut self, context, buffer.initialize_unfilled()))?;
        // SAFETY: all that is unfilled was initialised above, and `count` is at most its length.
        unsafe { buffer.advance(count) };
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tls")]
impl Write for TlsStream<TcpStream> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        TlsStream::<TcpStream>::poll_write(&mut self, context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        TlsStream::<TcpStream>::poll_flush(&mut self, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        TlsStream::<TcpStream>::poll_shutdown(&mut self, context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        TlsStream::<TcpStream>::poll_write_vectored(&mut self, context, slices)
    }
}
