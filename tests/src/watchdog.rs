//! The end of patience: [`threadle::testing::Watchdog`], by seconds.

use std::time::Duration;

/// Aborts the process, after a dump of every goroutine, unless it is dropped in time.
#[derive(Debug)]
#[must_use = "a watchdog watches until it is dropped"]
pub struct Watchdog {
    _watches: threadle::testing::Watchdog,
}

impl Watchdog {
    /// Watches from now on, for so many seconds.
    ///
    /// # Panics
    ///
    /// If no thread can be made.
    pub fn new(seconds: u64) -> Watchdog {
        Watchdog { _watches: threadle::testing::Watchdog::new(Duration::from_secs(seconds)) }
    }
}
