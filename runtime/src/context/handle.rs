//! [`Context`]: a node of the tree, if it can end, and the values that go along.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::after_func::AfterFunc;
use super::cancel::Cancel;
use super::error::{Cause, ContextError};
use super::node::Node;
use super::values::Values;
use crate::chan::{self, Receiver};

/// When to give up, why, and what goes along with a request. Clones are the same context.
///
/// New ones are derived by the methods `with_..`: a child ends when its parent does, or before. See the [module](super).
///
/// ```
/// use threadle::context::Context;
///
/// #[derive(Debug, PartialEq)]
/// struct RequestId(u64);
///
/// let server = Context::background();
/// let request = server.with_value(RequestId(7));
/// let (part, cancel) = request.with_cancel();
/// assert_eq!(part.value(), Some(&RequestId(7)));
/// cancel.cancel();
/// assert!(part.is_done() && !request.is_done());
/// ```
#[derive(Clone)]
pub struct Context {
    /// `None`: it never ends.
    node: Option<Arc<Node>>,
    values: Option<Arc<Values>>,
}

impl Context {
    /// The root of every tree: it never ends and carries nothing. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// assert!(!Context::background().is_done());
    /// ```
    pub const fn background() -> Context {
        Context { node: None, values: None }
    }

    /// A child, and the right to cancel it. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// assert!(context.done().recv().is_err());
    /// ```
    pub fn with_cancel(&self) -> (Context, Cancel) {
        self.derive(None)
    }

    /// A child that ends after `timeout` at the latest. One beyond what the clock can count is none. Switches: no, and arms no timer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::context::Context;
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert!(context.done().recv().is_err());
    /// assert!(context.err().unwrap().is_timeout());
    /// ```
    pub fn with_timeout(&self, timeout: Duration) -> (Context, Cancel) {
        self.derive(crate::base::now().checked_add(timeout))
    }

    /// A child that ends at `deadline` at the latest; one in the past is over at once. Switches: no, and arms no timer.
    ///
    /// ```
    /// use std::time::Instant;
    /// use threadle::context::Context;
    /// let (context, _) = Context::background().with_deadline(Instant::now());
    /// assert!(context.err().unwrap().is_timeout());
    /// ```
    pub fn with_deadline(&self, deadline: Instant) -> (Context, Cancel) {
        self.derive(Some(deadline))
    }

    fn derive(&self, deadline: Option<Instant>) -> (Context, Cancel) {
        let node = Node::new(self.node.as_ref(), deadline);
        (Context { node: Some(Arc::clone(&node)), values: self.values.clone() }, Cancel::new(node))
    }

