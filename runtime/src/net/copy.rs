//! From stream to stream, and from file to stream, in the kernel.
//!
//! Bytes that a proxy only passes on need not come into its memory: `splice` moves the pages of one socket's queue into a pipe and from there into
//! the other's. The pipe, 64 KiB, is filled and emptied in turn by one goroutine, so that "would block" is always a socket's, never the pipe's. What
//! cannot be spliced is copied, with the same result: where no pipe is to be had (descriptors have run out), where the kernel refuses a
//! kind of socket, and in a process that is killed by `SIGPIPE` (it can be kept from a `send`, not from a `splice`; Rust's own programs
//! ignore that signal from the start).

use std::fs::File;
use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr;

use threadle_scheduler::blocking;

use super::split::Stream;
use crate::context::{Context, ContextError};

/// A pipe's own size; more would soon use up what the kernel grants a user for pipes.
const PIPE: usize = 64 << 10;

/// The memory of a copy that is not spliced.
const BUFFER: usize = 32 << 10;

/// Of a file, at most so much in one call: a slow disk holds up nobody, but a deadline is looked at only in between.
const PIECE: u64 = 1 << 20;

/// Copies what comes from one stream to another until its end; how many bytes. Ends neither: shut `writer` down where its peer is to see the end.
///
/// The streams' deadlines and time-outs hold for each of the calls it is made of. What was read and could not be written is lost.
///
/// Switches: yes.
///
/// # Errors
/// Those of reading and writing.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::Shutdown;
/// use threadle::net::{self, unix::UnixStream};
///
/// threadle::run(|| {
///     let ((mut client, front), (back, mut server)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
///     threadle::go(move || net::copy(&front, &back).unwrap());
///     client.write_all(b"passed on").unwrap();
///     client.shutdown(Shutdown::Write).unwrap();
///     let mut text = String::new();
///     server.read_to_string(&mut text).unwrap();
///     assert_eq!(text, "passed on");
/// });
/// ```
#[track_caller]
pub fn copy<R: Stream, W: Stream>(reader: &R, writer: &W) -> io::Result<u64> {
    copy_within(reader, writer, None)
}

/// As [`copy`], until the context ends at most.
///
/// Switches: yes.
///
/// # Errors
/// As `copy`; the context has ended.
///
/// ```
/// use std::time::Duration;
/// use threadle::context::{Context, ContextError};
/// use threadle::net::{self, unix::UnixStream};
///
/// threadle::run(|| {
///     let ((_client, front), (back, _server)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
///     let error = net::copy_with(&context, &front, &back).unwrap_err();
///     assert!(ContextError::of(&error).unwrap().is_timeout());
/// });
/// ```
#[track_caller]
pub fn copy_with<R: Stream, W: Stream>(context: &Context, reader: &R, writer: &W) -> io::Result<u64> {
    copy_within(reader, writer, Some(context))
}

#[track_caller]
fn copy_within<R: Stream, W: Stream>(reader: &R, writer: &W, context: Option<&Context>) -> io::Result<u64> {
    if let Some(Err(error)) = context.map(ended) {
        return Err(error.into());
    }
    match Pipe::new() {
        Some(pipe) => pipe.copy(reader, writer, context),
        None => copy_by_hand(reader, writer, context, 0),
    }
}

/// Copies both ways between two streams, each until its end, which is passed on; then how many bytes went from `one` to `other`, and back. This
/// is what a proxy does when all has been said. An error of either way ends both.
///
/// Switches: yes.
///
/// # Errors
/// The first of the two copies'; the streams are shut down then.
///
/// # Panics
/// Outside a runtime, as [`go`](crate::go) does.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::Shutdown;
/// use threadle::net::{self, unix::UnixStream};
///
/// threadle::run(|| {
///     let ((mut client, front), (back, server)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
///     let proxy = threadle::go(move || net::copy_both(&front, &back).unwrap());
///     threadle::go(move || net::copy(&server, &server)); // an echo, and then the end
///     client.write_all(b"there and back").unwrap();
///     client.shutdown(Shutdown::Write).unwrap();
///     let mut text = String::new();
///     client.read_to_string(&mut text).unwrap();
///     assert_eq!((text.as_str(), proxy.join().unwrap()), ("there and back", (14, 14)));
/// });
/// ```
#[track_caller]
pub fn copy_both<A: Stream + Sync, B: Stream + Sync>(one: &A, other: &B) -> io::Result<(u64, u64)> {
    let end = |copied: io::Result<u64>,
               to: &dyn Fn(Shutdown) -> io::Result<()>,
               from: &dyn Fn(Shutdown) -> io::Result<()>| {
        let how = if copied.is_ok() { Shutdown::Write } else { Shutdown::Both };
        // Where it is shut down already, its peer knows.
        let _ = to(how);
        if copied.is_err() {
            let _ = from(how);
        }
        copied
    };
    crate::scope(|scope| {
        let back = scope.go(|| end(copy(other, one), &|how| one.end(how), &|how| other.end(how)));
        let there = end(copy(one, other), &|how| other.end(how), &|how| one.end(how));
        let back = back.join().unwrap_or_else(|error| Err(io::Error::other(error)));
        Ok((there?, back?))
    })
}

