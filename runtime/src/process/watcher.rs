//! Whose poller watches children and their pipes.

use std::io;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::thread;

use threadle_scheduler::{Deadlock, Host, mode};

use crate::waiters::lock;
use crate::{Builder, chan};

/// What is registered here, if it is not in the caller's runtime.
const WHAT: &str = "a child process";

/// The caller's runtime; outside one the process's own, see "Outside a runtime" in the module. Does not switch.
pub(super) fn host() -> io::Result<Host> {
    if mode().is_some() { Ok(Host::current(WHAT)) } else { of_the_process() }
}

fn of_the_process() -> io::Result<Host> {
    /// The process it was started in, or is being; 0: none. Looked at before the lock, which a fork may have copied while it was held.
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    static STARTED: Mutex<Option<Host>> = Mutex::new(None);
    let this = process::id();
    if PROCESS.compare_exchange(0, this, SeqCst, SeqCst).is_err_and(|process| process != this) {
        return Err(io::Error::other("the runtime that watches children has not come along through fork"));
    }
    let mut started = lock(&STARTED);
    match *started {
        Some(host) => Ok(host),
        None => Ok(*started.insert(start()?)),
    }
}

/// Starts a runtime that does nothing but poll, for as long as the process lives.
fn start() -> io::Result<Host> {
    let (tell, told) = mpsc::sync_channel(1);
    let name = "threadle-process";
    thread::Builder::new().name(name.into()).spawn(move || {
        // A processor for whoever a timer or an event would wake, were it a goroutine.
        let runtime = Builder::new().procs(1).thread_name(name).deadlock(Deadlock::Ignore);
        let ended = runtime.run(|| {
            // It is waited for below.
            let _there = tell.send(Ok(Host::current(WHAT)));
            chan::never::<()>().recv()
        });
        if let Err(error) = ended {
            let _there = tell.send(Err(error));
        }
    })?;
    told.recv().unwrap_or_else(|_| Err(io::Error::other("the runtime that watches children has not started")))
}
