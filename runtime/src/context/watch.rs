//! How a wait hears of the end of its context: what `crate::wait` wants of something whose end ends waits.

use std::cell::UnsafeCell;
use std::time::Instant;

use threadle_scheduler::{Parking, Ticket};

use super::error::ContextError;
use super::handle::Context;
use super::node::Node;
use crate::chan::Source;
use crate::wait::{Cancel, GaveUp, Limit, park_within};
use crate::waiters::Waiter;

/// A context, in the frame of a call that may wait with it.
pub(crate) struct Watch<'a> {
    context: &'a Context,
    /// In the list of the context's node from `watch` to `unwatch`.
    place: UnsafeCell<Option<Waiter<()>>>,
}

impl<'a> Watch<'a> {
    /// # Errors
    /// The context has ended.
    pub(crate) fn new(context: &'a Context) -> Result<Self, ContextError> {
        let watch = Watch { context, place: UnsafeCell::new(None) };
        watch.check().map(|()| watch)
    }

    /// # Errors
    /// The context has ended.
    pub(crate) fn check(&self) -> Result<(), ContextError> {
        self.context.err().map_or(Ok(()), Err)
    }

    /// Waits where it is not told apart what ended the wait: the ticket, the deadline or the context. **Switches.**
    pub(crate) fn park(&self, parking: Parking, deadline: Option<Instant>) {
        let limit = self.limit().no_later_than(deadline);
        // SAFETY: nothing is undone.
        let _woken: bool = unsafe { park_within(parking, limit, &|| ()) };
    }

    /// Until when the call may wait: to be used by the one goroutine or thread whose frame this lies in.
    pub(crate) fn limit(&self) -> Limit<'_> {
        self.context.deadline().map_or(Limit::NONE, Limit::at).or_cancelled(self)
    }

    /// Why the call gave up: after a wait within [`limit`](Self::limit) that ended unserved.
    pub(crate) fn error(&self) -> ContextError {
        // If no end is noted, nor seen by this look at the clock, it was the park's deadline, which is the context's.
        self.context.err().unwrap_or_else(ContextError::deadline_exceeded)
    }

    fn node(&self) -> Option<&Node> {
        self.context.node()
    }
}

impl Cancel for Watch<'_> {
    fn watch(&self, ticket: Ticket) -> bool {
        let Some(node) = self.node() else { return true };
        // SAFETY: this is not shared (it is not `Sync`), and the former wait's node has left its list: nobody refers to what is in the place.
        let waiter = unsafe { &mut *self.place.get() }.insert(Waiter::new(ticket, ()));
        // SAFETY: new, and it stays in its place until `unwatch` has taken it out.
        unsafe { node.watchers().add(waiter) };
        // Only now, see `chan/source.rs`. Not by the clock: the park has the deadline.
        let ended = node.end_is_noted();
        if ended {
            self.unwatch(ticket);
        }
        !ended
    }

    fn unwatch(&self, _ticket: Ticket) {
        // SAFETY: only looked at while in the list.
        if let (Some(node), Some(waiter)) = (self.node(), unsafe { &*self.place.get() }) {
            // SAFETY: added by `watch`.
            unsafe { node.watchers().remove(waiter) };
        }
        // SAFETY: in no list any more, so nobody refers to it.
        unsafe { *self.place.get() = None };
    }
}

impl Watch<'_> {
    /// What a call that waited within [`limit`](Self::limit) has to say.
    ///
    /// # Errors
    /// It gave up.
    pub(crate) fn told<T>(&self, result: Result<T, GaveUp>) -> Result<T, ContextError> {
        result.map_err(|_gave_up| self.error())
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // A wait that unwinds: its `unwatch` was not called.
        if let (Some(node), Some(waiter)) = (self.context.node(), self.place.get_mut()) {
            // SAFETY: added by `watch`; if it has been taken out since, that is found.
            unsafe { node.watchers().remove(waiter) };
        }
    }
}
