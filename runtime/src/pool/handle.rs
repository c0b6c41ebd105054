//! How a job's result is learned.

use std::fmt;
use std::sync::Weak;
use std::thread;
use std::time::Duration;

use super::error::JobError;
use crate::chan::{Receiver, TryRecvError};
use crate::select;

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
    pub(super) result: Receiver<thread::Result<T>>,
    /// Cannot be upgraded once the job has sent its result, or is dropped.
    pending: Weak<()>,
    /// Closed once there is no worker left.
    pub(super) over: Receiver<()>,
}

impl<T> JobHandle<T> {
    pub(super) fn new(result: Receiver<thread::Result<T>>, pending: Weak<()>, over: Receiver<()>) -> JobHandle<T> {
        JobHandle { result, pending, over }
    }

    /// Waits until the job has ended, and gives what it returned. From any goroutine or thread.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The job panicked, was dropped by a [shutdown](super::Pool::shutdown_timeout) before it ran, or was abandoned with its runtime;
    /// [`JobError`] tells which.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     assert_eq!(pool.go(|| "result").unwrap().join().unwrap(), "result");
    /// });
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T, JobError> {
        select! {
            recv(self.result) -> told => end_of(told.ok()),
            recv(self.over) -> _ => self.left_behind(),
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
    #[track_caller]
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, JobError>, Self> {
        select! {
            recv(self.result) -> told => Ok(end_of(told.ok())),
            recv(self.over) -> _ => Ok(self.left_behind()),
            default(timeout) => Err(self),
        }
    }

    /// There is no worker left, and whatever one of them told is there.
    pub(super) fn left_behind(&self) -> Result<T, JobError> {
        match self.result.try_recv() {
            Err(TryRecvError::Empty) => Err(JobError::abandoned()),
            told => end_of(told.ok()),
        }
    }

    /// Whether the job has ended, was dropped or was abandoned, so that [`join`](Self::join) does not wait. Switches: no.
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
        self.pending.strong_count() == 0 || self.over.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// What a job told, or that it could not.
pub(super) fn end_of<T>(told: Option<thread::Result<T>>) -> Result<T, JobError> {
    match told {
        Some(Ok(value)) => Ok(value),
        Some(Err(payload)) => Err(JobError::panic(payload)),
        None => Err(JobError::dropped()),
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("finished", &self.is_finished()).finish()
    }
}
