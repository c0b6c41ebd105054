//! A registered descriptor, and the operations that wait on it.

use crate::direction::{Direction, End, Seen, Wait};
use crate::poller::{Shared, token};
use crate::ready::Ready;
use crate::slab::Slot;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock};
use crate::waiters::{Place, TaskKey, Waits};
use crate::word::Generation;
use mio::Interest;
use mio::unix::SourceFd;
use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::task::{Context, Poll};

/// Urgent data too: where it is announced, a read stops short of what is behind it.
const READING: Interest = Interest::READABLE.add(Interest::PRIORITY);

/// What a call on a closed descriptor ends with.
pub fn closed_error() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "use of a closed descriptor")
}

/// What a call that would block ends with once the runtime that owns the descriptor ended.
pub fn stopped_error() -> io::Error {
    io::Error::other("runtime stopped")
}

/// One registration. Dropping it gives the slot back.
pub(crate) struct Registration<W: Waits> {
    poller: Arc<Shared<W>>,
    slot: &'static Slot<W>,
    index: u32,
    generation: Generation,
    fd: RawFd,
    /// What the kernel knows of it. Held over every change of that.
    kernel: Mutex<Kernel>,
    /// Whether the kernel watches for reading, and for writing: what can be waited for without that lock.
    watched: [AtomicBool; 2],
}

/// What the kernel knows of a descriptor.
#[derive(Clone, Copy)]
enum Kernel {
    /// Nothing yet: nobody had to wait.
    Unaware,
    Watches(Interest),
    /// Nothing any more: the number may belong to another file, and must not be spoken of.
    Forgot,
}

impl<W: Waits> Registration<W> {
    /// Takes a slot. The kernel is not told yet.
    pub(crate) fn new(poller: Arc<Shared<W>>, fd: RawFd) -> io::Result<Self> {
        let (index, slot) = poller.take_slot()?;
        let generation = slot.side(Direction::Read).generation();
        Ok(Registration {
            poller,
            slot,
            index,
            generation,
            fd,
            kernel: Mutex::new(Kernel::Unaware),
            watched: [AtomicBool::new(false), AtomicBool::new(false)],
        })
    }

    /// Whether the kernel watches for `direction`.
    fn watched(&self, direction: Direction) -> &AtomicBool {
        &self.watched[direction as usize]
    }

    /// Has the kernel watch for `direction`, from the first time on that somebody is to wait for it. The kernel then reports the present level as
    /// an event, so nothing that came before is missed. To be called before each wait; does nothing once it is closed, which the wait will say.
    #[inline]
    pub(crate) fn watch(&self, direction: Direction) -> io::Result<()> {
        if self.watched(direction).load(Ordering::Acquire) { Ok(()) } else { self.tell(direction) }
    }

    /// As `watch`, for one who has not tried since `seen`, if a short transfer said that it need not. False: the kernel refuses, and it has to.
    fn watch_since(&self, direction: Direction, seen: Seen) -> io::Result<bool> {
        match self.watch(direction) {
            Err(_) if seen.is_exhausted() => {
                // What has come since had no event, and will have none.
                self.slot.side(direction).may_have_more();
                Ok(false)
            }
            watched => watched.map(|()| true),
        }
    }

    #[cold]
    fn tell(&self, direction: Direction) -> io::Result<()> {
        let mut kernel = lock(&self.kernel);
        let wanted = match direction {
            Direction::Read => READING,
            Direction::Write => READING.add(Interest::WRITABLE),
        };
        let (registry, token) = (&self.poller.registry, token(self.index, self.generation));
        match *kernel {
            Kernel::Unaware => registry.register(&mut SourceFd(&self.fd), token, wanted)?,
            Kernel::Watches(present) if wanted.is_writable() && !present.is_writable() => {
                registry.reregister(&mut SourceFd(&self.fd), token, wanted)?;
            }
            Kernel::Watches(_) | Kernel::Forgot => return Ok(()),
        }
        *kernel = Kernel::Watches(wanted);
        self.watched(Direction::Read).store(true, Ordering::Release);
        self.watched(direction).store(true, Ordering::Release);
        Ok(())
    }

