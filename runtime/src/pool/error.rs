//! What can go wrong with a job.

use std::any::Any;
use std::error::Error;
use std::fmt;

use super::gate::Refusal;
use crate::context::ContextError;
use crate::entry::told;

/// Why a job has no place.
#[derive(Clone, Debug)]
pub(super) enum Why {
    Full,
    Closed,
    Context(ContextError),
}

impl Why {
    pub(super) fn context(&self) -> Option<&ContextError> {
        match self {
            Why::Context(error) => Some(error),
            Why::Full | Why::Closed => None,
        }
    }
}

impl From<Refusal> for Why {
    fn from(refusal: Refusal) -> Why {
        match refusal {
            Refusal::Full => Why::Full,
            Refusal::Closed => Why::Closed,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Full => f.write_str("the pool has no place for another job"),
            Why::Closed => f.write_str("the pool is closed"),
            Why::Context(error) => write!(f, "waiting for a place in the pool: {error}"),
        }
    }
}

/// Why a job was not accepted; the job comes back.
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(1, 0);
///     pool.close();
///     let error = pool.submit(|| println!("never")).unwrap_err();
///     assert_eq!(error.to_string(), "the pool is closed");
///     let job = error.into_inner();
///     job(); // by whoever was to submit it, then
/// });
/// ```
pub struct SubmitError<F> {
    job: F,
    why: Why,
}

impl<F> SubmitError<F> {
    pub(super) fn new(job: F, why: Why) -> SubmitError<F> {
        SubmitError { job, why }
    }

    /// The job, to be submitted again or run in place.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     pool.close();
    ///     let job = pool.go(|| "in place").unwrap_err().into_inner();
    ///     assert_eq!(job(), "in place");
    /// });
    /// ```
    pub fn into_inner(self) -> F {
        self.job
    }

    /// There was no place, or none in time.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let _slot = pool.reserve().unwrap();
    ///     assert!(pool.try_submit(|| ()).unwrap_err().is_full());
    /// });
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self.why, Why::Full)
    }

    /// The pool is closed.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     pool.close();
    ///     assert!(pool.submit(|| ()).unwrap_err().is_closed());
    /// });
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self.why, Why::Closed)
    }

    /// The context has ended that the call was made with.
    ///
    /// ```
    /// use threadle::{context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     cancel.cancel();
    ///     let error = Pool::new(1, 0).submit_with(&context, || ()).unwrap_err();
    ///     assert!(error.context().unwrap().is_cancelled());
    /// });
    /// ```
    pub fn context(&self) -> Option<&ContextError> {
        self.why.context()
    }
}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubmitError({:?})", self.why)
    }
}

impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<F> Error for SubmitError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.context().map(|error| error as _)
    }
}

/// Why a job gave no result.
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(1, 0);
///     let error = pool.go(|| if true { panic!("no") }).unwrap().join().unwrap_err();
///     assert_eq!(error.to_string(), "the job panicked: no");
/// });
/// ```
pub struct JobError(Repr);

enum Repr {
    Panic(Box<dyn Any + Send>),
    Dropped,
    Abandoned,
}

// SAFETY: a shared error gives out no reference to the payload, which need not be Sync: only its text is looked at, and strings are Sync.
unsafe impl Sync for JobError {}

impl JobError {
    pub(super) fn panic(payload: Box<dyn Any + Send>) -> JobError {
        JobError(Repr::Panic(payload))
    }

    pub(super) fn dropped() -> JobError {
        JobError(Repr::Dropped)
    }

    pub(super) fn abandoned() -> JobError {
        JobError(Repr::Abandoned)
    }

    /// It panicked.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let error = pool.go(|| if true { panic!("no") }).unwrap().join().unwrap_err();
    ///     assert!(error.is_panic());
    ///     assert_eq!(error.to_string(), "the job panicked: no");
    /// });
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Repr::Panic(_))
    }

    /// What it panicked with, for `std::panic::resume_unwind`.
    ///
    /// # Panics
    /// If it did not panic.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let error = pool.go(|| if true { panic!("no") }).unwrap().join().unwrap_err();
    ///     assert_eq!(error.into_panic().downcast_ref(), Some(&"no"));
    /// });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.0 {
            Repr::Panic(payload) => payload,
            _ => panic!("the job did not panic: {self}"),
        }
    }

    /// It was dropped before it ran: a shutdown's time was over, or there was no worker left to run it.
    ///
    /// ```
    /// use std::time::Duration;
    /// threadle::run(|| {
    ///     let (_gate, wait) = threadle::chan::bounded::<()>(0);
    ///     let pool = threadle::pool::Pool::new(1, 1);
    ///     pool.submit(move || assert!(wait.recv().is_err())).unwrap();
    ///     let queued = pool.go(|| ()).unwrap();
    ///     pool.shutdown_timeout(Duration::from_millis(1));
    ///     assert!(queued.join().unwrap_err().is_dropped());
    /// });
    /// ```
    pub fn is_dropped(&self) -> bool {
        matches!(self.0, Repr::Dropped)
    }

    /// The runtime ended while the job ran, and left it as it was.
    ///
    /// ```
    /// use threadle::{chan, pool::Pool};
    /// let handle = threadle::run(|| {
    ///     let pool = Pool::new(1, 0);
    ///     let (begun, wait) = chan::bounded(0);
    ///     let handle = pool.go(move || {
    ///         begun.send(()).unwrap();
    ///         chan::never::<()>().recv()
    ///     });
    ///     wait.recv().unwrap();
    ///     handle.unwrap()
    /// });
    /// assert!(handle.join().unwrap_err().is_abandoned());
    /// ```
    pub fn is_abandoned(&self) -> bool {
        matches!(self.0, Repr::Abandoned)
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Panic(payload) => told(f, "the job panicked", &**payload),
            Repr::Dropped => f.write_str("the job was dropped before it ran"),
            Repr::Abandoned => f.write_str("the job was abandoned: its runtime has ended"),
        }
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobError({self})")
    }
}

impl Error for JobError {}
