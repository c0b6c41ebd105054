//! A child process.

use std::fmt;
use std::io::{self, Read};
use std::process::{ExitStatus, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadle_scheduler::blocking;

use super::drain::read_both;
use super::exit::Process;
use super::pipe::{ChildStderr, ChildStdin, ChildStdout};
use crate::context::{Context, Watch};
use crate::signal::Signal;

/// A child process; made by [`Command::spawn`](super::Command::spawn). Dropping it neither ends the child nor waits for it.
///
/// ```
/// use threadle::process::Command;
/// threadle::run(|| {
///     let mut child = Command::new("true").spawn().unwrap();
///     assert!(child.wait().unwrap().success());
/// });
/// ```
pub struct Child {
    /// The pipe to its standard input, if that is [`piped`](super::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// The pipe from its standard output, if that is.
    pub stdout: Option<ChildStdout>,
    /// The pipe from its standard error, if that is.
    pub stderr: Option<ChildStderr>,
    process: Arc<Process>,
}

impl Child {
    /// Takes over a child of std that is running, with the pipes it has left. On an error the child is ended.
    ///
    /// Switches: only on an error.
    ///
    /// # Errors
    /// A pipe cannot be made non-blocking or registered.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let child = std::process::Command::new("true").spawn().unwrap();
    ///     assert!(threadle::process::Child::from_std(child).unwrap().wait().unwrap().success());
    /// });
    /// ```
    #[track_caller]
    pub fn from_std(mut child: std::process::Child) -> io::Result<Child> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let stdin = pipes.0.map(ChildStdin::from_std).transpose();
        let stdout = pipes.1.map(ChildStdout::from_std).transpose();
        let stderr = pipes.2.map(ChildStderr::from_std).transpose();
        match (stdin, stdout, stderr) {
            (Ok(stdin), Ok(stdout), Ok(stderr)) => {
                Ok(Child { stdin, stdout, stderr, process: Arc::new(Process::new(child)) })
            }
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
                // Nobody would know of it. Its end is sure, and killing what has ended is no error.
                let _ended = child.kill().and_then(|()| blocking(|| child.wait()));
                Err(error)
            }
        }
    }

    /// The system's number of the process; another process may have it once this one was waited for. Switches: no.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("true").spawn().unwrap();
    ///     assert_ne!(child.id(), std::process::id());
    ///     child.wait().unwrap();
    /// });
    /// ```
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends the child at once (`SIGKILL`); no error if it has ended. It is to be waited for all the same.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Those of `kill(2)`.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     child.kill().unwrap();
    ///     assert!(!child.wait().unwrap().success());
    /// });
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// Sends the child a signal; no error if it has ended.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Those of `kill(2)`.
    ///
    /// ```
    /// use std::os::unix::process::ExitStatusExt;
    /// use threadle::{process::Command, signal::Signal};
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     child.signal(Signal::TERMINATE).unwrap();
    ///     assert_eq!(child.wait().unwrap().signal(), Some(15));
    /// });
    /// ```
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.process.signal(signal)
    }

    /// A handle to end the child with while somebody else waits for it. Switches: no.
    ///
    /// ```
    /// use threadle::{go, process::Command};
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     let killer = child.killer();
    ///     let waiter = go(move || child.wait().unwrap().success());
    ///     killer.kill().unwrap();
    ///     assert!(!waiter.join().unwrap());
    /// });
    /// ```
    pub fn killer(&self) -> Killer {
        Killer { process: Arc::clone(&self.process) }
    }

    /// Closes the pipe to the child's input, if there is one here, and waits until the child has ended. Pipes from it are not read: one that is
    /// full holds up the child, and so the wait.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of `waitpid(2)`: somebody else has waited for it, or has `SIGCHLD` ignored.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
    ///     assert_eq!(child.wait().unwrap().code(), Some(3));
    ///     assert_eq!(child.wait().unwrap().code(), Some(3)); // as often as you like
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None;
        self.ended(self.process.wait(None, None)?)
    }

    /// As [`wait`](Self::wait), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`wait`](Self::wait); the context has ended ([`ContextError::of`](crate::context::ContextError::of) tells), and the child runs on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::{Context, ContextError}, process::Command};
    /// threadle::run(|| {
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     let error = child.wait_with(&context).unwrap_err();
    ///     assert!(ContextError::of(&error).unwrap().is_timeout());
    ///     child.kill().unwrap();
    ///     child.wait().unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn wait_with(&mut self, context: &Context) -> io::Result<ExitStatus> {
        let watch = Watch::new(context)?;
        self.stdin = None;
        self.ended(self.process.wait(None, Some(&watch))?)
    }

    /// Of a wait without a deadline.
    fn ended(&self, status: Option<ExitStatus>) -> io::Result<ExitStatus> {
        match status {
            Some(status) => Ok(status),
            None => unreachable!("a wait without a deadline gave up"),
        }
    }

    /// The status if the child has ended.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     assert!(child.try_wait().unwrap().is_none());
    ///     child.kill().unwrap();
    ///     child.wait().unwrap();
    ///     assert!(child.try_wait().unwrap().is_some());
    /// });
    /// ```
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// As [`wait`](Self::wait), at most so long; `None`: it runs still.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     if child.wait_timeout(Duration::from_millis(1)).unwrap().is_none() {
    ///         child.kill().unwrap();
    ///     }
    ///     assert!(!child.wait().unwrap().success());
    /// });
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.stdin = None;
        // A time-out beyond what the clock can count is none.
        self.process.wait(crate::base::now().checked_add(timeout), None)
    }

    /// As [`wait_timeout`](Self::wait_timeout), until an instant.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("true").spawn().unwrap();
    ///     let patience = Instant::now() + Duration::from_secs(60);
    ///     assert!(child.wait_deadline(patience).unwrap().unwrap().success());
    /// });
    /// ```
    #[track_caller]
    pub fn wait_deadline(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        self.stdin = None;
        self.process.wait(Some(deadline), None)
    }

    /// Closes the pipe to the child's input, reads what it writes to its output and error pipes, both at once, and waits until it has ended.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of reading, and of [`wait`](Self::wait).
    ///
    /// ```
    /// use threadle::process::{Command, Stdio};
    /// threadle::run(|| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "echo out; echo err >&2"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    ///     let output = command.spawn().unwrap().wait_with_output().unwrap();
    ///     assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
    /// });
    /// ```
    #[track_caller]
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        self.stdin = None;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        match (self.stdout.take(), self.stderr.take()) {
            (Some(out), Some(err)) => read_both((&out.pipe, &mut stdout), (&err.pipe, &mut stderr))?,
            (Some(mut out), None) => drop(out.read_to_end(&mut stdout)?),
            (None, Some(mut err)) => drop(err.read_to_end(&mut stderr)?),
            (None, None) => {}
        }
        Ok(Output { status: self.wait()?, stdout, stderr })
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}

/// Ends a child that somebody else may be waiting for; made by [`Child::killer`]. It may outlive the child: then it does nothing.
///
/// ```
/// use threadle::process::Command;
/// threadle::run(|| {
///     let mut child = Command::new("true").spawn().unwrap();
///     let killer = child.killer();
///     child.wait().unwrap();
///     killer.kill().unwrap(); // nobody is hit
/// });
/// ```
#[derive(Clone)]
pub struct Killer {
    process: Arc<Process>,
}

impl Killer {
    /// As [`Child::kill`]. Switches: no.
    ///
    /// # Errors
    /// Those of `kill(2)`.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     child.killer().kill().unwrap();
    ///     assert!(!child.wait().unwrap().success());
    /// });
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// As [`Child::signal`]. Switches: no.
    ///
    /// # Errors
    /// Those of `kill(2)`.
    ///
    /// ```
    /// use threadle::{process::Command, signal::Signal};
    /// threadle::run(|| {
    ///     let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    ///     child.killer().signal(Signal::TERMINATE).unwrap();
    ///     assert!(!child.wait().unwrap().success());
    /// });
    /// ```
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.process.signal(signal)
    }
}

impl fmt::Debug for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Killer").field("id", &self.process.id()).finish()
    }
}
