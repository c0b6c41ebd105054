//! Child processes, in the shape of `std::process`.
//!
//! ```
//! use std::io::{Read, Write};
//! use threadle::process::{Command, Stdio};
//!
//! threadle::run(|| -> std::io::Result<()> {
//!     let mut child = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
//!     child.stdin.take().unwrap().write_all(b"hello")?; // and closed, or tr would wait for more
//!     let mut answer = String::new();
//!     child.stdout.take().unwrap().read_to_string(&mut answer)?;
//!     assert_eq!(answer, "HELLO");
//!     assert!(child.wait()?.success());
//!     Ok(())
//! }).unwrap();
//! ```
//!
//! # How a child is waited for
//!
//! By a *pidfd*: a descriptor of the child that becomes readable when the child ends, so that the poller waits for any number of children as it
//! does for sockets, and a goroutine in [`wait`](Child::wait) costs no thread. What it then asks, `waitpid` without waiting, is asked under a lock
//! that [`kill`](Child::kill) takes too: until that call has reaped the child its number cannot be another process's.
//!
//! Rejected: *`SIGCHLD`* is one for the whole process, is lost among others of its kind, and whoever else handles it in this process (or asks
//! `waitpid` for "any child") would have to know of us. *A thread in `waitpid` for each child* is what a runtime with goroutines is to spare.
//! It is what is left where there is no pidfd: on kernels before 5.3, where a sandbox refuses the call, when no descriptor is to be had,
//! and when the runtime whose poller has the pidfd has ended. The wait is then a [`blocking`](crate::blocking) call; one that is bounded looks
//! again and again, at growing intervals up to 50 ms.
//!
//! # Pipes
//!
//! The ends of `Stdio::piped()` that stay here are non-blocking and registered with the poller, and have deadlines like sockets. A pipe's two ends
//! are two open file descriptions: the child's end blocks as it always did. (Not so with a terminal or a file that parent and child
//! share: [`io`](crate::io) says why those are never made non-blocking.)
//!
//! # What is as in std, and what is not
//!
//! Dropping a [`Child`] neither kills it nor waits for it; one that is never waited for is a zombie until this process ends. Making a child is
//! a blocking call (`fork`, `exec`, and waiting for the news of the latter). That call may run on a thread that ends some
//! time later, so that `PR_SET_PDEATHSIG`, which a [`pre_exec`](Command::pre_exec) might set, would end the child with it.
//!
//! # Outside a runtime
//!
//! Children are made, waited for, read from and written to from anywhere, goroutines and plain threads alike, whoever made it.
//! The poller is that of the runtime the child was made in. For those made outside there is one more runtime, of the process's own, that runs
//! nothing: the first such child starts it, on two or three threads that sleep until something happens to a child. (Rejected: `poll(2)` on
//! the plain thread itself, where a deadline that somebody else sets, or a context that ends, would be noticed only by looking again and again.)
//!
//! ```
//! let output = threadle::process::Command::new("echo").arg("hello").output()?; // no runtime, no goroutine
//! assert_eq!(output.stdout, b"hello\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod child;
mod command;
mod drain;
mod exit;
mod pipe;
mod watcher;

pub use child::{Child, Killer};
pub use command::Command;
pub use pipe::{ChildStderr, ChildStdin, ChildStdout};

// Values, which make no system call.
pub use std::process::{ExitCode, ExitStatus, Output, Stdio, abort, exit, id};
