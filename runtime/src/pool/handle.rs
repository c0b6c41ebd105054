//! How a job's result is learned.

use std::fmt;
use std::sync::Weak;
use std::thread;
use std::time::Duration;

use super::error::JobError;
use crate::chan::{Receiver, RecvTimeoutError};

/// The right to learn what a job gave; dropping it lets the job go on by itself.
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(2, 0);
///     let (one, two) = (pool.go(|| 1).unwrap(), pool.go(|| 2).unwrap());
///     assert_eq!(one.join().unwrap() + two.join().unwrap(), 3);
/// });
/// ```
#[must_use = "a job whose result is not wanted is to be submitted"]
pub struct JobHandle<T> {
    result: Receiver<thread::Result<T>>,
    /// Cannot be upgraded once the job has sent its result, or is dropped.
    pending: Weak<()>,
}

impl<T> JobHandle<T> {
    pub(super) fn new(result: Receiver<thread::Result<T>>, pending: Weak<()>) -> JobHandle<T> {
        JobHandle { result, pending }
    }

    /// Waits until the job has ended, and gives what it returned. From any goroutine or thread.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The job panicked, or was dropped by a [shutdown](super::Pool::shutdown_timeout) before it ran; [`JobError`] tells which.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     assert_eq!(pool.go(|| "result").unwrap().join().unwrap(), "result");
    /// });
    /// ```
    pub fn join(self) -> Result<T, JobError> {
        match self.result.recv() {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(payload)) => Err(JobError::panic(payload)),
            Err(_) => Err(JobError::dropped()),
        }
    }

    /// As [`join`](Self::join), waiting at most `timeout`. The outer error is the handle, to try again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The handle where the time is over; inside, as [`join`](Self::join).
    ///
    /// ```
    /// use std::time::Duration;
    /// threadle::run(|| {
    ///     let (gate, wait) = threadle::chan::bounded::<()>(0);
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let handle = pool.go(move || wait.recv().is_err()).unwrap();
    ///     let handle = handle.join_timeout(Duration::from_millis(1)).unwrap_err();
    ///     drop(gate);
    ///     assert!(handle.join().unwrap());
    /// });
    /// ```
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, JobError>, Self> {
        let Some(deadline) = crate::base::now().checked_add(timeout) else { return Ok(self.join()) };
        match self.result.recv_deadline(deadline) {
            Ok(Ok(value)) => Ok(Ok(value)),
            Ok(Err(payload)) => Ok(Err(JobError::panic(payload))),
            Err(RecvTimeoutError::Disconnected) => Ok(Err(JobError::dropped())),
            Err(RecvTimeoutError::Timeout) => Err(self),
        }
    }

    /// Whether the job has ended or was dropped, so that [`join`](Self::join) does not wait. Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let handle = pool.go(|| ()).unwrap();
    ///     pool.shutdown();
    ///     assert!(handle.is_finished());
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.pending.strong_count() == 0
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("finished", &self.is_finished()).finish()
    }
}