    /// The same context with a value more, found by its type: by convention a type made for the purpose. It hides another of the same type
    /// that was there before. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// struct User(&'static str);
    /// let context = Context::background().with_value(User("gopher"));
    /// assert_eq!(context.value::<User>().unwrap().0, "gopher");
    /// assert!(context.value::<u8>().is_none());
    /// ```
    #[must_use = "the context itself is as it was"]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Context {
        Context { node: self.node.clone(), values: Some(Values::new(value, self.values.clone())) }
    }

    /// The value of this type, of the nearest that gave it one. Takes as many steps as there are values. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let context = Context::background().with_value(1_u8).with_value("text").with_value(2_u8);
    /// assert_eq!(context.value(), Some(&2_u8));
    /// ```
    pub fn value<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.values.as_ref()?.get()
    }

    /// A context with the same values that never ends: for what has to be finished although the request is over. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (request, cancel) = Context::background().with_value(7).with_cancel();
    /// let cleanup = request.without_cancel();
    /// cancel.cancel();
    /// assert!(!cleanup.is_done());
    /// assert_eq!(cleanup.value(), Some(&7));
    /// ```
    #[must_use = "the context itself is as it was"]
    pub fn without_cancel(&self) -> Context {
        Context { node: None, values: self.values.clone() }
    }

    /// A receiver that nothing ever comes from, and which is closed when the context has ended: `recv` then gives an error. Of a context
    /// that cannot end it is [`never`](chan::never).
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// assert!(context.done().try_recv().unwrap_err().is_empty());
    /// cancel.cancel();
    /// assert!(context.done().try_recv().unwrap_err().is_disconnected());
    /// ```
    pub fn done(&self) -> Receiver<Infallible> {
        match &self.node {
            Some(node) => Receiver::from_source(Arc::clone(node) as _),
            None => chan::never(),
        }
    }

    /// Whether it has ended. Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::context::Context;
    /// let (context, _) = Context::background().with_timeout(Duration::from_secs(60));
    /// assert!(!context.is_done());
    /// ```
    pub fn is_done(&self) -> bool {
        self.end().is_some()
    }

    /// Why it has ended; `None`: it has not. What was the first counts: a deadline that passes later changes nothing. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (context, cancel) = Context::background().with_cancel();
    /// assert!(context.err().is_none());
    /// cancel.cancel();
    /// assert!(context.err().unwrap().is_cancelled());
    /// ```
    pub fn err(&self) -> Option<ContextError> {
        self.end().cloned()
    }

    /// What was given as the reason of its end, or that of the ancestor it ended with. Switches: no.
    ///
    /// ```
    /// use threadle::context::Context;
    /// let (request, cancel) = Context::background().with_cancel();
    /// let (part, _) = request.with_cancel();
    /// cancel.cancel_with("the client has hung up");
    /// assert_eq!(part.cause().unwrap().to_string(), "the client has hung up");
    /// ```
    pub fn cause(&self) -> Option<Cause> {
        self.end()?.cause().cloned()
    }

    /// When it ends at the latest: the earliest of its deadlines and its ancestors'. Switches: no.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use threadle::context::Context;
    /// let soon = Instant::now() + Duration::from_secs(60);
    /// let (request, _) = Context::background().with_deadline(soon);
    /// let (part, _) = request.with_deadline(soon + Duration::from_secs(60));
    /// assert_eq!(part.deadline(), Some(soon));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref()?.deadline()
    }

    /// Has `f` called when the context has ended (at once, if it has), on a goroutine of its own in the runtime of the caller. Dropping what
    /// this returns does not take it back. `f` is dropped uncalled with the last handle of the context, as nothing can end that
    /// any more (the registration is one too), and when it is to be called after the end of the runtime.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// threadle::run(|| {
    ///     let (context, cancel) = Context::background().with_cancel();
    ///     let (sender, called) = chan::bounded(1);
    ///     context.after_func(move || sender.send("over").unwrap());
    ///     cancel.cancel();
    ///     assert_eq!(called.recv(), Ok("over"));
    /// });
    /// ```
    #[track_caller]
    pub fn after_func(&self, f: impl FnOnce() + Send + 'static) -> AfterFunc {
        AfterFunc::new(self.node.clone(), f)
    }

    fn end(&self) -> Option<&ContextError> {
        self.node.as_ref()?.end()
    }

    pub(super) fn node(&self) -> Option<&Node> {
        self.node.as_deref()
    }
}

impl Default for Context {
    /// [`background`](Self::background).
    fn default() -> Self {
        Context::background()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => f.debug_struct("Context").field("node", node).finish_non_exhaustive(),
            None => f.write_str("Context(background)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_dropped_leaves_its_parent() {
        let (parent, _cancel) = Context::background().with_cancel();
        let node = parent.node().unwrap();
        let mut children: Vec<_> = (0..100).map(|_| parent.with_cancel()).collect();
        assert_eq!(node.members(), 100);
        children.truncate(40);
        assert_eq!(node.members(), 40);
        let (mut contexts, mut cancels): (Vec<_>, Vec<_>) = children.into_iter().unzip();
        contexts.clear();
        assert_eq!(node.members(), 40, "they can still be cancelled");
        cancels[0].cancel();
        cancels.clear();
        assert_eq!(node.members(), 0);
        // A grandchild keeps its parent.
        let (child, _) = parent.with_cancel();
        let (grandchild, _) = child.with_timeout(Duration::from_secs(60));
        drop(child);
        assert_eq!(node.members(), 1);
        drop(grandchild);
        assert_eq!(node.members(), 0);
    }

    #[test]
    fn values_make_no_node() {
        let (parent, _cancel) = Context::background().with_cancel();
        let child = parent.with_value(1).with_value("two");
        assert_eq!(parent.node().unwrap().members(), 0);
        assert!(std::ptr::eq(child.node().unwrap(), parent.node().unwrap()));
    }
}
