//! The standard streams of the process, and copying.
//!
//! ```
//! use std::io::Write;
//! threadle::run(|| {
//!     let mut stdout = threadle::io::stdout();
//!     writeln!(stdout, "written whole, whoever else writes").unwrap();
//! });
//! ```
//!
//! `println!` and [`std::io::stdin`] work on goroutines, too; but when the reader of a pipe or the person at a terminal takes their time, they
//! block the thread without a word to the scheduler. The streams of this module announce it: each call is a [`blocking`](crate::blocking) one, and
//! who has to wait for another's call parks. They go through std's streams, so that both may be mixed, and what std does when the process ends
//! (flushing a last line without its end) is done here, too.
//!
//! # Why they are not made non-blocking
//!
//! A poller would spare the thread, but `O_NONBLOCK` is set on the *open file description*, and the ones behind descriptors 0, 1 and 2 are not ours:
//! the shell has them, and every process of the pipeline and of the terminal. Whoever sets the flag has the others' reads and writes fail with
//! `EAGAIN`, which they do not expect (a `cat` beside it ends), also after this process is gone. To open them anew through `/proc/self/fd` gives a
//! description of one's own, but not for sockets, nor where the file's permissions have changed since; and for a regular file the flag does nothing
//! at all: reading a slow disk blocks with it as without. So it is a thread, one for each stream at most, and only while a call lasts.

mod copy;
mod input;
mod output;

pub use copy::copy;
pub use input::{Stdin, StdinLock, stdin};
pub use output::{Stderr, StderrLock, Stdout, StdoutLock, stderr, stdout};
