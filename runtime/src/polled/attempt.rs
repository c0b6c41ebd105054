//! What came of one system call that may have to wait.

use std::io;
use std::time::Duration;

/// What one attempt at a call came to.
pub(crate) enum Attempt<T> {
    /// It is over.
    Over(io::Result<T>),
    /// It is over, with a transfer that was short: "Short transfers" in netpoll's README.
    Short(T),
    /// It would block: try again after the next event.
    Blocks,
    /// No event will tell when to try again. Do so after this time at the latest.
    Pause(Duration),
}

impl<T> From<io::Result<T>> for Attempt<T> {
    fn from(result: io::Result<T>) -> Self {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Attempt::Blocks,
            result => Attempt::Over(result),
        }
    }
}

impl Attempt<usize> {
    /// Of a file whose short transfers prove that there is no more for now, and a call that might have transferred `most`.
    pub(crate) fn transfer(result: io::Result<usize>, most: usize) -> Self {
        match result {
            Ok(count) if 0 < count && count < most => Attempt::Short(count),
            result => result.into(),
        }
    }
}
