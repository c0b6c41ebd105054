//! The right to cancel a context.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::error::ContextError;
use super::node::Node;

/// Cancels the context it came with, and everything derived from that. Clones cancel the same one; the first call counts. Dropping it
/// does not cancel; [`guard`](Self::guard) makes one that does.
///
/// ```
/// use threadle::context::Context;
/// let (context, cancel) = Context::background().with_cancel();
/// let (child, _) = context.with_cancel();
/// cancel.cancel();
/// assert!(child.is_done());
/// ```
#[derive(Clone)]
pub struct Cancel {
    node: Arc<Node>,
}

impl Cancel {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Cancel { node }
    }

    /// Cancels, without saying why. When it returns, the context and all that was derived from it have ended, and who waited for that has
    /// been woken; where somebody else cancels at the same time, what lies below may follow a moment later.
    ///
    /// Switches: no. From a thread outside every runtime too.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// assert!(context.err().unwrap().is_cancelled());
    /// cancel.cancel(); // does nothing
    /// ```
    pub fn cancel(&self) {
        self.node.cancel(ContextError::cancelled(None));
    }

    /// As [`cancel`](Self::cancel), and says why: whoever gave up because of it finds `cause` in the error.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel_with("overloaded");
    /// assert_eq!(context.cause().unwrap().to_string(), "overloaded");
    /// ```
    pub fn cancel_with(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        self.node.cancel(ContextError::cancelled(Some(Arc::from(cause.into()))));
    }

    /// Cancels when what this returns is dropped: on every way out of a function.
    ///
    /// Switches: no; nor does the drop.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// {
    ///     let _guard = cancel.guard();
    ///     assert!(!context.is_done());
    /// }
    /// assert!(context.is_done());
    /// ```
    #[must_use = "dropped at once, it cancels at once"]
    pub fn guard(self) -> CancelOnDrop {
        CancelOnDrop { cancel: self }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancel { .. }")
    }
}

/// Cancels when dropped. Made by [`Cancel::guard`].
///
/// ```
/// use threadle::context::Context;
/// let (request, cancel) = Context::background().with_cancel();
/// let answer = (|| {
///     let _guard = cancel.guard();
///     Err::<(), _>("an early return")?;
///     Ok::<_, &str>("never")
/// })();
/// assert!(answer.is_err() && request.is_done());
/// ```
#[derive(Debug)]
pub struct CancelOnDrop {
    cancel: Cancel,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
