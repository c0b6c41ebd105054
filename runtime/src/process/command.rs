//! How a child is started.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{CommandArgs, CommandEnvs, ExitStatus, Output, Stdio};

use threadle_scheduler::blocking;

use super::Child;

/// A program to be started, with its arguments and all: [`std::process::Command`], whose waits stall nobody.
///
/// ```
/// use threadle::process::Command;
/// threadle::run(|| {
///     let output = Command::new("echo").arg("hello").output().unwrap();
///     assert_eq!(output.stdout, b"hello\n");
/// });
/// ```
pub struct Command {
    command: std::process::Command,
    /// Which of the standard streams were set; those of [`output`](Self::output) have defaults of their own.
    set: Streams,
}

#[derive(Clone, Copy, Default)]
struct Streams {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Command {
    /// A program, by its path or by a name that is looked for in `PATH`.
    ///
    /// ```
    /// assert_eq!(threadle::process::Command::new("ls").get_program(), "ls");
    /// ```
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        Command { command: std::process::Command::new(program), set: Streams::default() }
    }

    /// Adds an argument.
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert!(threadle::run(|| Command::new("test").arg("not empty").status().unwrap().success()));
    /// ```
    pub fn arg<S: AsRef<OsStr>>(&mut self, argument: S) -> &mut Command {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert!(threadle::run(|| Command::new("test").args(["1", "=", "1"]).status().unwrap().success()));
    /// ```
    pub fn args<I, S>(&mut self, arguments: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the child's environment.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let output = Command::new("sh").args(["-c", "echo $COLOUR"]).env("COLOUR", "green").output().unwrap();
    ///     assert_eq!(output.stdout, b"green\n");
    /// });
    /// ```
    pub fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, name: K, value: V) -> &mut Command {
        self.command.env(name, value);
        self
    }

    /// Sets variables of the child's environment.
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert_eq!(Command::new("env").envs([("A", "1"), ("B", "2")]).get_envs().count(), 2);
    /// ```
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.command.envs(variables);
        self
    }

