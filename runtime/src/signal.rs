//! Signals as values on a channel.
//!
//! A signal handler may do next to nothing, so the handler only writes a byte to a pipe; one thread of the process waits at its other end and
//! sends to the channels of [`notify`]. The thread is started by the first `notify` and sleeps between signals; it belongs to no runtime, so channels
//! outlive runtimes, and a plain thread can wait for a signal too. (A `signalfd` would need the signals blocked in every thread of the process, those
//! of other libraries included.) Handlers that other code installed before are still called.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Mutex, OnceLock};

use signal_hook::consts;
use signal_hook::iterator::{Handle, Signals};

use crate::chan::{self, Receiver, Sender};
use crate::waiters::lock;

/// A signal that can be asked for.
///
/// ```
/// use threadle::signal::Signal;
/// assert_eq!(Signal::TERMINATE.to_string(), "SIGTERM");
/// assert_eq!(Signal::TERMINATE.number(), 15);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// `SIGHUP`: the terminal is gone; for daemons by custom "read the configuration again".
    pub const HANGUP: Signal = Signal(consts::SIGHUP);
    /// `SIGINT`: Ctrl-C.
    pub const INTERRUPT: Signal = Signal(consts::SIGINT);
    /// `SIGQUIT`: Ctrl-\.
    pub const QUIT: Signal = Signal(consts::SIGQUIT);
    /// `SIGTERM`: please end.
    pub const TERMINATE: Signal = Signal(consts::SIGTERM);
    /// `SIGUSR1`.
    pub const USER_1: Signal = Signal(consts::SIGUSR1);
    /// `SIGUSR2`.
    pub const USER_2: Signal = Signal(consts::SIGUSR2);
    /// `SIGCHLD`: a child process has ended or stopped.
    pub const CHILD: Signal = Signal(consts::SIGCHLD);
    /// `SIGWINCH`: the terminal's size has changed.
    pub const WINDOW_CHANGE: Signal = Signal(consts::SIGWINCH);

    /// The system's number.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal_hook::low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many signals a receiver may be behind before further ones are dropped, as Go's channels of signals do.
const BUFFER: usize = 16;

struct Subscriber {
    signals: HashSet<i32>,
    sender: Sender<Signal>,
}

#[derive(Default)]
struct Dispatcher {
    /// Of the waiting thread; `None` until it is started.
    handle: Option<Handle>,
    subscribers: Vec<Subscriber>,
}

fn dispatcher() -> &'static Mutex<Dispatcher> {
    static DISPATCHER: OnceLock<Mutex<Dispatcher>> = OnceLock::new();
    DISPATCHER.get_or_init(Mutex::default)
}

/// A receiver of these signals from now on. Each receiver gets every signal; one that is more than 16 behind misses some.
///
/// The default action of a signal (to end the process, mostly) no longer takes place once anybody has asked for it, and does not come back when the receivers
/// are dropped.
///
/// Switches: no.
///
/// # Errors
/// The handler cannot be installed, the pipe or the thread cannot be made.
///
/// ```no_run
/// use threadle::signal::{self, Signal};
/// let signals = signal::notify(&[Signal::TERMINATE, Signal::INTERRUPT]).unwrap();
/// let signal = signals.recv().unwrap(); // on a goroutine or a thread
/// println!("{signal}: ending");
/// ```
pub fn notify(signals: &[Signal]) -> io::Result<Receiver<Signal>> {
    let (sender, receiver) = chan::bounded(BUFFER);
    let mut dispatcher = lock(dispatcher());
    if dispatcher.handle.is_none() {
        let signals = Signals::new([] as [i32; 0])?;
        let handle = signals.handle();
        std::thread::Builder::new().name("threadle-signal".into()).spawn(move || dispatch(signals))?;
        dispatcher.handle = Some(handle);
    }
    dispatcher.subscribers.retain(|subscriber| !subscriber.sender.is_closed());
    // First the subscriber: the signal that comes as soon as its handler is there has somebody to go to.
    dispatcher.subscribers.push(Subscriber { signals: signals.iter().map(|signal| signal.0).collect(), sender });
    if let Some(handle) = &dispatcher.handle {
        for signal in signals {
            if let Err(error) = handle.add_signal(signal.0).and_then(|()| on_alternate_stack(signal.0)) {
                dispatcher.subscribers.pop();
                return Err(error);
            }
        }
    }
    Ok(receiver)
}

/// Adds `SA_ONSTACK` to the handler: a signal comes to whatever thread, and there may be a goroutine on it whose small stack has no room to spare.
fn on_alternate_stack(signal: i32) -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: `action` is room for one `sigaction`, and no new one is given.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above succeeded and has filled it.
    let mut action = unsafe { action.assume_init() };
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: the handler is the one that is installed, which does not care which stack it runs on; a thread without an
    // alternate stack takes no notice of the flag.
    match unsafe { libc::sigaction(signal, &action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn dispatch(mut signals: Signals) {
    for signal in signals.forever() {
        for subscriber in &lock(dispatcher()).subscribers {
            if subscriber.signals.contains(&signal) {
                // Full: it has not looked for 16 signals. Closed: swept out by the next `notify`.
                let _behind_or_gone = subscriber.sender.try_send(Signal(signal));
            }
        }
    }
}
