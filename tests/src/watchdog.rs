//! The end of patience.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Aborts the process, after a dump of every goroutine, unless it is dropped in time.
///
/// A test that hangs says so, with what everybody was waiting for; one that is slow on a busy machine passes.
#[derive(Debug)]
#[must_use = "a watchdog watches until it is dropped"]
pub struct Watchdog {
    alive: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches from now on, for so many seconds.
    ///
    /// # Panics
    ///
    /// If no thread can be made.
    pub fn new(seconds: u64) -> Watchdog {
        let (alive, dropped) = mpsc::channel::<()>();
        let watched = thread::current().name().unwrap_or("?").to_owned();
        let watch = move || {
            if dropped.recv_timeout(Duration::from_secs(seconds)) == Err(RecvTimeoutError::Timeout) {
                let mut report = format!("watchdog: {watched} still runs after {seconds} s\n").into_bytes();
                if let Err(error) = threadle::dump(&mut report) {
                    report.extend_from_slice(format!("watchdog: no dump: {error}\n").as_bytes());
                }
                // Nobody is left to tell if stderr is gone.
                let _ = std::io::stderr().write_all(&report);
                std::process::abort();
            }
        };
        let thread = thread::Builder::new().name("watchdog".into()).spawn(watch).expect("a thread for the watchdog");
        Watchdog { alive: Some(alive), thread: Some(thread) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once: its sender is gone. Its panic, if it had one, has been printed.
            let _ = thread.join();
        }
    }
}
