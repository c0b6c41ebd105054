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

impl Signal {
    /// `SIGHUP`: the terminal is gone; for daemons by custom "read the configuration again".
    pub const HANGUP: Signal = Signal(consts::SIGHUP);
    /// `SIGINT`: Ctrl-C.
    pub const INTERRUPT: Signal = Signal(consts::SIGINT);
    /// `SIGQUIT`: Ctrl-\.
    pub const QUIT: Signal = Signal(consts::SIGQUIT);
    /// `SIGABRT`: what `abort` raises.
    pub const ABORT: Signal = Signal(consts::SIGABRT);
    /// `SIGKILL`: ends a process, which cannot ask for it.
    pub const KILL: Signal = Signal(consts::SIGKILL);
    /// `SIGUSR1`.
    pub const USER_1: Signal = Signal(consts::SIGUSR1);
    /// `SIGUSR2`.
    pub const USER_2: Signal = Signal(consts::SIGUSR2);
    /// `SIGPIPE`: a write to a pipe or socket whose other end is closed. Rust programs ignore it and see the error instead.
    pub const PIPE: Signal = Signal(consts::SIGPIPE);
    /// `SIGALRM`: a timer of the system.
    pub const ALARM: Signal = Signal(consts::SIGALRM);
    /// `SIGTERM`: please end.
    pub const TERMINATE: Signal = Signal(consts::SIGTERM);
    /// `SIGCHLD`: a child process has ended or stopped.
    pub const CHILD: Signal = Signal(consts::SIGCHLD);
    /// `SIGCONT`: goes on after a stop.
    pub const CONTINUE: Signal = Signal(consts::SIGCONT);
    /// `SIGSTOP`: stops a process, which cannot ask for it.
    pub const STOP: Signal = Signal(consts::SIGSTOP);
    /// `SIGTSTP`: Ctrl-Z.
    pub const TERMINAL_STOP: Signal = Signal(consts::SIGTSTP);
    /// `SIGWINCH`: the terminal's size has changed.
    pub const WINDOW_CHANGE: Signal = Signal(consts::SIGWINCH);

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