    /// Keeps a variable from the child.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let output = Command::new("/bin/sh").args(["-c", "echo $HOME"]).env_remove("HOME").output().unwrap();
    ///     assert_eq!(output.stdout, b"\n");
    /// });
    /// ```
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, name: K) -> &mut Command {
        self.command.env_remove(name);
        self
    }

    /// Keeps every variable from the child that is not set afterwards.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let output = Command::new("/usr/bin/env").env_clear().env("A", "1").output().unwrap();
    ///     assert_eq!(output.stdout, b"A=1\n");
    /// });
    /// ```
    pub fn env_clear(&mut self) -> &mut Command {
        self.command.env_clear();
        self
    }

    /// The folder that the child starts in.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let output = Command::new("pwd").current_dir("/").output().unwrap();
    ///     assert_eq!(output.stdout, b"/\n");
    /// });
    /// ```
    pub fn current_dir<P: AsRef<Path>>(&mut self, folder: P) -> &mut Command {
        self.command.current_dir(folder);
        self
    }

    /// Where the child reads from: as this process if it is not said, nothing for [`output`](Self::output).
    ///
    /// ```
    /// use threadle::process::{Command, Stdio};
    /// assert!(threadle::run(|| Command::new("cat").stdin(Stdio::null()).status().unwrap().success()));
    /// ```
    pub fn stdin<T: Into<Stdio>>(&mut self, stdin: T) -> &mut Command {
        self.command.stdin(stdin);
        self.set.stdin = true;
        self
    }

    /// Where the child writes to: as this process if it is not said, a pipe for [`output`](Self::output).
    ///
    /// ```
    /// use threadle::process::{Command, Stdio};
    /// assert!(threadle::run(|| Command::new("echo").stdout(Stdio::null()).status().unwrap().success()));
    /// ```
    pub fn stdout<T: Into<Stdio>>(&mut self, stdout: T) -> &mut Command {
        self.command.stdout(stdout);
        self.set.stdout = true;
        self
    }

    /// Where the child complains: as this process if it is not said, a pipe for [`output`](Self::output).
    ///
    /// ```
    /// use threadle::process::{Command, Stdio};
    /// threadle::run(|| {
    ///     let status = Command::new("cat").arg("/proc/nobody").stderr(Stdio::null()).status().unwrap();
    ///     assert!(!status.success());
    /// });
    /// ```
    pub fn stderr<T: Into<Stdio>>(&mut self, stderr: T) -> &mut Command {
        self.command.stderr(stderr);
        self.set.stderr = true;
        self
    }

    /// What the child takes for its own name: argument 0.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let output = Command::new("sh").arg0("other").args(["-c", "echo $0"]).output().unwrap();
    ///     assert_eq!(output.stdout, b"other\n");
    /// });
    /// ```
    pub fn arg0<S: AsRef<OsStr>>(&mut self, name: S) -> &mut Command {
        self.command.arg0(name);
        self
    }

    /// Whom the child runs as.
    ///
    /// ```
    /// let mut command = threadle::process::Command::new("id");
    /// command.uid(1000).gid(1000);
    /// ```
    pub fn uid(&mut self, user: u32) -> &mut Command {
        self.command.uid(user);
        self
    }

    /// Which group the child runs as.
    ///
    /// ```
    /// let mut command = threadle::process::Command::new("id");
    /// command.gid(1000);
    /// ```
    pub fn gid(&mut self, group: u32) -> &mut Command {
        self.command.gid(group);
        self
    }

    /// The process group that the child joins; 0 makes one of its own, which Ctrl-C at the terminal does not reach.
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert!(threadle::run(|| Command::new("true").process_group(0).status().unwrap().success()));
    /// ```
    pub fn process_group(&mut self, group: i32) -> &mut Command {
        self.command.process_group(group);
        self
    }

    /// Has the child call `f` before it becomes the program. An error of it is the error of [`spawn`](Self::spawn).
    ///
    /// # Safety
    /// As [`std::os::unix::process::CommandExt::pre_exec`]: it runs in a copy of a process with threads, where next to nothing is allowed.
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let mut command = Command::new("true");
    ///     // SAFETY: it makes a value, and calls nothing.
    ///     unsafe { command.pre_exec(|| Err(std::io::ErrorKind::Other.into())) };
    ///     assert!(command.spawn().is_err());
    /// });
    /// ```
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise.
        unsafe { self.command.pre_exec(f) };
        self
    }

    /// Starts the child. Its standard streams are this process's where nothing else was said.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// No such program, no descriptor, memory or process to be had, or what else the system says; a failed [`pre_exec`](Self::pre_exec). There is
    /// no child then.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     assert_eq!(Command::new("/proc/nobody").spawn().unwrap_err().kind(), ErrorKind::NotFound);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let child = blocking(|| self.command.spawn())?;
        Child::from_std(child)
    }

    /// Starts the child and waits until it has ended.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert!(!threadle::run(|| Command::new("false").status().unwrap().success()));
    /// ```
    #[track_caller]
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Starts the child, collects what it writes, and waits until it has ended. It reads nothing, unless [`stdin`](Self::stdin) says what.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    ///
    /// ```
    /// use threadle::process::Command;
    /// threadle::run(|| {
    ///     let output = Command::new("sh").args(["-c", "cat; echo out; echo err >&2; exit 2"]).output().unwrap();
    ///     assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
    ///     assert_eq!(output.status.code(), Some(2));
    /// });
    /// ```
    #[track_caller]
    pub fn output(&mut self) -> io::Result<Output> {
        let Streams { stdin, stdout, stderr } = self.set;
        if !stdin {
            self.command.stdin(Stdio::null());
        }
        if !stdout {
            self.command.stdout(Stdio::piped());
        }
        if !stderr {
            self.command.stderr(Stdio::piped());
        }
        let child = self.spawn();
        // Not for a spawn of the same command later: what was not said is inherited there.
        if !stdin {
            self.command.stdin(Stdio::inherit());
        }
        if !stdout {
            self.command.stdout(Stdio::inherit());
        }
        if !stderr {
            self.command.stderr(Stdio::inherit());
        }
        child?.wait_with_output()
    }

    /// The program.
    ///
    /// ```
    /// assert_eq!(threadle::process::Command::new("ls").get_program(), "ls");
    /// ```
    pub fn get_program(&self) -> &OsStr {
        self.command.get_program()
    }

    /// The arguments, without the program's name.
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert!(Command::new("ls").arg("-l").get_args().eq(["-l"]));
    /// ```
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.command.get_args()
    }

    /// What was set of the environment; a variable that is kept from the child has no value.
    ///
    /// ```
    /// use threadle::process::Command;
    /// assert_eq!(Command::new("ls").env_remove("HOME").get_envs().count(), 1);
    /// ```
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.command.get_envs()
    }

    /// The folder that the child starts in, if it was said.
    ///
    /// ```
    /// assert_eq!(threadle::process::Command::new("ls").get_current_dir(), None);
    /// ```
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.command.get_current_dir()
    }
}

/// What was set of its standard streams counts as not set: [`output`](Command::output) replaces it.
impl From<std::process::Command> for Command {
    fn from(command: std::process::Command) -> Self {
        Command { command, set: Streams::default() }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}
