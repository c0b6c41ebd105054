//! Signals as values on a channel.
//!
//! ```
//! use threadle::process::Command;
//! use threadle::signal::{self, Signal};
//! use threadle::{chan, go, select};
//!
//! threadle::run(|| {
//!     let stop = signal::notify(&[Signal::TERMINATE, Signal::INTERRUPT]).unwrap();
//!     let (_clients, jobs) = chan::unbounded::<u32>();
//!     let service = go(move || loop {
//!         select! {
//!             recv(jobs) -> job => println!("{job:?}"),
//!             recv(stop) -> signal => return signal.unwrap(),
//!         }
//!     });
//!     // As the system does when it shuts down:
//!     Command::new("sh").args(["-c", "kill -TERM $PPID"]).status().unwrap();
//!     assert_eq!(service.join().unwrap(), Signal::TERMINATE);
//! });
//! ```
//!
//! A signal handler may do next to nothing, so the handler only writes a byte to a pipe; one thread of the process waits at its other end and
//! sends to the channels of [`notify`]. The thread is started by the first `notify` and sleeps between signals; it belongs to no runtime, so channels
//! outlive runtimes, and a plain thread can wait for a signal too. (A `signalfd` would need the signals blocked in every thread of the process, those
//! of other libraries included.) Handlers that other code installed before are still called.
//!
//! What is done with a signal belongs to the process, not to a runtime. The first `notify` for a signal takes the place of whatever was
//! done before, [`reset`] puts that back, [`ignore`] has nothing done. A signal that comes several times before the thread has looked
//! counts once, as everywhere on Unix.
//!
//! # Children
//!
//! A program that is started (`exec`, so every [`Command`](crate::process::Command)) begins with the default for every signal that was asked for
//! here, and goes on ignoring what was ignored. The child of a bare `fork` has the handlers and the channels, but not the thread, like all
//! threads: no signal is received there, none of those asked for has its default action, and `notify` is an error. The parent's are not disturbed.

mod action;
mod kind;

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::io;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock};

use signal_hook::consts::FORBIDDEN;
use signal_hook::iterator::{Handle, Signals};

use action::Action;
pub use kind::Signal;

use crate::chan::{self, Receiver, Sender};
use crate::waiters::lock;

/// How many signals a receiver may be behind before further ones are dropped, as Go's channels of signals do.
const BUFFER: usize = 16;

struct Subscriber {
    signals: HashSet<i32>,
    sender: Sender<Signal>,
}

/// What can be done with a signal that was asked for or ignored once.
#[derive(Clone, Copy, Debug)]
struct Actions {
    before: Action,
    /// Signal-hook's handler, once it is installed.
    ours: Option<Action>,
}

#[derive(Default)]
struct Dispatcher {
    /// Of the waiting thread; `None` until it is started.
    handle: Option<Handle>,
    subscribers: Vec<Subscriber>,
    actions: HashMap<i32, Actions>,
}

/// The process whose thread waits; 0: none yet. Read before the lock, which a fork may have copied while it was held.
static PROCESS: AtomicU32 = AtomicU32::new(0);

fn dispatcher() -> io::Result<&'static Mutex<Dispatcher>> {
    static DISPATCHER: OnceLock<Mutex<Dispatcher>> = OnceLock::new();
    let process = PROCESS.load(SeqCst);
    if process != 0 && process != process::id() {
        return Err(io::Error::other("the thread that receives signals has not come along through fork"));
    }
    Ok(DISPATCHER.get_or_init(Mutex::default))
}

/// A receiver of these signals from now on. Each receiver gets every signal; one that is more than 16 behind misses some.
///
/// The default action of a signal (to end the process, mostly) no longer takes place once anybody has asked for it, and does not come back when
/// the receivers are dropped, but by [`reset`]. An error leaves all of them as they were, or says which are not.
///
/// Switches: no.
///
/// # Errors
/// `InvalidInput` for signals that no process can ask for (`SIGKILL`, `SIGSTOP`) or that a thread raises by its own fault (`SIGSEGV`,
/// `SIGILL`, `SIGFPE`); the handler cannot be installed, the pipe or the thread cannot be made; this is the child of a fork.
///
/// ```
/// use threadle::process::Command;
/// use threadle::signal::{self, Signal};
/// let signals = signal::notify(&[Signal::USER_1, Signal::USER_2]).unwrap();
/// // From another terminal, or from a child, as here:
/// threadle::run(|| Command::new("sh").args(["-c", "kill -USR1 $PPID"]).status()).unwrap();
/// assert_eq!(signals.recv(), Ok(Signal::USER_1)); // on a goroutine or a thread
/// ```
pub fn notify(signals: &[Signal]) -> io::Result<Receiver<Signal>> {
    let numbers = permitted(signals)?;
    let (sender, receiver) = chan::bounded(BUFFER);
    let mut dispatcher = lock(dispatcher()?);
    let handle = dispatcher.start()?;
    dispatcher.subscribers.retain(|subscriber| !subscriber.sender.is_closed());
    // First the subscriber: the signal that comes as soon as its handler is there has somebody to go to.
    dispatcher.subscribers.push(Subscriber { signals: numbers.clone(), sender });
    if let Err(error) = all_or_none(&numbers, |number| dispatcher.handle_signal(&handle, number)) {
        dispatcher.subscribers.pop();
        return Err(error);
    }
    Ok(receiver)
}

