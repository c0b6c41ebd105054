//! A place that is held for a job to come.

use std::fmt;
use std::sync::Arc;

use super::error::{SubmitError, Why};
use super::handle::JobHandle;
use super::job::{Told, Untold, unboxed};
use super::worker::Shared;
use crate::chan;
use crate::context::ContextError;

/// A place in a [`Pool`](super::Pool), held for a job; made by [`Pool::reserve`](super::Pool::reserve). Dropping it gives the place back.
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(1, 0);
///     let slot = pool.reserve().unwrap();
///     slot.submit(|| println!("never waits")).unwrap();
/// });
/// ```
#[must_use = "dropped at once, the place is free again at once"]
pub struct Slot<'pool> {
    shared: &'pool Shared,
}

impl<'pool> Slot<'pool> {
    /// The caller has taken a place.
    pub(super) fn new(shared: &'pool Shared) -> Slot<'pool> {
        Slot { shared }
    }

    /// Has a worker run `job`.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// The pool was closed meanwhile, or has no worker left. The job comes back in the error.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let slot = pool.reserve().unwrap();
    ///     pool.close();
    ///     assert!(slot.submit(|| ()).unwrap_err().is_closed());
    /// });
    /// ```
    pub fn submit<F>(self, job: F) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        match self.shared.accept(Box::new(Untold(job))) {
            Ok(()) => {
                // The place is the job's now.
                std::mem::forget(self);
                Ok(())
            }
            Err(refused) => Err(SubmitError::new(unboxed::<Untold<F>>(refused).0, Why::Closed)),
        }
    }

    /// Has a worker run `job`, whose result the handle waits for.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// The pool was closed meanwhile, or has no worker left. The job comes back in the error.
    ///
    /// ```
    /// use std::time::Duration;
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let slot = pool.reserve_timeout(Duration::from_secs(5)).unwrap();
    ///     assert_eq!(slot.go(|| "done").unwrap().join().unwrap(), "done");
    /// });
    /// ```
    pub fn go<F, T>(self, job: F) -> Result<JobHandle<T>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (result, told) = chan::bounded(1);
        let pending = Arc::new(());
        let handle = JobHandle::new(told, Arc::downgrade(&pending), self.shared.over().clone());
        match self.shared.accept(Box::new(Told { call: job, result, pending })) {
            Ok(()) => {
                std::mem::forget(self);
                Ok(handle)
            }
            Err(refused) => Err(SubmitError::new(unboxed::<Told<F, T>>(refused).call, Why::Closed)),
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.shared.give_back();
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot { .. }")
    }
}

/// Why no place was held.
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(1, 0);
///     pool.close();
///     assert_eq!(pool.try_reserve().unwrap_err().to_string(), "the pool is closed");
/// });
/// ```
#[derive(Clone)]
pub struct NoSlot(pub(super) Why);

impl NoSlot {
    /// There was no place, or none in time.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let _slot = pool.reserve().unwrap();
    ///     assert!(pool.try_reserve().unwrap_err().is_full());
    /// });
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self.0, Why::Full)
    }

    /// The pool is closed.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     pool.close();
    ///     assert!(pool.reserve().unwrap_err().is_closed());
    /// });
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self.0, Why::Closed)
    }

    /// The context has ended that the call was made with.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let pool = Pool::new(1, 0);
    ///     let _slot = pool.reserve().unwrap();
    ///     assert!(pool.reserve_with(&context).unwrap_err().context().unwrap().is_timeout());
    /// });
    /// ```
    pub fn context(&self) -> Option<&ContextError> {
        self.0.context()
    }
}

impl fmt::Debug for NoSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoSlot({:?})", self.0)
    }
}

impl fmt::Display for NoSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NoSlot {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.context().map(|error| error as _)
    }
}
