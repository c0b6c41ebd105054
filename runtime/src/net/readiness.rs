//! Waiting for descriptors that are nobody else's business here.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use threadle_scheduler::Ticket;
use threadle_scheduler::io::{Direction, TaskWaiter};

use crate::context::{Context, Watch};
use crate::polled::{Attempt, Polled};

/// A descriptor of whatever kind, and the waiting for it: with this a library that has its own non-blocking descriptor (a database's protocol, a
/// device, `inotify`, `timerfd`, `eventfd`, a socket of a family that [`net`](super) does not know) is carried over to goroutines.
///
/// Either [`readable`](Self::readable) and [`writable`](Self::writable) say when to go on: they look (`poll`, without waiting) and wait only if it is
/// not so now. Or, better where the call is at hand, [`read_io`](Self::read_io) and [`write_io`](Self::write_io) make it, and wait each time it would
/// block: one system call less, and no other goroutine can have taken what there was in between. The second needs a
/// descriptor in non-blocking mode, which is left to the caller, since the mode is shared with whoever else has the file.
///
/// ```
/// use std::fs::File;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use threadle::net::Readiness;
///
/// threadle::run(|| {
///     // Pretend that it is a library's.
///     let (ours, mut theirs) = UnixStream::pair().unwrap();
///     ours.set_nonblocking(true).unwrap();
///     let ours = Readiness::new(ours).unwrap();
///     threadle::go(move || theirs.write_all(b"x").unwrap());
///     ours.readable().unwrap();
///     assert_eq!(ours.read_io(|mut ours| ours.read(&mut [0])).unwrap(), 1);
/// });
/// ```
pub struct Readiness<F: AsFd = OwnedFd> {
    /// The places of a task in the descriptor's queues; before the descriptor, which they refer to.
    reading: Option<TaskWaiter<Ticket>>,
    writing: Option<TaskWaiter<Ticket>>,
    polled: Polled<F>,
}

impl<F: AsFd> Readiness<F> {
    /// Registers a descriptor with the runtime of the caller. `F` owns it (an [`OwnedFd`], a socket of std), or borrows it ([`BorrowedFd`]) for as
    /// long as this lives; whichever it is, the same open file must not be registered twice in one runtime. (An accepted connection of ours is
    /// registered when somebody first waits on it: then that wait is what fails, not this call.)
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Not a file that can be waited for (`PermissionDenied`: regular files are always ready); registered already; what else the system says.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use std::{fs::File, io::ErrorKind};
    /// threadle::run(|| {
    ///     let file = File::open("/proc/self/exe").unwrap();
    ///     assert_eq!(threadle::net::Readiness::new(file).unwrap_err().kind(), ErrorKind::PermissionDenied);
    /// });
    /// ```
    #[track_caller]
    pub fn new(file: F) -> io::Result<Readiness<F>> {
        Ok(Readiness { reading: None, writing: None, polled: Polled::new(file)? })
    }

    /// What was registered.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let reader = threadle::net::Readiness::new(reader).unwrap();
    ///     assert!(reader.get_ref().try_clone().is_ok());
    /// });
    /// ```
    pub fn get_ref(&self) -> &F {
        self.polled.file()
    }

    /// What was registered, no longer so.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let reader = threadle::net::Readiness::new(reader).unwrap().into_inner();
    ///     assert!(threadle::net::Readiness::new(reader).is_ok(), "registered again");
    /// });
    /// ```
    pub fn into_inner(self) -> F {
        let Readiness { reading, writing, polled } = self;
        drop((reading, writing));
        polled.into_file()
    }

    /// Waits until a read would not block: there is something, the end, or an error.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// `TimedOut` at the deadline or time-out; closed; the runtime it was registered in has stopped.
    ///
    /// ```
    /// use std::io::{ErrorKind, Write};
    /// use std::time::{Duration, Instant};
    /// threadle::run(|| {
    ///     let (reader, mut writer) = std::io::pipe().unwrap();
    ///     let reader = threadle::net::Readiness::new(reader).unwrap();
    ///     reader.set_read_deadline(Some(Instant::now() + Duration::from_millis(2)));
    ///     assert_eq!(reader.readable().unwrap_err().kind(), ErrorKind::TimedOut);
    ///     reader.set_read_deadline(None);
    ///     writer.write_all(b"x").unwrap();
    ///     reader.readable().unwrap();
    ///     reader.readable().unwrap(); // still: nobody has read it
    /// });
    /// ```
    #[track_caller]
    pub fn readable(&self) -> io::Result<()> {
        self.polled.call(Direction::Read, |file| level(file, libc::POLLIN))
    }

