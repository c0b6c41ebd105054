//! Receiving from timers with a context.

use std::time::Instant;

use super::chan::RecvWithError;
use super::handle::Context;
use crate::time::{Ticker, Timer};

impl Timer {
    /// As [`recv`](Self::recv), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; or this timer calls a function.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, time::Timer};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert!(Timer::after(Duration::from_secs(60)).recv_with(&context).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn recv_with(&self, context: &Context) -> Result<Instant, RecvWithError> {
        self.receiver().recv_with(context)
    }
}

impl Ticker {
    /// As [`recv`](Self::recv), until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, time::Ticker};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(20));
    /// let ticker = Ticker::new(Duration::from_millis(1));
    /// while ticker.recv_with(&context).is_ok() {}
    /// assert!(context.is_done());
    /// ```
    #[track_caller]
    pub fn recv_with(&self, context: &Context) -> Result<Instant, RecvWithError> {
        self.receiver().recv_with(context)
    }
}