/// Sends a part of a file, without reading it into memory: `length` bytes from `offset`, or as many as there are; how many were sent. The file's
/// own position is neither used nor changed.
///
/// The stream's deadline holds; reading the file, which may take its time, stalls nobody.
///
/// Switches: yes.
///
/// # Errors
/// Those of reading the file and of writing. What had been sent before stays sent.
///
/// ```
/// use std::fs::File;
/// use std::io::Read;
/// use threadle::net::{self, unix::UnixStream};
///
/// threadle::run(|| {
///     let (ours, mut theirs) = UnixStream::pair().unwrap();
///     let file = File::open("/proc/self/exe").unwrap();
///     assert_eq!(net::send_file(&ours, &file, 1, 3).unwrap(), 3);
///     let mut bytes = [0; 3];
///     theirs.read_exact(&mut bytes).unwrap();
///     assert_eq!(&bytes, b"ELF");
/// });
/// ```
#[track_caller]
pub fn send_file<S: Stream>(stream: &S, file: &impl AsFd, offset: u64, length: u64) -> io::Result<u64> {
    send_file_within(stream, file.as_fd(), offset, length, None)
}

/// As [`send_file`], until the context ends at most.
///
/// Switches: yes.
///
/// # Errors
/// As `send_file`; the context has ended.
///
/// ```
/// use std::fs::File;
/// use threadle::context::Context;
/// use threadle::net::{self, unix::UnixStream};
///
/// threadle::run(|| {
///     let (ours, _theirs) = UnixStream::pair().unwrap();
///     let file = File::open("/proc/self/exe").unwrap();
///     assert_eq!(net::send_file_with(&Context::background(), &ours, &file, 0, 4).unwrap(), 4);
/// });
/// ```
#[track_caller]
pub fn send_file_with<S: Stream>(
    context: &Context,
    stream: &S,
    file: &impl AsFd,
    offset: u64,
    length: u64,
) -> io::Result<u64> {
    send_file_within(stream, file.as_fd(), offset, length, Some(context))
}

#[track_caller]
fn send_file_within<S: Stream>(
    stream: &S,
    file: BorrowedFd<'_>,
    offset: u64,
    length: u64,
    context: Option<&Context>,
) -> io::Result<u64> {
    let mut by_hand = dies_of_a_broken_pipe();
    let mut buffer = Vec::new();
    let mut sent = 0;
    while sent < length {
        let most = (length - sent).min(PIECE) as usize;
        let at = offset.saturating_add(sent);
        let piece = if by_hand {
            buffer.resize(most.min(BUFFER), 0);
            let read = blocking(|| read_at(file, &mut buffer, at))?;
            stream.send_all(context, &buffer[..read])?;
            read
        } else {
            match stream.send_from(context, file, at, most) {
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    by_hand = true;
                    continue;
                }
                result => result?,
            }
        };
        if piece == 0 {
            break;
        }
        sent += piece as u64;
    }
    Ok(sent)
}

/// `pread`, of a file that is somebody else's.
fn read_at(file: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    // SAFETY: the descriptor is open for as long as it is borrowed, and is not closed here.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(file.as_raw_fd()) });
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Between the two sockets of a copy.
struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Pipe {
    /// `None`: copy by hand.
    fn new() -> Option<Pipe> {
        if dies_of_a_broken_pipe() {
            return None;
        }
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors, which are new and nobody else's if the call succeeds.
        unsafe {
            if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) != 0 {
                return None;
            }
            Some(Pipe { reader: OwnedFd::from_raw_fd(ends[0]), writer: OwnedFd::from_raw_fd(ends[1]) })
        }
    }

    #[track_caller]
    fn copy<R: Stream, W: Stream>(&self, reader: &R, writer: &W, context: Option<&Context>) -> io::Result<u64> {
        let mut copied = 0;
        loop {
            let filled = match reader.splice_into(context, self.writer.as_fd(), PIPE) {
                Ok(0) => return Ok(copied),
                Err(error) if cannot_be_spliced(&error) => return copy_by_hand(reader, writer, context, copied),
                result => result?,
            };
            let mut left = filled;
            while left > 0 {
                match writer.splice_from(context, self.reader.as_fd(), left) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Err(error) if cannot_be_spliced(&error) => {
                        self.empty_into(writer, context, left)?;
                        left = 0;
                    }
                    result => left -= result?,
                }
            }
            copied += filled as u64;
        }
    }

    /// What is in the pipe, by hand.
    fn empty_into<W: Stream>(&self, writer: &W, context: Option<&Context>, left: usize) -> io::Result<()> {
        let mut bytes = vec![0; left];
        let mut reader = File::from(self.reader.try_clone()?);
        reader.read_exact(&mut bytes)?;
        writer.send_all(context, &bytes)
    }
}

fn cannot_be_spliced(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP | libc::ENOSYS))
}

#[track_caller]
fn copy_by_hand<R: Stream, W: Stream>(
    reader: &R,
    writer: &W,
    context: Option<&Context>,
    before: u64,
) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut copied = before;
    loop {
        match reader.receive(context, &mut buffer)? {
            0 => return Ok(copied),
            length => {
                writer.send_all(context, &buffer[..length])?;
                copied += length as u64;
            }
        }
    }
}

fn ended(context: &Context) -> Result<(), ContextError> {
    context.err().map_or(Ok(()), Err)
}

/// Whether `SIGPIPE` does what it does by default.
fn dies_of_a_broken_pipe() -> bool {
    // SAFETY: a `sigaction` is plain data for which zeros are good; with no new action, the call only writes the present one to it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_DFL
    }
}

/// All of the bytes, by as many calls as it takes.
#[track_caller]
pub(super) fn send_all(mut send: impl FnMut(&[u8]) -> io::Result<usize>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match send(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => bytes = &bytes[sent..],
        }
    }
    Ok(())
}