    fn close(&self) -> Ready<W> {
        let mut ready = Ready::new();
        let mut kernel = lock(&self.kernel);
        for side in self.slot.sides() {
            side.end(End::Closed, self.generation, &self.poller.count, &mut ready);
        }
        if let Kernel::Watches(_) = std::mem::replace(&mut *kernel, Kernel::Forgot) {
            // An error means that the kernel watches it no longer, because the caller closed it too early.
            let _ = self.poller.registry.deregister(&mut SourceFd(&self.fd));
        }
        ready
    }
}

impl<W: Waits> Drop for Registration<W> {
    fn drop(&mut self) {
        // Only an operation that was forgotten, not dropped, can still be queued.
        let forgotten = self.close();
        self.poller.leave(forgotten);
        self.poller.slab.recycle(self.index);
    }
}

/// A descriptor whose readiness a [`Poller`](crate::Poller) watches. Cheap to clone.
///
/// It does not own the file: keep that open until [`close`](Self::close) returned or the last clone is gone (in a
/// struct, put the descriptor before the file). Otherwise another file that gets the same number could lose its
/// registration.
pub struct Descriptor<W: Waits> {
    registration: Arc<Registration<W>>,
}

impl<W: Waits> Descriptor<W> {
    pub(crate) fn new(registration: Registration<W>) -> Self {
        Descriptor { registration: Arc::new(registration) }
    }

    /// Begins one blocking operation: a read, a write, an accept, the wait for a connect.
    pub fn operation(&self, direction: Direction) -> Operation<'_, W> {
        let registration = &*self.registration;
        let seen = registration.slot.side(direction).look();
        Operation { registration, direction, seen, place: None }
    }

    /// A waiter for one task. Two tasks that wait for one direction need one each.
    pub fn task(&self, direction: Direction) -> TaskWaiter<W> {
        TaskWaiter { descriptor: self.clone(), direction, key: None }
    }

    /// Takes out everybody who waits for `direction`, without readiness: something they depend on, such as a
    /// deadline, was changed. They try again, look at it, and keep their places in the queue.
    ///
    /// Store the change first. A waiter that reads it after [`Operation::wait`] answered [`Wait::Park`] either sees it
    /// or is in the returned list.
    pub fn recheck(&self, direction: Direction) -> Ready<W> {
        let mut ready = Ready::new();
        self.registration.slot.side(direction).recheck(&self.registration.poller.count, &mut ready);
        ready
    }

    /// Ends the registration: everybody who waits is taken out, every later wait answers [`Wait::Closed`]. Idempotent.
    ///
    /// Does not close the file, which may be closed from now on.
    pub fn close(&self) -> Ready<W> {
        self.registration.close()
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.registration.slot.side(Direction::Read).is_closed()
    }
}

impl<W: Waits> Clone for Descriptor<W> {
    fn clone(&self) -> Self {
        Descriptor { registration: Arc::clone(&self.registration) }
    }
}

impl<W: Waits> fmt::Debug for Descriptor<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor").field("fd", &self.registration.fd).field("slot", self.registration.slot).finish()
    }
}

