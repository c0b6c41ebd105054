//! Signals by name.

use std::fmt;

use signal_hook::consts;

/// A signal.
///
/// ```
/// use threadle::signal::Signal;
/// assert_eq!(Signal::TERMINATE.to_string(), "SIGTERM");
/// assert_eq!(Signal::TERMINATE.number(), 15);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

/// The constants, each with an example.
macro_rules! named {
    ($($(#[$doc:meta])* $name:ident = $number:ident;)*) => {
        impl Signal {$(
            $(#[$doc])*
            ///
            /// ```
            /// # use threadle::signal::Signal;
            #[doc = concat!("assert_eq!(Signal::", stringify!($name), ".to_string(), \"", stringify!($number), "\");")]
            /// ```
            pub const $name: Signal = Signal(consts::$number);
        )*}
    };
}

named! {
    /// `SIGHUP`: the terminal is gone; for daemons by custom "read the configuration again".
    HANGUP = SIGHUP;
    /// `SIGINT`: Ctrl-C.
    INTERRUPT = SIGINT;
    /// `SIGQUIT`: Ctrl-\.
    QUIT = SIGQUIT;
    /// `SIGABRT`: what `abort` raises.
    ABORT = SIGABRT;
    /// `SIGKILL`: ends a process, which cannot ask for it.
    KILL = SIGKILL;
    /// `SIGUSR1`.
    USER_1 = SIGUSR1;
    /// `SIGUSR2`.
    USER_2 = SIGUSR2;
    /// `SIGPIPE`: a write to a pipe or socket whose other end is closed. Rust programs ignore it and see the error instead.
    PIPE = SIGPIPE;
    /// `SIGALRM`: a timer of the system.
    ALARM = SIGALRM;
    /// `SIGTERM`: please end.
    TERMINATE = SIGTERM;
    /// `SIGCHLD`: a child process has ended or stopped.
    CHILD = SIGCHLD;
    /// `SIGCONT`: goes on after a stop.
    CONTINUE = SIGCONT;
    /// `SIGSTOP`: stops a process, which cannot ask for it.
    STOP = SIGSTOP;
    /// `SIGTSTP`: Ctrl-Z.
    TERMINAL_STOP = SIGTSTP;
    /// `SIGWINCH`: the terminal's size has changed.
    WINDOW_CHANGE = SIGWINCH;
}

impl Signal {
    /// The signal of this number, if the system has one: 1 to 64 on Linux, those for real time included.
    ///
    /// ```
    /// use threadle::signal::Signal;
    /// assert_eq!(Signal::from_number(9), Some(Signal::KILL));
    /// assert_eq!(Signal::from_number(0), None);
    /// ```
    pub fn from_number(number: i32) -> Option<Signal> {
        (1..=libc::SIGRTMAX()).contains(&number).then_some(Signal(number))
    }

    /// The system's number.
    ///
    /// ```
    /// assert_eq!(threadle::signal::Signal::HANGUP.number(), 1);
    /// ```
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
