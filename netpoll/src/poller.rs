//! The poller: the right to poll, and what comes out of a poll.

use crate::descriptor::{Descriptor, Registration, stopped_error};
use crate::direction::{self, Direction, End};
use crate::interrupt::{Blocked, Interrupt, Nanos};
use crate::ready::{Ready, WaiterCount};
use crate::slab::{Slab, Slot};
use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, lock};
use crate::timerfd::TimerFd;
use crate::waiters::Waits;
use crate::word::{GENERATION_BITS, Generation};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

/// Events taken in one poll, as many as Go takes. What is left over stays with the kernel for the next one.
const BATCH: usize = 128;

/// Tokens of descriptors are an index of 32 bits over a generation of 24; these two are out of their reach.
const INTERRUPT: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
const _: () = assert!(usize::BITS > u32::BITS + GENERATION_BITS, "tokens hold an index and a generation");

pub(crate) fn token(index: u32, generation: Generation) -> Token {
    Token((index as usize) << GENERATION_BITS | generation.bits() as usize)
}

fn parts(token: Token) -> Option<(u32, Generation)> {
    let index = u32::try_from(token.0 >> GENERATION_BITS).ok()?;
    Some((index, Generation::from_bits(token.0 as u32)))
}

/// What an event is to a direction that it says is `ready`, or has come to an end.
fn concern(ready: bool, ends: bool) -> Option<direction::Event> {
    match (ready, ends) {
        (_, true) => Some(direction::Event::Last),
        (true, false) => Some(direction::Event::Ready),
        (false, false) => None,
    }
}

/// What came of a poll.
#[must_use = "the poll may not have taken place"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Polled {
    /// Somebody else is polling. Whatever there is, it will find.
    NotMine,
    /// The poll took place.
    Done {
        /// How many events of descriptors it delivered.
        events: usize,
        /// Somebody called [`Poller::interrupt`]: look at the timers and queues again.
        interrupted: bool,
    },
}

/// How long a blocking poll may sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sleep {
    /// Not at all: something else turned up. Nothing is polled.
    Not,
    /// Until then, unless an event or an interrupt comes first. Exact to the timer's resolution, not to milliseconds.
    Until(Instant),
    /// Until an event or an interrupt comes.
    Forever,
}

/// What one poll at a time works with.
struct Driver {
    poll: Poll,
    events: Events,
    timer: TimerFd,
}

/// What a batch of events amounted to.
struct Batch {
    events: usize,
    rung: bool,
}

pub(crate) struct Shared<W: Waits> {
    pub(crate) registry: Registry,
    pub(crate) slab: &'static Slab<W>,
    pub(crate) count: Arc<WaiterCount>,
    /// Tells the slots of this poller from those of others in the same slab.
    id: u64,
    driver: Mutex<Driver>,
    waker: Waker,
    interrupt: Interrupt,
    /// Held for reading while a slot is taken, so that a stop meets every slot of this poller.
    stopped: RwLock<bool>,
    /// Those that a dropped operation owed a wake-up, for the next poll to return.
    left: Mutex<Ready<W>>,
    origin: Instant,
    /// When a poll last ended, in nanoseconds since the origin.
    last_poll: AtomicU64,
}

impl<W: Waits> Shared<W> {
    /// A slot of this poller's.
    pub(crate) fn take_slot(&self) -> io::Result<(u32, &'static Slot<W>)> {
        let stopped = self.stopped.read().unwrap_or_else(PoisonError::into_inner);
        if *stopped { Err(stopped_error()) } else { Ok(self.slab.take(self.id)) }
    }

    /// Leaves somebody to be woken to the next poll, and sees to it that there is one soon.
    pub(crate) fn leave(&self, mut ready: Ready<W>) {
        if !ready.is_empty() {
            lock(&self.left).append(&mut ready);
            self.interrupt();
        }
    }

    fn interrupt(&self) {
        self.interrupt.raise(|| self.ring());
    }

