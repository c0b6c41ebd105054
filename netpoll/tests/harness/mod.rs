//! A scheduler in miniature: threads that park stand in for goroutines, one thread polls.
#![allow(dead_code, reason = "every suite uses its own part")]

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use threadle_netpoll::{
    Descriptor, Direction, Operation, Polled, Poller, Ready, Slab, Sleep, TaskWaiter, Wait, Waits, Woken, closed_error,
    stopped_error,
};

/// Whatever takes longer than this hangs.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

/// The waiter of these suites: as large as the scheduler's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket {
    pub(crate) parker: usize,
    pub(crate) padding: u64,
}

impl Waits for Ticket {
    type Won = Ticket;

    fn claim(self) -> Option<Ticket> {
        (!PARKERS.read().unwrap()[self.parker].gone.load(Ordering::Acquire)).then_some(self)
    }
}

pub(crate) static SLAB: Slab<Ticket> = Slab::new();

static PARKERS: RwLock<Vec<Arc<Parker>>> = RwLock::new(Vec::new());

/// A wake-up that is remembered until it is used.
#[derive(Default)]
pub(crate) struct Parker {
    woken: Mutex<bool>,
    /// It will never come back.
    gone: AtomicBool,
    condvar: Condvar,
}

impl Parker {
    pub(crate) fn new() -> (Arc<Self>, Ticket) {
        let parker = Arc::new(Parker::default());
        let mut parkers = PARKERS.write().unwrap();
        parkers.push(Arc::clone(&parker));
        (parker, Ticket { parker: parkers.len() - 1, padding: 0 })
    }

    /// As if its runtime had ended.
    pub(crate) fn die(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(crate) fn unpark(&self) {
        *self.woken.lock().unwrap() = true;
        self.condvar.notify_one();
    }

    /// False: the deadline came first.
    #[must_use]
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let watchdog = Instant::now() + WATCHDOG;
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            let now = Instant::now();
            assert!(now < watchdog, "nobody woke a parked thread");
            if deadline.is_some_and(|deadline| deadline <= now) {
                return false;
            }
            let until = deadline.map_or(watchdog, |deadline| deadline.min(watchdog));
            woken = self.condvar.wait_timeout(woken, until - now).unwrap().0;
        }
        *woken = false;
        true
    }

    pub(crate) fn is_woken(&self) -> bool {
        *self.woken.lock().unwrap()
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }
}

pub(crate) fn wake_all(mut ready: Ready<Ticket>) -> usize {
    wake_each(&mut ready)
}

pub(crate) fn wake_each(ready: &mut Ready<Ticket>) -> usize {
    let woken = ready.len();
    for one in ready.drain() {
        match one {
            Woken::Parked(ticket) => {
                let parker = Arc::clone(&PARKERS.read().unwrap()[ticket.parker]);
                parker.unpark();
            }
            Woken::Task(waker) => waker.wake(),
        }
    }
    woken
}

/// Ends an operation, and wakes whoever it hands on to; how many.
pub(crate) fn finish(operation: Operation<'_, Ticket>) -> usize {
    operation.finish().map_or(0, wake_all)
}

/// The loop that the runtime's blocking calls consist of.
pub(crate) fn blocking<T>(
    descriptor: &Descriptor<Ticket>,
    direction: Direction,
    deadline: impl Fn() -> Option<Instant>,
    call: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut operation = descriptor.operation(direction);
    let result = drive(&mut operation, deadline, call);
    finish(operation);
    result
}

/// The same without its end.
pub(crate) fn drive<T>(
    operation: &mut Operation<'_, Ticket>,
    deadline: impl Fn() -> Option<Instant>,
    mut call: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let (parker, ticket) = Parker::new();
    loop {
        operation.begin();
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        if deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match operation.wait(ticket)? {
            Wait::Retry => {}
            Wait::Park => {
                let _ = parker.park(deadline());
            }
            Wait::Closed => return Err(closed_error()),
            Wait::Stopped => return Err(stopped_error()),
        }
    }
}

/// A future of one call, polled to its end on this thread.
pub(crate) fn block_on<T>(waiter: &mut TaskWaiter<Ticket>, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    loop {
        match waiter.poll_io(&mut Context::from_waker(&waker), &mut call) {
            Poll::Ready(result) => return result,
            Poll::Pending => assert!(parker.park(None)),
        }
    }
}

pub(crate) fn no_deadline() -> Option<Instant> {
    None
}

/// Waits until something holds, looking often.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let watchdog = Instant::now() + WATCHDOG;
    while !holds() {
        assert!(Instant::now() < watchdog, "never: {what}");
        std::thread::yield_now();
    }
}

/// A poller and the thread that is blocked in it.
pub(crate) struct Polling {
    pub(crate) poller: Poller<Ticket>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Polling {
    pub(crate) fn start() -> Self {
        let poller = Poller::new(&SLAB).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (poller, stop) = (poller.clone(), Arc::clone(&stop));
            move || {
                let mut ready = Ready::new();
                while !stop.load(Ordering::Acquire) {
                    let polled = poller.poll_blocking(&mut ready, || Sleep::Forever).unwrap();
                    assert_ne!(polled, Polled::NotMine, "one thread polls");
                    wake_each(&mut ready);
                }
            }
        });
        Polling { poller, stop, thread: Some(thread) }
    }

    /// Waits until so many wait, and nobody whose wake-up was seen before this call is counted any more.
    pub(crate) fn until_waiting(&self, waiters: usize) {
        let blocked = || self.poller.since_last_poll(Instant::now() + WATCHDOG).is_zero();
        until("it has woken everybody and polls again", blocked);
        until("that many wait", || self.poller.waiters() == waiters);
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.poller.interrupt();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the polling thread failed");
        }
    }
}

/// One byte, as soon as there is one.
pub(crate) fn read_byte(mut stream: impl Read) -> io::Result<u8> {
    let mut byte = [0];
    match stream.read(&mut byte)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(byte[0]),
    }
}

/// Fills the send buffer; how much went into it.
pub(crate) fn fill(mut stream: impl Write) -> usize {
    let mut sent = 0;
    loop {
        match stream.write(&[7; 4096]) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Two readers of a byte each, and two bytes that come at once, when both wait or when nobody knows: each reader has one. All three call
/// `begin` first.
pub(crate) fn two_readers_share<S: Sync>(
    polling: &Polling,
    descriptor: &Descriptor<Ticket>,
    (ours, theirs): (&S, &mut impl Write),
    both_wait: bool,
    begin: impl Fn() + Sync,
) where
    for<'a> &'a S: Read,
{
    std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                begin();
                blocking(descriptor, Direction::Read, no_deadline, || read_byte(ours))
            })
        });
        begin();
        if both_wait {
            polling.until_waiting(2);
        }
        theirs.write_all(b"ab").unwrap();
        let mut bytes = readers.map(|reader| reader.join().unwrap().unwrap());
        bytes.sort_unstable();
        assert_eq!(&bytes, b"ab");
    });
    polling.until_waiting(0);
}
