//! Pools with a context.

use super::error::{JobError, SubmitError, Why};
use super::handle::end_of;
use super::{Drained, JobHandle, NoSlot, Pool, Slot, submit_in};
use crate::context::{Context, JoinWithError, Watch};
use crate::select;
use crate::wait::Limit;

impl Pool {
    /// As [`submit`](Self::submit), waiting for a place until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended ([`context`](SubmitError::context) has why), or the pool is closed. The job comes back in the error.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let (_gate, wait) = chan::bounded::<()>(0);
    ///     let pool = Pool::new(1, 0);
    ///     pool.submit(move || assert!(wait.recv().is_err())).unwrap();
    ///     let (request, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let refused = pool.submit_with(&request, || println!("the job")).unwrap_err();
    ///     assert_eq!(refused.to_string(), "waiting for a place in the pool: context deadline exceeded");
    /// });
    /// ```
    #[track_caller]
    pub fn submit_with<F>(&self, context: &Context, job: F) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        submit_in(self.reserve_with(context), job)
    }

    /// As [`go`](Self::go), waiting for a place until the context ends at most. To wait for the result with it too is
    /// [`JobHandle::join_with`].
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`submit_with`](Self::submit_with).
    ///
    /// ```
    /// use threadle::{context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let pool = Pool::new(1, 0);
    ///     assert_eq!(pool.go_with(&Context::background(), || 7).unwrap().join().unwrap(), 7);
    /// });
    /// ```
    #[track_caller]
    pub fn go_with<F, T>(&self, context: &Context, job: F) -> Result<JobHandle<T>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.reserve_with(context) {
            Ok(slot) => slot.go(job),
            Err(NoSlot(why)) => Err(SubmitError::new(job, why)),
        }
    }

    /// As [`reserve`](Self::reserve), waiting until the context ends at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended ([`context`](NoSlot::context) has why), or the pool is closed.
    ///
    /// ```
    /// use threadle::{context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let (request, cancel) = Context::background().with_cancel();
    ///     let pool = Pool::new(1, 0);
    ///     pool.reserve_with(&request).unwrap().submit(|| ()).unwrap();
    ///     cancel.cancel();
    ///     assert!(pool.reserve_with(&request).is_err()); // though there may be a place
    /// });
    /// ```
    #[track_caller]
    pub fn reserve_with(&self, context: &Context) -> Result<Slot<'_>, NoSlot> {
        let watch = Watch::new(context).map_err(|error| NoSlot(Why::Context(error)))?;
        self.reserve_within(watch.limit()).map_err(|NoSlot(why)| match why {
            // Full, that is, until the limit was reached.
            Why::Full => NoSlot(Why::Context(watch.error())),
            why => NoSlot(why),
        })
    }

    /// As [`shutdown_timeout`](Self::shutdown_timeout), until the context ends at most; with one that has ended it does not wait.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let (ending, _) = Context::background().with_timeout(Duration::from_secs(10));
    ///     let pool = Pool::new(1, 4);
    ///     pool.submit(|| ()).unwrap();
    ///     assert!(pool.shutdown_with(&ending).is_complete());
    /// });
    /// ```
    #[track_caller]
    pub fn shutdown_with(&self, context: &Context) -> Drained {
        match Watch::new(context) {
            Ok(watch) => self.drain(watch.limit()),
            Err(_) => self.drain(Limit::at(crate::base::now())),
        }
    }
}

impl<T> JobHandle<T> {
    /// As [`join`](Self::join), waiting until the context ends at most; the job goes on all the same. The outer error has the handle, to try
    /// again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; inside, as [`join`](Self::join).
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, context::Context, pool::Pool};
    /// threadle::run(|| {
    ///     let (gate, wait) = chan::bounded::<()>(0);
    ///     let pool = Pool::new(1, 0);
    ///     let handle = pool.go(move || wait.recv().is_err()).unwrap();
    ///     let (request, _) = Context::background().with_timeout(Duration::from_millis(1));
    ///     let given_up = handle.join_with(&request).unwrap_err();
    ///     assert!(given_up.context().is_timeout());
    ///     drop(gate);
    ///     assert!(given_up.into_handle().join().unwrap());
    /// });
    /// ```
    #[track_caller]
    pub fn join_with(self, context: &Context) -> Result<Result<T, JobError>, JoinWithError<Self>> {
        if let Some(error) = context.err() {
            return Err(JoinWithError::new(self, error));
        }
        let done = context.done();
        select! {
            recv(self.result) -> told => Ok(end_of(told.ok())),
            recv(self.over) -> _ => Ok(self.left_behind()),
            recv(done) -> _ => match context.err() {
                Some(error) => Err(JoinWithError::new(self, error)),
                None => unreachable!("it is done"),
            },
        }
    }
}
