//! The end of patience.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Aborts the process, after a dump of every goroutine on stderr, unless it is dropped in time.
///
/// A test that hangs says so, with what everybody was waiting for; one that is slow on a busy machine passes. So be generous. The time is the
/// real one, and the watch is kept by a thread of its own.
///
/// Its drop waits for that thread, which ends at once; on a goroutine that is a blocking call nobody announced. Does not switch.
///
/// ```
/// use threadle::testing::Watchdog;
/// let _watchdog = Watchdog::new(std::time::Duration::from_secs(60));
/// threadle::run(|| threadle::go(|| ()).join().unwrap());
/// ```
#[derive(Debug)]
#[must_use = "a watchdog watches until it is dropped"]
pub struct Watchdog {
    alive: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches from now on, for so long.
    ///
    /// # Panics
    /// If no thread can be made.
    ///
    /// ```
    /// use threadle::testing::Watchdog;
    /// let watchdog = Watchdog::new(std::time::Duration::from_secs(60));
    /// drop(watchdog); // in time
    /// ```
    #[track_caller]
    pub fn new(patience: Duration) -> Watchdog {
        let (alive, dropped) = mpsc::channel::<()>();
        let watched = thread::current().name().unwrap_or("?").to_owned();
        let watch = move || {
            if dropped.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                bite(&watched, patience);
            }
        };
        match thread::Builder::new().name("watchdog".into()).spawn(watch) {
            Ok(thread) => Watchdog { alive: Some(alive), thread: Some(thread) },
            Err(error) => panic!("no thread for a watchdog: {error}"),
        }
    }
}

fn bite(watched: &str, patience: Duration) -> ! {
    let mut report = format!("watchdog: {watched} still runs after {patience:?}\n").into_bytes();
    if let Err(error) = crate::dump(&mut report) {
        report.extend_from_slice(format!("watchdog: no dump: {error}\n").as_bytes());
    }
    // Nobody is left to tell if stderr is gone.
    let _ = std::io::stderr().write_all(&report);
    std::process::abort();
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
