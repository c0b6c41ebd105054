//! Why a context has ended.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// What somebody gave as the reason of a cancellation.
///
/// ```
/// use std::io;
/// use threadle::context::Context;
/// let (context, cancel) = Context::background().with_cancel();
/// cancel.cancel_with(io::Error::from(io::ErrorKind::BrokenPipe));
/// let cause = context.cause().unwrap();
/// assert_eq!(cause.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::BrokenPipe);
/// ```
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a context has ended: it was cancelled, or its deadline has passed. Every call that takes a context says so by this.
///
/// ```
/// use std::error::Error;
/// use threadle::context::Context;
///
/// let (context, cancel) = Context::background().with_cancel();
/// cancel.cancel_with("the client has hung up");
/// let error = context.err().unwrap();
/// assert!(error.is_cancelled() && !error.is_timeout());
/// assert_eq!(error.to_string(), "context cancelled");
/// assert_eq!(error.source().unwrap().to_string(), "the client has hung up");
/// ```
#[derive(Clone)]
pub struct ContextError {
    kind: Kind,
    cause: Option<Cause>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Cancelled,
    DeadlineExceeded,
}

impl ContextError {
    pub(super) fn cancelled(cause: Option<Cause>) -> Self {
        ContextError { kind: Kind::Cancelled, cause }
    }

    pub(super) fn deadline_exceeded() -> Self {
        ContextError { kind: Kind::DeadlineExceeded, cause: None }
    }

    /// Whether somebody cancelled it, or an ancestor.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (request, cancel) = Context::background().with_cancel();
    /// let (part, _) = request.with_cancel();
    /// cancel.cancel();
    /// assert!(part.err().unwrap().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.kind == Kind::Cancelled
    }

    /// Whether its deadline has passed, or an ancestor's.
    ///
    /// ```
    /// use std::time::Instant;
    /// use threadle::context::Context;
    /// let (request, _) = Context::background().with_deadline(Instant::now());
    /// let (part, _) = request.with_cancel();
    /// assert!(part.err().unwrap().is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::DeadlineExceeded
    }

    /// What was given to [`Cancel::cancel_with`](super::Cancel::cancel_with); also the [`source`](Error::source).
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// assert!(context.err().unwrap().cause().is_none()); // nobody said why
    /// ```
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The context's error in one of I/O, if that is why the call failed.
    ///
    /// ```
    /// use std::io;
    /// use threadle::context::{Context, ContextError};
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// let error = io::Error::from(context.err().unwrap());
    /// assert!(ContextError::of(&error).unwrap().is_cancelled());
    /// assert!(ContextError::of(&io::Error::from(io::ErrorKind::NotFound)).is_none());
    /// ```
    pub fn of(error: &io::Error) -> Option<&ContextError> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Cancelled => "context cancelled",
            Kind::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl fmt::Debug for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextError").field("kind", &self.kind).field("cause", &self.cause).finish()
    }
}

impl Error for ContextError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

/// `TimedOut` for a deadline. A cancellation is `Other` and not `Interrupted`: that is what loops try again after.
impl From<ContextError> for io::Error {
    fn from(error: ContextError) -> io::Error {
        let kind = if error.is_timeout() { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
        io::Error::new(kind, error)
    }
}
