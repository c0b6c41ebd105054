//! A test's body in a process of its own.
//!
//! The test binary runs itself again, with the one test's name and an environment variable by which [`in_child`] knows that it is the
//! child. Children run one at a time: what they measure, they would disturb in each other.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Mode, Watchdog};

const WHICH: &str = "THREADLE_TEST_CHILD";

/// Seconds until a child's own watchdog dumps and aborts.
const PATIENCE: u64 = 120;

/// Seconds until the parent gives a child up that did not even do that; it takes the child along.
const LAST_PATIENCE: u64 = PATIENCE + 30;

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps other tests of this binary that ask for it away, until it is dropped.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a child ended.
#[derive(Debug)]
pub struct End {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// What it printed, the test harness's own lines included.
    pub stdout: String,
    /// What it complained of; empty if `adjust` has sent that elsewhere.
    pub stderr: String,
}

impl End {
    /// The child's body returned.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn succeeded(&self) -> &End {
        assert!(self.status.success(), "the child ended with {}:\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }

    /// The child died of `signal`.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn died_of(&self, signal: i32) -> &End {
        assert_eq!(
            self.status.signal(),
            Some(signal),
            "the child ended with {}:\n{}\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The child wrote `text` to stderr.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn complained_of(&self, text: &str) -> &End {
        assert!(self.stderr.contains(text), "{text:?} is missing from stderr:\n{}", self.stderr);
        self
    }

    /// The child did not write `text` to stderr.
    ///
    /// # Panics
    ///
    /// If it did.
    #[track_caller]
    pub fn kept_quiet_about(&self, text: &str) -> &End {
        assert!(!self.stderr.contains(text), "{text:?} is on stderr:\n{}", self.stderr);
        self
    }

    /// The number after the word `key` at the start of a line of stdout.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn number(&self, key: &str) -> f64 {
        self.stdout
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(word, _)| *word == key)
            .and_then(|(_, number)| number.trim().parse().ok())
            .unwrap_or_else(|| panic!("no line `{key} NUMBER` in:\n{}", self.stdout))
    }
}

/// Runs `body` in a child process and returns how that ended; in the child, runs it and ends the process.
///
/// `test` is the name of the calling test function; `adjust` may set the child's environment, and where its stderr goes.
///
/// # Panics
///
/// If the child cannot be started or read.
pub fn in_child(test: &str, adjust: impl FnOnce(&mut Command), body: impl FnOnce()) -> End {
    if std::env::var(WHICH).is_ok() {
        become_child(body);
    }
    let _alone = alone();
    let mut command = again(test, "one");
    adjust(&mut command);
    finish(command.spawn().expect("the test binary starts again")).expect("the child's output is readable")
}

/// [`in_child`] for each mode in turn; `check` sees how each ended.
///
/// # Panics
///
/// If a child cannot be started or read, or `check` panics.
pub fn in_children(test: &str, adjust: impl Fn(&mut Command), body: impl FnOnce(Mode), check: impl Fn(Mode, &End)) {
    if let Ok(which) = std::env::var(WHICH) {
        let mode = Mode::from_name(&which).expect("the mode was passed on");
        become_child(|| body(mode));
    }
    for mode in Mode::BOTH {
        println!("mode: {mode}");
        let _alone = alone();
        let mut command = again(test, mode.name());
        adjust(&mut command);
        let end =
            finish(command.spawn().expect("the test binary starts again")).expect("the child's output is readable");
        check(mode, &end);
    }
}

/// A child that was watched while it ran: each line it wrote to stderr, and how long after its start.
///
/// # Panics
///
/// If the child cannot be started or read.
pub fn watched_child(test: &str, body: impl FnOnce()) -> (ExitStatus, Vec<(Duration, String)>) {
    if std::env::var(WHICH).is_ok() {
        become_child(body);
    }
    let _alone = alone();
    let _watchdog = Watchdog::new(LAST_PATIENCE);
    let begun = Instant::now();
    let mut child = again(test, "one").stdout(Stdio::null()).spawn().expect("the test binary starts again");
    let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let lines = stderr.lines().map(|line| (begun.elapsed(), line.expect("stderr is readable"))).collect();
    (child.wait().expect("the child is ours"), lines)
}

/// Two children, one in each mode, that are looked at from outside while they run: `look` is called once one has printed the line `ready`, with
/// its process id; then its standard input is closed, by which the child knows that it may end.
///
/// # Panics
///
/// If a child cannot be started or read, or does not get ready.
pub fn observed_children<T: Send>(
    test: &str,
    body: impl FnOnce(Mode),
    look: impl Fn(Mode, u32) -> T + Sync,
) -> Vec<(Mode, T)> {
    if let Ok(which) = std::env::var(WHICH) {
        let mode = Mode::from_name(&which).expect("the mode was passed on");
        become_child(|| body(mode));
    }
    let _alone = alone();
    let _watchdog = Watchdog::new(LAST_PATIENCE);
    thread::scope(|scope| {
        // At once: what is looked at here the two do not disturb in each other.
        let observers = Mode::BOTH.map(|mode| {
            scope.spawn({
                let look = &look;
                move || (mode, observed(test, mode, look))
            })
        });
        observers.map(|observer| observer.join().expect("its checks hold")).into()
    })
}

fn observed<T>(test: &str, mode: Mode, look: impl Fn(Mode, u32) -> T) -> T {
    let mut command = again(test, mode.name());
    command.stdin(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("the test binary starts again");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    while line.trim_end() != "ready" {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).expect("stdout is readable"), 0, "the child ended before it was ready");
    }
    let seen = look(mode, child.id());
    drop(child.stdin.take());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("stdout is readable");
    let status = child.wait().expect("the child is ours");
    assert!(status.success(), "the child ended with {status}:\n{rest}");
    seen
}

/// For the body of an observed child: says that it may be looked at, and waits, with its whole thread, until that is done.
///
/// # Panics
///
/// If standard input cannot be read.
pub fn ready_to_be_observed() {
    println!("ready");
    let read = io::stdin().read(&mut [0]).expect("stdin is readable");
    assert_eq!(read, 0, "the observer says nothing, it closes");
}

fn become_child(body: impl FnOnce()) -> ! {
    let _watchdog = Watchdog::new(PATIENCE);
    // The harness has begun a line.
    println!();
    body();
    std::process::exit(0);
}

fn again(test: &str, which: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test binary has a path"));
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(WHICH, which)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: between fork and exec this makes one system call, with numbers only; it neither allocates nor locks.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    command
}

fn finish(mut child: Child) -> io::Result<End> {
    let _watchdog = Watchdog::new(LAST_PATIENCE);
    // None: the test has sent it elsewhere.
    let errors = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut stderr = Vec::new();
        errors.map_or(Ok(0), |mut errors| errors.read_to_end(&mut stderr)).map(|_| stderr)
    });
    let mut stdout = Vec::new();
    child.stdout.take().expect("stdout is piped").read_to_end(&mut stdout)?;
    let stderr = reader.join().expect("reading does not panic")?;
    Ok(End {
        status: child.wait()?,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}