    fn ring(&self) {
        // The descriptor is ours and non-blocking, and mio resets a counter that is full: no error is left.
        self.waker.wake().expect("an eventfd takes a write");
    }

    fn nanos(&self, instant: Instant) -> Nanos {
        let nanos = instant.saturating_duration_since(self.origin).as_nanos();
        Nanos::new(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The end of every poll that took place.
    fn collect(&self, ready: &mut Ready<W>) {
        ready.append(&mut lock(&self.left));
    }

    /// One `epoll_wait`. `None`: a signal came.
    fn wait(&self, driver: &mut Driver, timeout: Option<Duration>, ready: &mut Ready<W>) -> io::Result<Option<Batch>> {
        match driver.poll.poll(&mut driver.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            result => result?,
        }
        let now = self.origin.elapsed().as_nanos();
        self.last_poll.store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
        let mut batch = Batch { events: 0, rung: false };
        for event in &driver.events {
            match event.token() {
                INTERRUPT => batch.rung = true,
                TIMER => driver.timer.expired(),
                token => batch.events += usize::from(self.dispatch(token, event, ready)),
            }
        }
        Ok(Some(batch))
    }

    /// Delivers one event to both directions it concerns. False: it was stale and changed nothing.
    fn dispatch(&self, token: Token, event: &Event, ready: &mut Ready<W>) -> bool {
        // A hang-up or an error concerns both directions, and a bare hang-up is neither readable nor writable.
        let failed = event.is_error();
        let read_ends = event.is_read_closed() || event.is_priority() || failed;
        let write_ends = event.is_write_closed() || failed;
        let read = concern(event.is_readable(), read_ends);
        let write = concern(event.is_writable(), write_ends);
        self.deliver(token, read, Direction::Read, ready) | self.deliver(token, write, Direction::Write, ready)
    }

    fn deliver(
        &self,
        token: Token,
        event: Option<direction::Event>,
        direction: Direction,
        ready: &mut Ready<W>,
    ) -> bool {
        let (Some(event), Some((index, generation))) = (event, parts(token)) else { return false };
        self.slab.get(index).is_some_and(|slot| slot.side(direction).deliver(event, generation, &self.count, ready))
    }

    fn stop(&self) -> Ready<W> {
        let mut ready = Ready::new();
        let was_stopped = {
            let mut stopped = self.stopped.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *stopped, true)
        };
        if was_stopped {
            return ready;
        }
        // No slot is taken by this poller any more. One that another poller takes meanwhile has another generation by
        // the time it has another owner, and is left alone.
        for slot in self.slab.iter() {
            let generation = slot.side(Direction::Read).generation();
            if slot.owner() == self.id {
                for side in slot.sides() {
                    side.end(End::Stopped, generation, &self.count, &mut ready);
                }
            }
        }
        // Nor is there another poll to return them.
        self.collect(&mut ready);
        ready
    }
}

/// Watches descriptors, for one runtime. Cheap to clone.
///
/// It wakes nobody: polls and everything else that makes waiters ready return them in a [`Ready`] list.
pub struct Poller<W: Waits> {
    shared: Arc<Shared<W>>,
}

impl<W: Waits> Poller<W> {
    /// A poller whose descriptors live in `slab`. Takes four file descriptors, all closed on exec.
    ///
    /// # Errors
    /// Those of `epoll_create1`, `eventfd`, `timerfd_create` and `fcntl`: too many open files, or no memory.
    pub fn new(slab: &'static Slab<W>) -> io::Result<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);

        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, INTERRUPT)?;
        let timer = TimerFd::new()?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        let shared = Shared {
            registry,
            slab,
            count: Arc::new(WaiterCount::new()),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            driver: Mutex::new(Driver { poll, events: Events::with_capacity(BATCH), timer }),
            waker,
            interrupt: Interrupt::new(),
            stopped: RwLock::new(false),
            left: Mutex::new(Ready::new()),
            origin: Instant::now(),
            last_poll: AtomicU64::new(0),
        };
        Ok(Poller { shared: Arc::new(shared) })
    }