/// One blocking operation on one direction of a descriptor, from its first system call to its end.
///
/// ```no_run
/// # use std::io;
/// # use threadle_netpoll::{closed_error, stopped_error, Descriptor, Direction, Ready, Wait};
/// # type Ticket = u64;
/// # fn system_call() -> io::Result<usize> { Ok(0) }
/// # fn ticket() -> Ticket { 0 }
/// # fn park() {}
/// # fn wake_all(_: Ready<Ticket>) {}
/// fn read(descriptor: &Descriptor<Ticket>) -> io::Result<usize> {
///     let mut operation = descriptor.operation(Direction::Read);
///     let result = loop {
///         operation.begin();
///         match system_call() {
///             Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
///             result => break result,
///         }
///         match operation.wait(ticket()) {
///             Ok(Wait::Retry) => {}
///             Ok(Wait::Park) => park(),
///             Ok(Wait::Closed) => break Err(closed_error()),
///             Ok(Wait::Stopped) => break Err(stopped_error()),
///             Err(error) => break Err(error),
///         }
///     };
///     if let Some(next) = operation.finish() {
///         wake_all(next);
///     }
///     result
/// }
/// ```
///
/// Dropping it in place of [`finish`](Self::finish) (a panic) loses nobody: the poll hands on then, later.
#[must_use = "an operation does nothing until it is told to"]
pub struct Operation<'a, W: Waits> {
    registration: &'a Registration<W>,
    direction: Direction,
    seen: Seen,
    /// `None`: it was never queued, or it is finished.
    place: Option<Place>,
}

impl<W: Waits> Operation<'_, W> {
    /// To be called before every system call: a `WouldBlock` that follows knows of the events up to here. One load.
    pub fn begin(&mut self) {
        self.seen = self.registration.slot.side(self.direction).look();
    }

    /// After `WouldBlock`: queues `waiter` for the next event, unless one came since [`begin`](Self::begin).
    ///
    /// Blocking waiters of one direction are served in order, one for each event and one for each that finishes without
    /// having drained it. One that was woken in vain goes back to its place; one that is still queued is replaced.
    ///
    /// # Errors
    /// What `epoll_ctl` says, when the direction is to be watched for the first time.
    pub fn wait(&mut self, waiter: W) -> io::Result<Wait> {
        if !self.registration.watch_since(self.direction, self.seen)? {
            return Ok(Wait::Retry);
        }
        let side = self.registration.slot.side(self.direction);
        Ok(side.wait(self.seen, &mut self.place, waiter, &self.registration.poller.count))
    }

    /// As [`wait`](Self::wait), for a waiter whose call failed for another reason than that it would block, and who will try again, by a
    /// clock of its own or after an event: an accept without a free descriptor, for one. It leaves readiness as it is, so that whoever waits
    /// behind it is not passed over.
    ///
    /// # Errors
    /// As `wait`.
    pub fn pause(&mut self, waiter: W) -> io::Result<Wait> {
        if !self.registration.watch_since(self.direction, self.seen)? {
            return Ok(Wait::Retry);
        }
        let side = self.registration.slot.side(self.direction);
        Ok(side.pause(self.seen, &mut self.place, waiter, &self.registration.poller.count))
    }

    /// Whether the system call need not be made: the last transfer was short, no event came since, and so it would block. To be asked after
    /// [`begin`](Self::begin), and followed by [`wait`](Self::wait) if so.
    pub fn is_exhausted(&self) -> bool {
        self.seen.is_exhausted()
    }

    /// After a transfer that was shorter than it might have been, of a file for which that means that there was no more (see
    /// "Short transfers" in the README): the next call waits first.
    pub fn exhaust(&self) {
        self.registration.slot.side(self.direction).exhaust(self.seen);
    }

    /// To be called at the end, whatever the result: takes the waiter out if it is still queued, and hands on to the
    /// next one, which is returned, if there may be something left for it. One that never waited, or that nobody waits
    /// behind, looks, and no more.
    #[must_use = "whoever is in this list sleeps until it is woken"]
    #[inline]
    pub fn finish(mut self) -> Option<Ready<W>> {
        self.release()
    }

    /// What [`finish`](Self::finish) does, by somebody else, for an operation that never goes on, since its owner has ceased to exist: needed
    /// if its waiter was claimed and has not run, or [pauses](Self::pause); harmless if it waits. Nothing else may be done with the operation
    /// afterwards.
    #[must_use = "whoever is in this list sleeps until it is woken"]
    #[inline]
    pub fn forsake(&self) -> Option<Ready<W>> {
        self.registration.slot.side(self.direction).finish(self.place?, &self.registration.poller.count)
    }

    fn release(&mut self) -> Option<Ready<W>> {
        let next = self.forsake();
        self.place = None;
        next
    }
}

