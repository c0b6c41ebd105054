//! What sockets, pipes and pidfds share: a registered descriptor, its limits, and the loop of a call. "How a call waits" in `net` is about it.

mod attempt;
mod limit;

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::Instant;

use threadle_scheduler::io::{
    Descriptor, Direction, Operation, TaskWaiter, Wait, closed_error, register, register_lazily, stopped_error,
    wake_all,
};
use threadle_scheduler::{Host, Parking, Reason, Ticket, checkpoint};

use crate::context::Watch;
use crate::wait::{self, park_within};
pub(crate) use attempt::Attempt;
pub(crate) use limit::{Limit, timed_out};

/// A file that the poller of a runtime watches.
#[derive(Debug)]
pub(crate) struct Polled<F> {
    /// Before the file: it must be gone from the poller when the number is given back.
    descriptor: Descriptor<Ticket>,
    file: F,
    read: Limit,
    write: Limit,
}

impl<F: AsFd> Polled<F> {
    /// Registers a non-blocking file (a socket must be bound or connecting already) with the runtime of the caller, and panics outside one.
    #[track_caller]
    pub(crate) fn new(file: F) -> io::Result<Self> {
        Ok(Self::of(register(file.as_fd())?, file))
    }

    /// As [`new`](Self::new), of a file that can be waited for without doubt: the kernel is told when somebody first has to.
    #[track_caller]
    pub(crate) fn new_lazily(file: F) -> io::Result<Self> {
        Ok(Self::of(register_lazily(file.as_fd())?, file))
    }

    /// As [`new`](Self::new), with the runtime named.
    pub(crate) fn new_in(host: Host, file: F) -> io::Result<Self> {
        Ok(Self::of(host.register(file.as_fd())?, file))
    }

    fn of(descriptor: Descriptor<Ticket>, file: F) -> Self {
        Polled { descriptor, file, read: Limit::default(), write: Limit::default() }
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }

    pub(crate) fn limit(&self, direction: Direction) -> &Limit {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    pub(crate) fn set_deadline(&self, direction: Direction, deadline: Option<Instant>) {
        self.limit(direction).set_deadline(deadline);
        // The store above, then this: see "How a call waits" in the module.
        wake_all(self.descriptor.recheck(direction));
    }

    /// For those who make the loop of a call themselves.
    pub(crate) fn operation(&self, direction: Direction) -> Operation<'_, Ticket> {
        self.descriptor.operation(direction)
    }

    pub(crate) fn task(&self, direction: Direction) -> TaskWaiter<Ticket> {
        self.descriptor.task(direction)
    }

    /// One blocking call: tries, and waits for as long as that would block. Switches.
    #[track_caller]
    pub(crate) fn call<T>(&self, direction: Direction, attempt: impl FnMut(&F) -> io::Result<T>) -> io::Result<T> {
        self.call_within(direction, None, attempt)
    }

    /// As [`call`](Self::call), until the watched context ends at most. An attempt that was made counts; none is made after the end.
    #[track_caller]
    pub(crate) fn call_within<T>(
        &self,
        direction: Direction,
        watch: Option<&Watch<'_>>,
        mut attempt: impl FnMut(&F) -> io::Result<T>,
    ) -> io::Result<T> {
        self.attempts(direction, watch, |file| attempt(file).into())
    }