    /// As [`readable`](Self::readable), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `readable`; the context has ended.
    ///
    /// ```
    /// use threadle::context::{Context, ContextError};
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let reader = threadle::net::Readiness::new(reader).unwrap();
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     threadle::go(move || cancel.cancel());
    ///     assert!(ContextError::of(&reader.readable_with(&context).unwrap_err()).unwrap().is_cancelled());
    /// });
    /// ```
    #[track_caller]
    pub fn readable_with(&self, context: &Context) -> io::Result<()> {
        let watch = Watch::new(context)?;
        self.polled.call_within(Direction::Read, Some(&watch), |file| level(file, libc::POLLIN))
    }

    /// Waits until a write would not block: there is room, nobody to read, or an error.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`readable`](Self::readable).
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (_reader, writer) = std::io::pipe().unwrap();
    ///     threadle::net::Readiness::new(writer).unwrap().writable().unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn writable(&self) -> io::Result<()> {
        self.polled.call(Direction::Write, |file| level(file, libc::POLLOUT))
    }

    /// As [`writable`](Self::writable), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `writable`; the context has ended.
    ///
    /// ```
    /// use threadle::context::Context;
    /// threadle::run(|| {
    ///     let (_reader, writer) = std::io::pipe().unwrap();
    ///     threadle::net::Readiness::new(writer).unwrap().writable_with(&Context::background()).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn writable_with(&self, context: &Context) -> io::Result<()> {
        let watch = Watch::new(context)?;
        self.polled.call_within(Direction::Write, Some(&watch), |file| level(file, libc::POLLOUT))
    }

    /// Makes a call that reads, and whenever it is `WouldBlock` waits and makes it again; also when it is `Interrupted`. It must not block
    /// otherwise: that would hold up the goroutines of its thread.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of the call; those of [`readable`](Self::readable).
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// threadle::run(|| {
    ///     let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ///     ours.set_nonblocking(true).unwrap();
    ///     let ours = threadle::net::Readiness::new(ours).unwrap();
    ///     threadle::go(move || theirs.write_all(b"hello").unwrap());
    ///     assert_eq!(ours.read_io(|mut ours| ours.read(&mut [0; 16])).unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn read_io<T>(&self, call: impl FnMut(&F) -> io::Result<T>) -> io::Result<T> {
        self.polled.call(Direction::Read, call)
    }

    /// As [`read_io`](Self::read_io), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `read_io`; the context has ended: then the call has not succeeded.
    ///
    /// ```
    /// use std::{io::{ErrorKind, Read}, time::Duration};
    /// use threadle::context::Context;
    /// threadle::run(|| {
    ///     let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ///     ours.set_nonblocking(true).unwrap();
    ///     let ours = threadle::net::Readiness::new(ours).unwrap();
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let error = ours.read_io_with(&context, |mut ours| ours.read(&mut [0])).unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    #[track_caller]
    pub fn read_io_with<T>(&self, context: &Context, call: impl FnMut(&F) -> io::Result<T>) -> io::Result<T> {
        self.polled.call_within(Direction::Read, Some(&Watch::new(context)?), call)
    }

    /// As [`read_io`](Self::read_io), for a call that writes.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of the call; those of [`writable`](Self::writable).
    ///
    /// ```
    /// use std::io::Write;
    /// threadle::run(|| {
    ///     let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ///     ours.set_nonblocking(true).unwrap();
    ///     let ours = threadle::net::Readiness::new(ours).unwrap();
    ///     assert_eq!(ours.write_io(|mut ours| ours.write(b"hello")).unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn write_io<T>(&self, call: impl FnMut(&F) -> io::Result<T>) -> io::Result<T> {
        self.polled.call(Direction::Write, call)
    }

    /// As [`write_io`](Self::write_io), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As `write_io`; the context has ended: then the call has not succeeded.
    ///
    /// ```
    /// use std::io::Write;
    /// use threadle::context::Context;
    /// threadle::run(|| {
    ///     let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ///     let ours = threadle::net::Readiness::new(ours).unwrap();
    ///     let context = Context::background();
    ///     assert_eq!(ours.write_io_with(&context, |mut ours| ours.write(b"hello")).unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn write_io_with<T>(&self, context: &Context, call: impl FnMut(&F) -> io::Result<T>) -> io::Result<T> {
        self.polled.call_within(Direction::Write, Some(&Watch::new(context)?), call)
    }

    /// For a future: ready when a read would not block. Remembers one waker, that of the last pending call.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`readable`](Self::readable).
    ///
    /// ```
    /// use std::task::{Context, Waker};
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let mut reader = threadle::net::Readiness::new(reader).unwrap();
    ///     assert!(reader.poll_readable(&mut Context::from_waker(Waker::noop())).is_pending());
    /// });
    /// ```
    pub fn poll_readable(&mut self, context: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let waiter = self.reading.get_or_insert_with(|| self.polled.task(Direction::Read));
        self.polled.poll(Direction::Read, waiter, context, |file| Attempt::from(level(file, libc::POLLIN)))
    }

    /// For a future: ready when a write would not block. Remembers one waker, that of the last pending call.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`writable`](Self::writable).
    ///
    /// ```
    /// use std::task::{Context, Waker};
    /// threadle::run(|| {
    ///     let (_reader, writer) = std::io::pipe().unwrap();
    ///     let mut writer = threadle::net::Readiness::new(writer).unwrap();
    ///     assert!(writer.poll_writable(&mut Context::from_waker(Waker::noop())).is_ready());
    /// });
    /// ```
    pub fn poll_writable(&mut self, context: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let waiter = self.writing.get_or_insert_with(|| self.polled.task(Direction::Write));
        self.polled.poll(Direction::Write, waiter, context, |file| Attempt::from(level(file, libc::POLLOUT)))
    }

    /// Until when waits for reading may go on; `None`: for ever. One that goes on already is held to it too.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Instant};
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let reader = threadle::net::Readiness::new(reader).unwrap();
    ///     reader.set_read_deadline(Some(Instant::now()));
    ///     assert_eq!(reader.readable().unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.polled.set_deadline(Direction::Read, deadline);
    }

    /// Until when waits for writing may go on; `None`: for ever. One that goes on already is held to it too.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Instant};
    /// threadle::run(|| {
    ///     let (_reader, writer) = std::io::pipe().unwrap();
    ///     let writer = threadle::net::Readiness::new(writer).unwrap();
    ///     writer.set_write_deadline(Some(Instant::now()));
    ///     assert_eq!(writer.writable().unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.polled.set_deadline(Direction::Write, deadline);
    }

    /// How long each single wait for reading may last. Holds for calls made from now on.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// A zero time-out is `InvalidInput`.
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let reader = threadle::net::Readiness::new(reader).unwrap();
    ///     reader.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    ///     assert_eq!(reader.readable().unwrap_err().kind(), ErrorKind::TimedOut);
    /// });
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.polled.limit(Direction::Read).set_timeout(timeout)
    }

    /// How long each single wait for writing may last. Holds for calls made from now on.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// A zero time-out is `InvalidInput`.
    ///
    /// ```
    /// use std::time::Duration;
    /// threadle::run(|| {
    ///     let (_reader, writer) = std::io::pipe().unwrap();
    ///     let writer = threadle::net::Readiness::new(writer).unwrap();
    ///     assert!(writer.set_write_timeout(Some(Duration::ZERO)).is_err());
    /// });
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.polled.limit(Direction::Write).set_timeout(timeout)
    }

    /// Ends all waiting, now and later, with an error. What was registered stays open until this is dropped. Closing again does nothing.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (reader, _writer) = std::io::pipe().unwrap();
    ///     let reader = std::sync::Arc::new(threadle::net::Readiness::new(reader).unwrap());
    ///     let waiting = threadle::go({ let reader = reader.clone(); move || reader.readable() });
    ///     reader.close();
    ///     assert!(waiting.join().unwrap().is_err());
    /// });
    /// ```
    pub fn close(&self) {
        self.polled.close();
    }
}

/// Whether one of `events` is the case now; `WouldBlock` if not. A hang-up or an error is reported by the call for whose sake it is asked.
pub(super) fn level(file: &impl AsFd, events: libc::c_short) -> io::Result<()> {
    let mut asked = libc::pollfd { fd: file.as_fd().as_raw_fd(), events, revents: 0 };
    // SAFETY: one `pollfd`, ours; it does not wait.
    match unsafe { libc::poll(&raw mut asked, 1, 0) } {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        1 if asked.revents & libc::POLLNVAL != 0 => Err(io::Error::from_raw_os_error(libc::EBADF)),
        1 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl<F: AsFd> AsFd for Readiness<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.polled.file().as_fd()
    }
}

impl<F: AsFd> AsRawFd for Readiness<F> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<F: AsFd> fmt::Debug for Readiness<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("fd", &self.as_raw_fd()).finish()
    }
}
