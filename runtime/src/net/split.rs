//! The two directions of a stream, apart.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;

use crate::context::Context;

/// A stream of bytes in both directions: [`TcpStream`](crate::net::TcpStream) and [`UnixStream`](crate::net::unix::UnixStream), and no others.
///
/// ```
/// use threadle::net::{self, Stream};
///
/// /// What a proxy does, over whichever sockets.
/// fn pass_on(client: impl Stream + Sync, server: impl Stream + Sync) -> std::io::Result<(u64, u64)> {
///     net::copy_both(&client, &server)
/// }
/// ```
pub trait Stream: Sized + sealed::Sealed {
    #[doc(hidden)]
    fn end(&self, how: Shutdown) -> io::Result<()>;

    /// Whether both are handles of one socket.
    #[doc(hidden)]
    fn is_same(&self, other: &Self) -> bool;

    #[doc(hidden)]
    fn receive(&self, context: Option<&Context>, buffer: &mut [u8]) -> io::Result<usize>;

    #[doc(hidden)]
    fn send_all(&self, context: Option<&Context>, bytes: &[u8]) -> io::Result<()>;

    #[doc(hidden)]
    fn send_from(&self, context: Option<&Context>, file: BorrowedFd<'_>, offset: u64, most: usize)
    -> io::Result<usize>;

    #[doc(hidden)]
    fn splice_into(&self, context: Option<&Context>, pipe: BorrowedFd<'_>, most: usize) -> io::Result<usize>;

    #[doc(hidden)]
    fn splice_from(&self, context: Option<&Context>, pipe: BorrowedFd<'_>, most: usize) -> io::Result<usize>;
}

mod sealed {
    /// Implemented by the two streams alone.
    pub trait Sealed {}
    impl Sealed for crate::net::TcpStream {}
    impl Sealed for crate::net::unix::UnixStream {}
}

pub(super) fn borrowed<S>(stream: &mut S) -> (ReadRef<'_, S>, WriteRef<'_, S>) {
    (ReadRef { stream }, WriteRef { stream })
}

pub(super) fn owned<S: Stream + Clone>(stream: S) -> (ReadHalf<S>, WriteHalf<S>) {
    (ReadHalf { stream: stream.clone() }, WriteHalf { stream: Some(stream) })
}

/// The direction of reads, borrowed. Made by [`TcpStream::split`](crate::net::TcpStream::split).
///
/// ```
/// use std::io::{Read, Write};
/// threadle::run(|| {
///     let (mut ours, mut theirs) = threadle::net::unix::UnixStream::pair().unwrap();
///     theirs.write_all(b"x").unwrap();
///     let (mut reader, _writer) = ours.split();
///     assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
/// });
/// ```
#[derive(Debug)]
pub struct ReadRef<'a, S> {
    stream: &'a S,
}

/// The direction of writes, borrowed. Made by [`TcpStream::split`](crate::net::TcpStream::split).
///
/// ```
/// use std::io::{Read, Write};
/// threadle::run(|| {
///     let (mut ours, mut theirs) = threadle::net::unix::UnixStream::pair().unwrap();
///     let (_reader, mut writer) = ours.split();
///     writer.write_all(b"x").unwrap();
///     assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 1);
/// });
/// ```
#[derive(Debug)]
pub struct WriteRef<'a, S> {
    stream: &'a S,
}

/// The direction of reads, owned. Made by [`TcpStream::into_split`](crate::net::TcpStream::into_split).
///
/// ```
/// use std::io::{Read, Write};
/// threadle::run(|| {
///     let (ours, mut theirs) = threadle::net::unix::UnixStream::pair().unwrap();
///     let (mut reader, _writer) = ours.into_split();
///     let reading = threadle::go(move || reader.read(&mut [0; 8]));
///     theirs.write_all(b"x").unwrap();
///     assert_eq!(reading.join().unwrap().unwrap(), 1);
/// });
/// ```
#[derive(Debug)]
pub struct ReadHalf<S> {
    stream: S,
}

/// The direction of writes, owned; dropping it shuts that direction down. Made by [`TcpStream::into_split`](crate::net::TcpStream::into_split).
///
/// ```
/// use std::io::{Read, Write};
/// threadle::run(|| {
///     let (ours, mut theirs) = threadle::net::unix::UnixStream::pair().unwrap();
///     let (_reader, mut writer) = ours.into_split();
///     writer.write_all(b"x").unwrap();
///     drop(writer);
///     let mut text = Vec::new();
///     theirs.read_to_end(&mut text).unwrap(); // the end is told
///     assert_eq!(text, b"x");
/// });
/// ```
#[derive(Debug)]
pub struct WriteHalf<S: Stream> {
    /// `None`: given back, or told not to shut down.
    stream: Option<S>,
}

impl<S> AsRef<S> for ReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Stream> AsRef<S> for WriteHalf<S> {
    fn as_ref(&self) -> &S {
        self.stream.as_ref().expect("it is taken out only where the half is consumed")
    }
}

impl<S: Stream> WriteHalf<S> {
    /// The whole stream again, of both its halves; its direction of writes goes on.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// The other half is another stream's; both come back.
    ///
    /// ```
    /// use threadle::net::unix::UnixStream;
    /// threadle::run(|| {
    ///     let (one, other) = UnixStream::pair().unwrap();
    ///     let ((read_one, write_one), (read_other, write_other)) = (one.into_split(), other.into_split());
    ///     let (write_one, read_other) = write_one.reunite(read_other).unwrap_err();
    ///     assert!(write_one.reunite(read_one).is_ok() && write_other.reunite(read_other).is_ok());
    /// });
    /// ```
    pub fn reunite(mut self, reader: ReadHalf<S>) -> Result<S, (WriteHalf<S>, ReadHalf<S>)> {
        match self.stream.take() {
            Some(stream) if stream.is_same(&reader.stream) => Ok(stream),
            stream => {
                self.stream = stream;
                Err((self, reader))
            }
        }
    }

    /// Drops the half without shutting its direction down: that ends with the last handle.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use threadle::net::unix::UnixStream;
    /// threadle::run(|| {
    ///     let (ours, mut theirs) = UnixStream::pair().unwrap();
    ///     let (reader, writer) = ours.into_split();
    ///     writer.forget();
    ///     theirs.set_read_timeout(Some(std::time::Duration::from_millis(1))).unwrap();
    ///     assert_eq!(theirs.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    ///     drop(reader);
    ///     assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    /// });
    /// ```
    pub fn forget(mut self) {
        self.stream = None;
    }
}

impl<S: Stream> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // The peer may have ended the connection before, or the socket was closed: then there is nothing to shut down.
            let _ = stream.end(Shutdown::Write);
        }
    }
}

impl<'a, S> Read for ReadRef<'a, S>
where
    &'a S: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        stream.read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, slices: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut stream = self.stream;
        stream.read_vectored(slices)
    }
}

impl<'a, S> Write for WriteRef<'a, S>
where
    &'a S: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        stream.write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = self.stream;
        stream.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S> Read for ReadHalf<S>
where
    for<'a> &'a S: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, slices: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.stream).read_vectored(slices)
    }
}

impl<S: Stream> Write for WriteHalf<S>
where
    for<'a> &'a S: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_ref().write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.as_ref().write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
