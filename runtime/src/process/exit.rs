//! Learning that a child has ended.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use threadle_scheduler::io::Direction;
use threadle_scheduler::{Parking, Reason, blocking};

use super::watcher::host;
use crate::context::{ContextError, Watch};
use crate::polled::Polled;
use crate::signal::Signal;
use crate::waiters::lock;

/// How often a bounded wait without a pidfd looks, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// A child process, until and after it is reaped.
#[derive(Debug)]
pub(super) struct Process {
    id: u32,
    /// Reaps and kills. While it is locked the number is the child's.
    child: Mutex<Child>,
    /// Readable once the child has ended; `None`: see "How a child is waited for" in the module.
    ended: Option<Polled<OwnedFd>>,
}

impl Process {
    /// Takes over a child that nobody else waits for.
    pub(super) fn new(child: Child) -> Process {
        let id = child.id();
        Process { id, child: Mutex::new(child), ended: watch(id).ok() }
    }

    #[cfg(test)]
    pub(super) fn unwatched(child: Child) -> Process {
        Process { id: child.id(), child: Mutex::new(child), ended: None }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Reaps the child if it has ended. Does not switch.
    pub(super) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        lock(&self.child).try_wait()
    }

    /// Waits for the end until `deadline`, by one caller at a time, or until the watched context ends. Switches.
    ///
    /// # Errors
    /// Those of `waitpid`; the context's.
    #[track_caller]
    pub(super) fn wait(&self, deadline: Option<Instant>, watch: Option<&Watch<'_>>) -> io::Result<Option<ExitStatus>> {
        if let Some(status) = self.try_wait()? {
            return Ok(Some(status));
        }
        if let Some(ended) = &self.ended {
            ended.set_deadline(Direction::Read, deadline);
            // An error of `waitpid` is an answer here, not to be taken for one of the poller's.
            let answer = ended.call_within(Direction::Read, watch, |_| match self.try_wait() {
                Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
                answer => Ok(answer),
            });
            match answer {
                Ok(answer) => return answer,
                Err(error) if ContextError::of(&error).is_some() => return Err(error),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return self.try_wait(),
                // The poller is gone, with its runtime. There is another way, whose own errors are told.
                Err(_) => {}
            }
        }
        self.wait_by_hand(deadline, watch)
    }

    #[track_caller]
    fn wait_by_hand(&self, deadline: Option<Instant>, watch: Option<&Watch<'_>>) -> io::Result<Option<ExitStatus>> {
        if deadline.is_none() && watch.is_none() {
            blocking(|| outlast(self.id))?;
            return self.try_wait();
        }
        let mut pause = FIRST_LOOK;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(Some(status));
            }
            watch.map_or(Ok(()), Watch::check)?;
            let now = crate::base::now();
            let next = now.checked_add(pause).into_iter().chain(deadline).min();
            if next.is_some_and(|next| next <= now) {
                return Ok(None);
            }
            let parking = Parking::open(Reason::Sleep);
            match watch {
                Some(watch) => watch.park(parking, next),
                None => _ = parking.wait_until(next),
            }
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    /// Sends a signal, unless the child was reaped. Does not switch.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        let mut child = lock(&self.child);
        // Also what tells whether the number is the child's still: a zombie's is.
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        // SAFETY: the call takes two numbers. The child has not been reaped, and cannot be while it is locked here.
        match unsafe { libc::kill(self.id.cast_signed(), signal.number()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// A pidfd of the child, watched by a poller.
fn watch(id: u32) -> io::Result<Polled<OwnedFd>> {
    // SAFETY: the call takes two numbers and gives a new descriptor (closed on exec) or an error. The child is ours and not yet reaped.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's. Descriptors fit into an int.
    Polled::new_in(host()?, unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Blocks until the child has ended, and leaves it to be reaped.
fn outlast(id: u32) -> io::Result<()> {
    loop {
        // SAFETY: `siginfo_t` is plain data, for which zeros are good.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is room for what is told.
        let ended = unsafe { libc::waitid(libc::P_PID, id, &raw mut info, libc::WEXITED | libc::WNOWAIT) };
        if ended == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn sleeper(seconds: &str) -> Process {
        Process::unwatched(Command::new("sleep").arg(seconds).spawn().unwrap())
    }

    /// As on kernels before 5.3: from a thread, and from goroutines in both modes.
    #[test]
    fn children_are_waited_for_without_a_pidfd() {
        fn body() {
            let short = sleeper("0.02");
            assert!(short.wait(None, None).unwrap().unwrap().success());
            assert!(short.wait(None, None).unwrap().unwrap().success(), "again, after it was reaped");
            let long = sleeper("1000");
            assert_eq!(long.wait(Some(Instant::now() + Duration::from_millis(5)), None).unwrap(), None);
            long.signal(Signal::TERMINATE).unwrap();
            let patience = Instant::now() + Duration::from_secs(60);
            assert!(!long.wait(Some(patience), None).unwrap().expect("it was told to end").success());
            long.signal(Signal::TERMINATE).expect("there is nobody left to tell");
        }
        body();
        crate::run(body);
        // SAFETY: nothing thread-bound is held over the waits.
        unsafe { crate::run_migrating(body) };
    }

    /// A goroutine that waits in that way holds up no other one of its thread.
    #[test]
    fn a_wait_without_a_pidfd_stalls_nobody() {
        crate::Builder::new()
            .procs(1)
            .run(|| {
                let child = std::sync::Arc::new(sleeper("1000"));
                let waiter = crate::go({
                    let child = std::sync::Arc::clone(&child);
                    move || child.wait(None, None).unwrap().unwrap().success()
                });
                for number in 0..100 {
                    assert_eq!(crate::go(move || number).join().unwrap(), number);
                }
                child.signal(Signal::KILL).unwrap();
                assert!(!waiter.join().unwrap());
            })
            .unwrap();
    }
}