    /// Watches `fd`, which must be non-blocking, for readability now and for writability once a write would block.
    ///
    /// Keep the file open until the descriptor is closed or dropped; see [`Descriptor`]. Register a socket after its
    /// `connect` or `listen`: the kernel reports one that did neither as hung up.
    ///
    /// # Errors
    /// Those of `epoll_ctl`: not a file that can be waited for (`EPERM`), registered already, out of memory; and
    /// [`stopped_error`] after [`stop`](Self::stop).
    pub fn register(&self, fd: BorrowedFd<'_>) -> io::Result<Descriptor<W>> {
        let registration = Registration::new(Arc::clone(&self.shared), fd.as_raw_fd())?;
        // On an error the registration is dropped, which closes the slot and gives it back.
        registration.watch(Direction::Read)?;
        Ok(Descriptor::new(registration))
    }

    /// As [`register`](Self::register), but the kernel is told only when somebody first waits, who misses nothing by that ("Who need not wait"
    /// in the README): no system call now, and none at all for a file that nobody has to wait for.
    ///
    /// # Errors
    /// [`stopped_error`]. Those of `epoll_ctl` come from the first [`wait`](crate::Operation::wait): this is for files that
    /// can be waited for without doubt.
    ///
    /// ```
    /// use std::{io::{self, Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// use threadle_netpoll::{Direction, Polled, Poller, Ready, Slab, Wait};
    ///
    /// static DESCRIPTORS: Slab<&'static str> = Slab::new();
    ///
    /// let poller = Poller::new(&DESCRIPTORS)?;
    /// let (mut ours, mut theirs) = UnixStream::pair()?;
    /// let descriptor = poller.register_lazily(ours.as_fd())?;
    /// theirs.write_all(b"early")?;
    /// let mut ready = Ready::new();
    /// assert_eq!(poller.poll_now(&mut ready)?, Polled::Done { events: 0, interrupted: false });
    /// let mut operation = descriptor.operation(Direction::Read);
    /// assert_eq!(operation.wait("one who has not looked")?, Wait::Park);
    /// assert_eq!(poller.poll_now(&mut ready)?, Polled::Done { events: 1, interrupted: false });
    /// assert_eq!(ready.drain().count(), 1);
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn register_lazily(&self, fd: BorrowedFd<'_>) -> io::Result<Descriptor<W>> {
        Registration::new(Arc::clone(&self.shared), fd.as_raw_fd()).map(Descriptor::new)
    }

    /// Takes what events there are, without sleeping. `NotMine` when somebody else polls or sleeps in the poll.
    ///
    /// An interrupt that it meets is left for the next blocking poll.
    ///
    /// # Errors
    /// Those of `epoll_wait`; none is known to occur.
    pub fn poll_now(&self, ready: &mut Ready<W>) -> io::Result<Polled> {
        let shared = &*self.shared;
        if shared.interrupt.is_taken() {
            return Ok(Polled::NotMine);
        }
        let mut driver = match shared.driver.try_lock() {
            Ok(driver) => driver,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(Polled::NotMine),
        };
        let batch = loop {
            if let Some(batch) = shared.wait(&mut driver, Some(Duration::ZERO), ready)? {
                break batch;
            }
        };
        shared.collect(ready);
        Ok(Polled::Done { events: batch.events, interrupted: false })
    }

