//! Messages without end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::chan::{Alarm, Receiver, RecvError};
use crate::waiters::lock;

/// A message, the instant it came due, every period. Ticks that nobody received before the next one are skipped, and the ones that follow
/// stay on the grid. A ticker that nobody waits for costs nothing, and needs not be stopped.
///
/// ```
/// use std::time::Duration;
/// use threadle::time::Ticker;
///
/// let ticker = Ticker::new(Duration::from_millis(1));
/// let (first, second) = (ticker.recv().unwrap(), ticker.recv().unwrap());
/// assert!(second - first >= Duration::from_millis(1));
/// ```
#[derive(Debug)]
pub struct Ticker {
    alarm: Arc<Alarm>,
    /// Held by whoever sets the alarm anew: period and instant belong together.
    setting: Mutex<()>,
}

impl Ticker {
    /// A ticker whose first tick comes after one period. A period beyond what the clock can count never ends.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ticker = threadle::time::Ticker::new(Duration::from_millis(1));
    /// assert!(ticker.recv().is_ok());
    /// ```
    #[must_use = "nobody can receive from it"]
    #[track_caller]
    pub fn new(period: Duration) -> Ticker {
        check(period);
        Ticker { alarm: Arc::new(Alarm::periodic(crate::base::now(), period)), setting: Mutex::new(()) }
    }

    /// Waits for the next tick: the instant at which it came due. While the ticker is stopped, that is until it has been reset.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// None at present; a ticker is never closed.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// let ticker = threadle::time::Ticker::new(Duration::from_millis(1));
    /// assert!(ticker.recv().unwrap() <= Instant::now());
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Result<Instant, RecvError> {
        self.receiver().recv()
    }

    /// A receiver of this ticker's messages, for `select!`; each tick is received by one of them. They go on after the ticker was dropped.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ticks = threadle::time::Ticker::new(Duration::from_millis(1)).receiver();
    /// assert_eq!(ticks.iter().take(2).count(), 2);
    /// ```
    pub fn receiver(&self) -> Receiver<Instant> {
        Receiver::from_source(Arc::clone(&self.alarm) as _)
    }

    /// Starts anew with this period: the next tick comes after one period from now, and none comes that was due before. Also restarts one
    /// that was stopped.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ticker = threadle::time::Ticker::new(Duration::from_secs(60));
    /// ticker.reset(Duration::from_millis(1));
    /// assert!(ticker.recv().is_ok());
    /// ```
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        check(period);
        let _setting = lock(&self.setting);
        self.alarm.set_periodic(crate::base::now(), period);
    }

    /// Stops: no tick is received from here on, also none that was due. Receivers wait on.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ticker = threadle::time::Ticker::new(Duration::from_millis(1));
    /// threadle::time::sleep(Duration::from_millis(2));
    /// ticker.stop();
    /// assert!(ticker.receiver().try_recv().is_err());
    /// ```
    pub fn stop(&self) {
        let _setting = lock(&self.setting);
        self.alarm.set(None);
    }
}

#[track_caller]
fn check(period: Duration) {
    assert!(!period.is_zero(), "the period of a ticker must not be zero");
}