/// Has done again what was done with these signals before the first [`notify`] (the default, mostly), or before [`ignore`]. Receivers get them
/// no more; those that are left with no signal are closed. After an error all is as before, as with [`notify`].
///
/// Switches: no.
///
/// # Errors
/// As [`notify`].
///
/// ```
/// use threadle::signal::{self, Signal};
/// let signals = signal::notify(&[Signal::USER_2]).unwrap();
/// signal::reset(&[Signal::USER_2]).unwrap();
/// assert!(signals.recv().is_err()); // from now on SIGUSR2 ends the process, as it does by default
/// ```
pub fn reset(signals: &[Signal]) -> io::Result<()> {
    replace(signals, |before| before)
}

/// Has nothing done with these signals, also in programs that are started from now on. Receivers get them no more; those that are left with no
/// signal are closed. [`notify`] and [`reset`] undo it. After an error all is as before, as with [`notify`].
///
/// Switches: no.
///
/// # Errors
/// As [`notify`].
///
/// ```
/// use threadle::signal::{self, Signal};
/// signal::ignore(&[Signal::HANGUP]).unwrap(); // goes on when the terminal is gone
/// ```
pub fn ignore(signals: &[Signal]) -> io::Result<()> {
    replace(signals, Action::nothing)
}

fn replace(signals: &[Signal], action: impl Fn(Action) -> Action) -> io::Result<()> {
    let numbers = permitted(signals)?;
    let mut dispatcher = lock(dispatcher()?);
    all_or_none(&numbers, |number| {
        let before = dispatcher.known(number)?.before;
        // SAFETY: what was in force for this signal before our handler, or nothing.
        unsafe { action(before).take_effect(number) }
    })?;
    for subscriber in &mut dispatcher.subscribers {
        subscriber.signals.retain(|number| !numbers.contains(number));
    }
    // A dropped sender closes its channel.
    dispatcher.subscribers.retain(|subscriber| !subscriber.signals.is_empty());
    Ok(())
}

/// Changes what is done with each of them. After an error what was done before is done again with all.
fn all_or_none(numbers: &HashSet<i32>, mut change: impl FnMut(i32) -> io::Result<()>) -> io::Result<()> {
    let mut before = Vec::new();
    let changed = numbers.iter().try_for_each(|number| {
        before.push((*number, Action::of(*number)?));
        change(*number)
    });
    changed.map_err(|error| put_back(before, error))
}

/// The error that has `before` done again; it tells also with which signals that could not be.
fn put_back(before: Vec<(i32, Action)>, error: io::Error) -> io::Error {
    before.into_iter().fold(error, |error, (number, action)| {
        // SAFETY: it was in force for this signal until a moment ago.
        match unsafe { action.take_effect(number) } {
            Ok(()) => error,
            Err(why) => io::Error::new(
                error.kind(),
                format!("{error}; and signal {number} is not as it was ({action:?}): {why}"),
            ),
        }
    })
}

fn permitted(signals: &[Signal]) -> io::Result<HashSet<i32>> {
    match signals.iter().find(|signal| FORBIDDEN.contains(&signal.number())) {
        Some(signal) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{signal} cannot be asked for"))),
        None => Ok(signals.iter().map(|signal| signal.number()).collect()),
    }
}

impl Dispatcher {
    /// Starts the thread if there is none.
    fn start(&mut self) -> io::Result<Handle> {
        if let Some(handle) = &self.handle {
            return Ok(handle.clone());
        }
        let signals = Signals::new([] as [i32; 0])?;
        let handle = signals.handle();
        std::thread::Builder::new().name("threadle-signal".into()).spawn(move || dispatch(signals))?;
        PROCESS.store(process::id(), SeqCst);
        self.handle = Some(handle.clone());
        Ok(handle)
    }

    /// What is known of a signal: at the first question, what is done with it now.
    fn known(&mut self, number: i32) -> io::Result<&mut Actions> {
        match self.actions.entry(number) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => Ok(unknown.insert(Actions { before: Action::of(number)?, ours: None })),
        }
    }

    /// Sees to it that the thread hears of the signal.
    fn handle_signal(&mut self, handle: &Handle, number: i32) -> io::Result<()> {
        let known = self.known(number)?;
        let ours = match known.ours {
            // Perhaps replaced meanwhile, by `reset` or `ignore`.
            Some(ours) => ours,
            None => {
                // Once for each signal: signal-hook never takes its handler away, and would not install it again.
                handle.add_signal(number)?;
                *known.ours.insert(Action::of(number)?.on_alternate_stack())
            }
        };
        // SAFETY: signal-hook's handler for this signal, as it installed it.
        unsafe { ours.take_effect(number) }
    }
}

fn dispatch(mut signals: Signals) {
    for number in signals.forever() {
        let (Some(signal), Ok(dispatcher)) = (Signal::from_number(number), dispatcher()) else { continue };
        for subscriber in &lock(dispatcher).subscribers {
            if subscriber.signals.contains(&number) {
                // Full: it has not looked for 16 signals. Closed: swept out by the next `notify`.
                let _behind_or_gone = subscriber.sender.try_send(signal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_put_back_is_told_and_holds_up_nothing() {
        const KEPT_BY_THE_C_LIBRARY: i32 = 33;
        let window = Signal::from_number(28).expect("SIGWINCH");
        let before = Action::of(window.number()).unwrap();
        let wanted = [(KEPT_BY_THE_C_LIBRARY, before), (window.number(), before.nothing())];
        let error = put_back(wanted.to_vec(), io::ErrorKind::PermissionDenied.into());
        assert_eq!(format!("{:?}", Action::of(window.number()).unwrap()), "nothing");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let text = error.to_string();
        assert!(text.starts_with("permission denied; and signal 33 is not as it was"), "{text}");
        assert!(!text.contains("signal 28"), "{text}");
    }
}