    /// Takes the turn of the blocked poller and sleeps for events, at most as long as `sleep` says. `NotMine` when
    /// somebody else has the turn.
    ///
    /// If an interrupt is pending it returns at once. Otherwise `sleep` is called at the one moment at which what it
    /// reads is neither too old nor overlooked: an interrupt raised after that ends the sleep. So read the timers
    /// there, and whatever else may forbid to sleep, and do not poll there. A signal ends the sleep too, with no events.
    ///
    /// # Errors
    /// Those of `epoll_wait` and `timerfd_settime`; none is known to occur.
    pub fn poll_blocking(&self, ready: &mut Ready<W>, sleep: impl FnOnce() -> Sleep) -> io::Result<Polled> {
        let shared = &*self.shared;
        let Some(turn) = shared.interrupt.take_turn() else { return Ok(Polled::NotMine) };
        // Waits for a zero-timeout poll at most: whoever blocks has the turn. Being refused instead would leave nobody
        // in the poll.
        let mut driver = lock(&shared.driver);
        let mut interrupted = turn.is_interrupted();
        let mut events = 0;
        if !interrupted {
            let sleep = sleep();
            turn.sleeps_until(match sleep {
                Sleep::Not => Nanos::new(0),
                Sleep::Until(deadline) => shared.nanos(deadline),
                Sleep::Forever => Nanos::FOREVER,
            });
            if let Some(batch) = self.sleep(&mut driver, sleep, ready)? {
                events = batch.events;
                // Cleared before the caller looks again, so that whoever found it set is seen.
                interrupted = batch.rung && turn.is_interrupted();
            }
        }
        shared.collect(ready);
        Ok(Polled::Done { events, interrupted })
    }

    fn sleep(
        &self,
        driver: &mut MutexGuard<'_, Driver>,
        sleep: Sleep,
        ready: &mut Ready<W>,
    ) -> io::Result<Option<Batch>> {
        let timeout = match sleep {
            Sleep::Not => return Ok(None),
            Sleep::Until(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(remaining) if !remaining.is_zero() => {
                    driver.timer.arm(deadline, remaining)?;
                    None
                }
                _ => Some(Duration::ZERO),
            },
            Sleep::Forever => {
                driver.timer.disarm()?;
                None
            }
        };
        self.shared.wait(driver, timeout, ready)
    }

    /// Ends the sleep of the blocked poller, or has the next blocking poll return at once. Publish first what it shall
    /// find. Costs a system call only if no interrupt is on its way already.
    pub fn interrupt(&self) {
        self.shared.interrupt();
    }

    /// Interrupts the blocked poller if it may sleep past `deadline`, that of a timer published before this call.
    pub fn interrupt_if_later(&self, deadline: Instant) -> Blocked {
        let shared = &*self.shared;
        shared.interrupt.raise_if_later(shared.nanos(deadline), || shared.ring())
    }

    /// How long ago a poll last ended. Zero while somebody is blocked in one.
    pub fn since_last_poll(&self, now: Instant) -> Duration {
        let shared = &*self.shared;
        if shared.interrupt.is_taken() {
            return Duration::ZERO;
        }
        let last_poll = Duration::from_nanos(shared.last_poll.load(Ordering::Relaxed));
        now.saturating_duration_since(shared.origin).saturating_sub(last_poll)
    }

    /// Whether somebody is in [`poll_blocking`](Self::poll_blocking), or about to be. A hint.
    pub fn is_watched(&self) -> bool {
        self.shared.interrupt.is_taken()
    }

    /// How many wait on this poller's descriptors, tasks included, or are in a [`Ready`] list that was not drained yet.
    ///
    /// With none there is no point in polling.
    pub fn waiters(&self) -> usize {
        self.shared.count.load()
    }

    /// The owner ended: everybody who waits on one of this poller's descriptors, of whatever runtime, is taken out, and
    /// every later wait answers [`Wait::Stopped`](crate::Wait::Stopped). Idempotent.
    pub fn stop(&self) -> Ready<W> {
        self.shared.stop()
    }
}

impl<W: Waits> Clone for Poller<W> {
    fn clone(&self) -> Self {
        Poller { shared: Arc::clone(&self.shared) }
    }
}

impl<W: Waits> fmt::Debug for Poller<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("id", &self.shared.id)
            .field("waiters", &self.waiters())
            .field("interrupt", &self.shared.interrupt)
            .finish_non_exhaustive()
    }
}
