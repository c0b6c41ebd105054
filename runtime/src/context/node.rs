//! The tree. See the essay in [`super`].

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Instant;

use threadle_scheduler::clock;

use super::after_func::Function;
use super::error::ContextError;
use super::family::Family;
use crate::chan::{Source, TryRecvError, Watchers};
use crate::waiters::lock;

/// A context that can end.
pub(super) struct Node {
    parent: Option<Arc<Node>>,
    /// Among the parent's members; `NOWHERE`: it has none, or had ended already.
    place: AtomicUsize,
    expiry: Option<Expiry>,
    /// Set once, under the lock of the family, with which the members are taken away.
    end: OnceLock<ContextError>,
    family: Mutex<Family<Member>>,
    /// Who waits for the end.
    watchers: Watchers,
}

/// The earliest of the deadlines of a node and its ancestors.
struct Expiry {
    at: Instant,
    /// The ancestor whose deadline it is; `None`: the node's own.
    of: Option<Arc<Node>>,
}

/// Who is told of a node's end.
pub(super) enum Member {
    /// Weakly: a child that nobody holds has nobody to tell.
    Child(Weak<Node>),
    Function(Arc<Function>),
}

const NOWHERE: usize = usize::MAX;

impl Node {
    /// A child of `parent`; one that has ended if that has.
    pub(super) fn new(parent: Option<&Arc<Node>>, deadline: Option<Instant>) -> Arc<Node> {
        let inherited = parent.and_then(|parent| {
            let expiry = parent.expiry.as_ref()?;
            Some(Expiry { at: expiry.at, of: Some(Arc::clone(expiry.of.as_ref().unwrap_or(parent))) })
        });
        let expiry = match (inherited, deadline) {
            (Some(inherited), Some(at)) if inherited.at <= at => Some(inherited),
            (_, Some(at)) => Some(Expiry { at, of: None }),
            (inherited, None) => inherited,
        };
        let node = Arc::new(Node {
            parent: parent.cloned(),
            place: AtomicUsize::new(NOWHERE),
            expiry,
            end: OnceLock::new(),
            family: Mutex::new(Family::new()),
            watchers: Watchers::new(),
        });
        if let Some(parent) = parent {
            match parent.enter(Member::Child(Arc::downgrade(&node))) {
                // Read again only by the node's own drop.
                Ok(place) => node.place.store(place, Ordering::Relaxed),
                Err((_, end)) => node.close(&end),
            }
        }
        node
    }

    /// Enters somebody who is to be told of the end. `Err`: it has come.
    pub(super) fn enter(&self, member: Member) -> Result<usize, (Member, ContextError)> {
        let entered = lock(&self.family).enter(member);
        entered.map_err(|member| match self.end.get() {
            Some(end) => (member, end.clone()),
            None => unreachable!("the end is noted under the lock that ends the family"),
        })
    }

    /// Takes back who was entered, and not before. `None`: the end has come first.
    pub(super) fn leave(&self, place: usize) -> Option<Member> {
        lock(&self.family).leave(place)
    }

    /// Why it has ended, if it has by now.
    pub(super) fn end(&self) -> Option<&ContextError> {
        self.end_by(crate::base::now)
    }

    fn end_by(&self, now: impl FnOnce() -> Instant) -> Option<&ContextError> {
        match (self.end.get(), &self.expiry) {
            (None, Some(expiry)) if expiry.at <= now() => Some(self.expire(expiry)),
            (end, _) => end,
        }
    }

    /// Whether the end is noted: without a look at the clock.
    pub(super) fn end_is_noted(&self) -> bool {
        self.end.get().is_some()
    }

    /// The deadline has passed: whose it is ends, and all below.
    #[cold]
    fn expire(&self, expiry: &Expiry) -> &ContextError {
        let mut end = ContextError::deadline_exceeded();
        if let Some(ancestor) = &expiry.of {
            ancestor.close(&end);
            // It may have ended otherwise before, and whoever does that may not have come down to us yet.
            if let Some(first) = ancestor.end.get() {
                end = first.clone();
            }
        }
        self.close(&end);
        self.end.get().unwrap_or_else(|| unreachable!("closed above"))
    }

    /// Cancels the node, and all below. Does nothing if it has ended.
    pub(super) fn cancel(&self, error: ContextError) {
        // A deadline that has passed was first, though nobody has looked.
        if self.end().is_none() {
            self.close(&error);
        }
    }

    /// Ends the node and all below, parents before their children.
    fn close(&self, end: &ContextError) {
        let mut open = Vec::new();
        self.close_one(end, &mut open);
        while let Some(node) = open.pop() {
            node.close_one(end, &mut open);
        }
    }

    /// Ends this node; its children are `open` still.
    fn close_one(&self, end: &ContextError, open: &mut Vec<Arc<Node>>) {
        let mut family = lock(&self.family);
        let Some(members) = family.end() else { return };
        if self.end.set(end.clone()).is_err() {
            unreachable!("the family ends once");
        }
        drop(family);
        self.watchers.wake();
        for member in members {
            match member {
                Member::Child(child) => open.extend(child.upgrade()),
                Member::Function(function) => function.call(),
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.expiry.as_ref().map(|expiry| expiry.at)
    }

    /// Leaves the parent, and gives it back.
    fn orphan(&mut self) -> Option<Arc<Node>> {
        // Before the parent, which keeps the ancestors: so this never is the last reference to one.
        self.expiry = None;
        let parent = self.parent.take()?;
        let place = *self.place.get_mut();
        if place != NOWHERE {
            drop(parent.leave(place));
        }
        Some(parent)
    }

    #[cfg(test)]
    pub(super) fn members(&self) -> usize {
        lock(&self.family).len()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // In a loop, not by one drop inside the other: the chain may be longer than the stack.
        let mut parent = self.orphan();
        while let Some(mut node) = parent.and_then(Arc::into_inner) {
            parent = node.orphan();
        }
    }
}

impl Source<Infallible> for Node {
    fn take(&self, now: Instant) -> Result<Infallible, TryRecvError> {
        Err(if self.end_by(|| now).is_some() { TryRecvError::Disconnected } else { TryRecvError::Empty })
    }

    fn due(&self) -> Option<Instant> {
        // Of one that has ended an instant that has passed by every clock: a runtime's may be virtual.
        if self.end_is_noted() { Some(clock::to_instant(0)) } else { self.deadline() }
    }

    fn capacity(&self) -> usize {
        0
    }

    fn watchers(&self) -> &Watchers {
        &self.watchers
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("deadline", &self.deadline()).field("end", &self.end.get()).finish_non_exhaustive()
    }
}