impl<W: Waits> Drop for Operation<'_, W> {
    fn drop(&mut self) {
        if let Some(next) = self.release() {
            self.registration.poller.leave(next);
        }
    }
}

impl<W: Waits> fmt::Debug for Operation<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("fd", &self.registration.fd)
            .field("direction", &self.direction)
            .field("seen", &self.seen)
            .field("place", &self.place)
            .finish()
    }
}

/// A waiter for one direction of a descriptor by one task. Holds at most one waker in the descriptor, and none while
/// no call is pending.
pub struct TaskWaiter<W: Waits> {
    descriptor: Descriptor<W>,
    direction: Direction,
    /// `None`: no waker is registered.
    key: Option<TaskKey>,
}

impl<W: Waits> TaskWaiter<W> {
    /// Makes `call` and, as long as it would block, registers the task's waker in the place of the former one.
    /// Never blocks.
    ///
    /// # Errors
    /// Those of `call` other than `WouldBlock`; [`closed_error`]; [`stopped_error`]; what `epoll_ctl` says, when the
    /// direction is to be watched for the first time.
    pub fn poll_io<T>(
        &mut self,
        context: &mut Context<'_>,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.poll_transfer(context, || call().map(|value| (value, false)))
    }

    /// As [`poll_io`](Self::poll_io), of a call that tells whether its transfer was [short](Operation::exhaust): the next one waits first then.
    ///
    /// # Errors
    /// As `poll_io`.
    pub fn poll_transfer<T>(
        &mut self,
        context: &mut Context<'_>,
        mut call: impl FnMut() -> io::Result<(T, bool)>,
    ) -> Poll<io::Result<T>> {
        let result = loop {
            let side = self.descriptor.registration.slot.side(self.direction);
            let seen = side.look();
            if !seen.is_exhausted() {
                match call() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Ok((value, short)) => {
                        if short {
                            side.exhaust(seen);
                        }
                        break Ok(value);
                    }
                    Err(error) => break Err(error),
                }
            }
            match self.wait(seen, context) {
                Ok(Wait::Retry) => {}
                Ok(Wait::Park) => return Poll::Pending,
                Ok(Wait::Closed) => break Err(closed_error()),
                Ok(Wait::Stopped) => break Err(stopped_error()),
                Err(error) => break Err(error),
            }
        };
        self.forget();
        Poll::Ready(result)
    }

    fn wait(&mut self, seen: Seen, context: &Context<'_>) -> io::Result<Wait> {
        let registration = &*self.descriptor.registration;
        if !registration.watch_since(self.direction, seen)? {
            return Ok(Wait::Retry);
        }
        // Cloned before the list's lock is taken, the unneeded one dropped after it: both run foreign code.
        let waker = context.waker().clone();
        let side = registration.slot.side(self.direction);
        let (answer, unneeded) = side.wait_task(seen, &mut self.key, waker, &registration.poller.count);
        drop(unneeded);
        Ok(answer)
    }

    fn forget(&mut self) {
        if let Some(key) = self.key.take() {
            let registration = &*self.descriptor.registration;
            let waker = registration.slot.side(self.direction).forget_task(key, &registration.poller.count);
            drop(waker);
        }
    }
}

impl<W: Waits> Drop for TaskWaiter<W> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl<W: Waits> fmt::Debug for TaskWaiter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskWaiter")
            .field("fd", &self.descriptor.registration.fd)
            .field("direction", &self.direction)
            .field("is_registered", &self.key.is_some())
            .finish()
    }
}
