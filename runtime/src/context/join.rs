//! Joining with a context.

use std::error::Error;
use std::fmt;

use super::error::ContextError;
use super::handle::Context;
use crate::scope::ScopedJoinHandle;
use crate::{JoinError, JoinHandle};

/// The context has ended that somebody waited with for the end of a goroutine, or of a job, which goes on. Its handle comes back.
///
/// ```
/// use std::time::Duration;
/// use threadle::{chan, context::Context, go};
/// threadle::run(|| {
///     let (gate, wait) = chan::bounded::<()>(0);
///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
///     let given_up = go(move || wait.recv().is_err()).join_with(&context).unwrap_err();
///     assert_eq!(given_up.to_string(), "joining: context deadline exceeded");
///     drop(gate);
///     assert!(given_up.into_handle().join().unwrap());
/// });
/// ```
pub struct JoinWithError<H> {
    handle: H,
    context: ContextError,
}

impl<H> JoinWithError<H> {
    pub(crate) fn new(handle: H, context: ContextError) -> Self {
        JoinWithError { handle, context }
    }

    /// The handle, to try again.
    ///
    /// ```
    /// use threadle::{context::Context, go};
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     cancel.cancel();
    ///     let given_up = go(|| 7).join_with(&context).unwrap_err();
    ///     assert_eq!(given_up.into_handle().join().unwrap(), 7);
    /// });
    /// ```
    pub fn into_handle(self) -> H {
        self.handle
    }

    /// Why the context has ended.
    ///
    /// ```
    /// use threadle::{context::Context, go};
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     cancel.cancel();
    ///     assert!(go(|| ()).join_with(&context).unwrap_err().context().is_cancelled());
    /// });
    /// ```
    pub fn context(&self) -> &ContextError {
        &self.context
    }
}

impl<H> fmt::Debug for JoinWithError<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinWithError").field("context", &self.context).finish_non_exhaustive()
    }
}

impl<H> fmt::Display for JoinWithError<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "joining: {}", self.context)
    }
}

impl<H> Error for JoinWithError<H> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.context)
    }
}

/// Drops the handle: the goroutine goes on by itself.
impl<H> From<JoinWithError<H>> for ContextError {
    fn from(error: JoinWithError<H>) -> ContextError {
        error.context
    }
}

impl<T> JoinHandle<T> {
    /// As [`join`](Self::join), until the context ends at most; the goroutine goes on all the same. The outer error has the handle, to try
    /// again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; inside, as [`join`](Self::join).
    ///
    /// # Panics
    /// As [`join`](Self::join).
    ///
    /// ```
    /// use threadle::{context::{Context, ContextError}, go};
    ///
    /// fn answer(request: &Context) -> Result<u32, ContextError> {
    ///     let worker = go(|| 6 * 7);
    ///     Ok(worker.join_with(request)?.unwrap())
    /// }
    /// assert_eq!(threadle::run(|| answer(&Context::background()).unwrap()), 42);
    /// ```
    #[track_caller]
    pub fn join_with(mut self, context: &Context) -> Result<Result<T, JoinError>, JoinWithError<Self>> {
        match self.wait_until_ended(context) {
            Ok(()) => Ok(self.join()),
            Err(error) => Err(JoinWithError::new(self, error)),
        }
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// As [`join`](Self::join), until the context ends at most; the scope waits for the goroutine all the same. The outer error has the
    /// handle, to try again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The context has ended; inside, as [`join`](Self::join).
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::context::Context;
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     let (part, _) = context.with_timeout(Duration::from_millis(1));
    ///     threadle::scope(|s| {
    ///         let worker = s.go(|| context.done().recv().is_err());
    ///         assert!(worker.join_with(&part).is_err());
    ///         cancel.cancel(); // or the scope would wait for ever
    ///     });
    /// });
    /// ```
    #[track_caller]
    pub fn join_with(mut self, context: &Context) -> Result<Result<T, JoinError>, JoinWithError<Self>> {
        match self.wait_until_ended(context) {
            Ok(()) => Ok(self.join()),
            Err(error) => Err(JoinWithError::new(self, error)),
        }
    }
}
