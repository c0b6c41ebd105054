//! Our ends of a child's pipes.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use threadle_scheduler::io::Direction;

use super::watcher::host;
use crate::polled::Polled;

/// One end of a pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) polled: Polled<File>,
}

impl Pipe {
    fn new(fd: OwnedFd) -> io::Result<Pipe> {
        set_nonblocking(fd.as_fd(), true)?;
        Ok(Pipe { polled: Polled::new_in(host()?, File::from(fd))? })
    }

    fn into_blocking(self) -> io::Result<OwnedFd> {
        let fd = OwnedFd::from(self.polled.into_file());
        set_nonblocking(fd.as_fd(), false)?;
        Ok(fd)
    }
}

/// Of the open file description, which only our end of the pipe has.
fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut flag = libc::c_int::from(nonblocking);
    // SAFETY: the descriptor is open for as long as it is borrowed, and FIONBIO reads an int.
    match unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut flag) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What the three have in common.
macro_rules! end {
    ($name:ident, $direction:ident, $field:literal, $verb:literal) => {
        impl $name {
            /// Takes over a pipe of std.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// It cannot be made non-blocking or registered.
            ///
            /// ```
            #[doc = concat!("use threadle::process::", stringify!($name), ";")]
            /// threadle::run(|| {
            ///     let mut command = std::process::Command::new("true");
            #[doc = concat!("    let mut child = command.", $field, "(std::process::Stdio::piped()).spawn().unwrap();")]
            #[doc = concat!("    let pipe = ", stringify!($name), "::from_std(child.", $field, ".take().unwrap());")]
            ///     assert!(pipe.is_ok());
            ///     child.wait().unwrap();
            /// });
            /// ```
            pub fn from_std(pipe: std::process::$name) -> io::Result<$name> {
                Ok($name { pipe: Pipe::new(pipe.into())? })
            }

            /// The pipe as one of std, blocking again: to be given to another child, for one.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// It cannot be made blocking.
            ///
            /// ```
            /// use threadle::process::{Command, Stdio};
            /// threadle::run(|| {
            #[doc = concat!("    let mut child = Command::new(\"true\").", $field, "(Stdio::piped()).spawn().unwrap();")]
            #[doc = concat!("    let pipe = child.", $field, ".take().unwrap().into_std().unwrap();")]
            ///     Stdio::from(pipe);
            ///     child.wait().unwrap();
            /// });
            /// ```
            pub fn into_std(self) -> io::Result<std::process::$name> {
                Ok(self.pipe.into_blocking()?.into())
            }

            #[doc = concat!("Until when ", $verb, " may go on; `None`: for ever. One that waits already is held to it too.")]
            ///
            /// Switches: no.
            ///
            /// ```
            /// use std::time::Instant;
            /// use threadle::process::{Command, Stdio};
            /// threadle::run(|| {
            #[doc = concat!("    let mut child = Command::new(\"true\").", $field, "(Stdio::piped()).spawn().unwrap();")]
            #[doc = concat!("    child.", $field, ".as_ref().unwrap().set_deadline(Some(Instant::now()));")]
            ///     child.wait().unwrap();
            /// });
            /// ```
            pub fn set_deadline(&self, deadline: Option<Instant>) {
                self.pipe.polled.set_deadline(Direction::$direction, deadline);
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.polled.file().as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }
    };
}

/// Reading, by whichever reference.
macro_rules! reads {
    ($($name:ty),*) => {$(
        impl Read for $name {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.pipe.polled.call(Direction::Read, |mut file| file.read(buffer))
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.pipe.polled.call(Direction::Read, |mut file| file.read_vectored(buffers))
            }
        }
    )*};
}

/// Writing, by whichever reference. Nothing is buffered, so there is nothing to flush.
macro_rules! writes {
    ($($name:ty),*) => {$(
        impl Write for $name {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.pipe.polled.call(Direction::Write, |mut file| file.write(bytes))
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.pipe.polled.call(Direction::Write, |mut file| file.write_vectored(slices))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    )*};
}

/// The pipe to a child's standard input. Writes wait while it is full; to a child that has closed it they are `BrokenPipe`. Dropping it is
/// what tells the child that nothing more comes.
///
/// ```
/// use std::io::Write;
/// use threadle::process::{Command, Stdio};
/// threadle::run(|| {
///     let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
///     child.stdin.as_mut().unwrap().write_all(b"into the void").unwrap();
///     assert!(child.wait().unwrap().success()); // closes it first
/// });
/// ```
#[derive(Debug)]
pub struct ChildStdin {
    pub(super) pipe: Pipe,
}

/// The pipe from a child's standard output. Reads wait while it is empty, and end when every process that has the other end has closed it.
///
/// ```
/// use std::io::Read;
/// use threadle::process::{Command, Stdio};
/// threadle::run(|| {
///     let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn().unwrap();
///     let mut text = String::new();
///     child.stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
///     assert_eq!(text, "hello\n");
///     child.wait().unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct ChildStdout {
    pub(super) pipe: Pipe,
}

/// The pipe from a child's standard error, as [`ChildStdout`].
///
/// ```
/// use std::io::Read;
/// use threadle::process::{Command, Stdio};
/// threadle::run(|| {
///     let mut child = Command::new("sh").args(["-c", "echo no >&2"]).stderr(Stdio::piped()).spawn().unwrap();
///     let mut text = String::new();
///     child.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
///     assert_eq!(text, "no\n");
///     child.wait().unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct ChildStderr {
    pub(super) pipe: Pipe,
}

end!(ChildStdin, Write, "stdin", "writes");
end!(ChildStdout, Read, "stdout", "reads");
end!(ChildStderr, Read, "stderr", "reads");
writes!(ChildStdin, &ChildStdin);
reads!(ChildStdout, &ChildStdout, ChildStderr, &ChildStderr);