    /// As [`call_within`](Self::call_within), of a call that says more of what it found.
    #[track_caller]
    pub(crate) fn attempts<T>(
        &self,
        direction: Direction,
        watch: Option<&Watch<'_>>,
        mut attempt: impl FnMut(&F) -> Attempt<T>,
    ) -> io::Result<T> {
        self.check(direction)?;
        let mut operation = self.descriptor.operation(direction);
        let mut waiting = Waiting { began: None, pause: None, parked: false, watch };
        let result = loop {
            if let Some(Err(error)) = watch.map(Watch::check) {
                // An event that was meant for us is passed on by `finish`.
                break Err(error.into());
            }
            operation.begin();
            let skip = operation.is_exhausted() || waiting.pauses();
            match if skip { Attempt::Blocks } else { attempt(&self.file) } {
                Attempt::Over(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Attempt::Blocks => {}
                Attempt::Pause(pause) => waiting.pause = crate::base::now().checked_add(pause),
                // The shutdown in `close` makes a read say "end" and an accept "invalid": that is not the peer's doing.
                _ if self.descriptor.is_closed() => break Err(closed_error()),
                Attempt::Short(value) => {
                    operation.exhaust();
                    break Ok(value);
                }
                Attempt::Over(result) => break result,
            }
            if let Err(error) = self.wait(&mut operation, direction, &mut waiting) {
                break Err(error);
            }
        };
        if let Some(next) = operation.finish() {
            wake_all(next);
        }
        if !waiting.parked {
            checkpoint();
        }
        result
    }

    /// Waits for the next event of `direction`, or for the end of a pause, or until something has changed: in any case, try again.
    #[cold]
    #[track_caller]
    fn wait(
        &self,
        operation: &mut Operation<'_, Ticket>,
        direction: Direction,
        waiting: &mut Waiting<'_>,
    ) -> io::Result<()> {
        let parking = Parking::open(Reason::IoWait);
        let ticket = parking.ticket();
        match if waiting.pause.is_some() { operation.pause(ticket)? } else { operation.wait(ticket)? } {
            Wait::Retry => {}
            Wait::Park => {
                // Read only now, with the waiter queued: whoever changes it from here on wakes us.
                let end = self.limit(direction).end(&mut waiting.began);
                if end.is_some_and(|end| end <= crate::base::now()) {
                    return Err(timed_out());
                }
                waiting.parked = true;
                let end = earlier(end, waiting.pause);
                let limit = waiting.watch.map_or(wait::Limit::NONE, Watch::limit).no_later_than(end);
                let operation = &*operation;
                // SAFETY: descriptors and their operations are for every thread, and it is called in the waiter's place.
                let _woken: bool =
                    unsafe { park_within(parking, limit, &|| operation.forsake().into_iter().for_each(wake_all)) };
            }
            Wait::Closed => return Err(closed_error()),
            Wait::Stopped => return Err(stopped_error()),
        }
        Ok(())
    }

    /// One call of a task; never blocks. An attempt must not ask for a [pause](Attempt::Pause).
    pub(crate) fn poll<T>(
        &self,
        direction: Direction,
        waiter: &mut TaskWaiter<Ticket>,
        context: &mut Context<'_>,
        mut attempt: impl FnMut(&F) -> Attempt<T>,
    ) -> Poll<io::Result<T>> {
        if let Err(error) = self.check(direction) {
            return Poll::Ready(Err(error));
        }
        waiter.poll_transfer(context, || {
            loop {
                match attempt(&self.file) {
                    Attempt::Over(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                    Attempt::Blocks | Attempt::Pause(_) => return Err(io::ErrorKind::WouldBlock.into()),
                    _ if self.descriptor.is_closed() => return Err(closed_error()),
                    Attempt::Short(value) => return Ok((value, true)),
                    Attempt::Over(result) => return result.map(|value| (value, false)),
                }
            }
        })
    }

    /// What ends a call before it is made, also one that would not have to wait.
    fn check(&self, direction: Direction) -> io::Result<()> {
        if self.descriptor.is_closed() {
            return Err(closed_error());
        }
        if self.limit(direction).has_passed() { Err(timed_out()) } else { Ok(()) }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.descriptor.is_closed()
    }

    /// Waiting and later calls, of whatever handle, end with an error. The number is given back with the last handle.
    pub(crate) fn close(&self) {
        wake_all(self.descriptor.close());
    }

    /// The file itself, no longer registered, still non-blocking.
    pub(crate) fn into_file(self) -> F {
        self.close();
        self.file
    }
}

struct Waiting<'a> {
    /// When the call first had to wait, if a time-out needs to know.
    began: Option<Instant>,
    /// Not to be tried again before.
    pause: Option<Instant>,
    parked: bool,
    watch: Option<&'a Watch<'a>>,
}

impl Waiting<'_> {
    /// Whether it is too early to try again: an event, or a change of the deadline, has ended a pause.
    fn pauses(&mut self) -> bool {
        self.pause = self.pause.filter(|pause| *pause > crate::base::now());
        self.pause.is_some()
    }
}

/// The earlier of two ends, of which none is never.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
