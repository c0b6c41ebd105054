//! One wait, from the park to its end: how a waiter that has queued waits, and in which ways that ends.
//!
//! | end | by | the waiter's node | [`wait`] says |
//! |---|---|---|---|
//! | served | who popped the node and claimed the ticket | popped by that one | `Ok` |
//! | deadline | the park's own timer | taken out by the waiter, under the lock | `Err(Deadline)` |
//! | cancelled | a [`Cancel`], which wakes the ticket | taken out by the waiter, under the lock | `Err(Cancelled)` |
//! | abandoned | the end of the waiter's runtime | taken out in its name, under the lock, or popped before that | nothing, for good |
//! | served, and then abandoned | whoever claimed the ticket; then the end of the runtime | popped; what it was given is *passed on* | nothing, for good |
//!
//! The first three go for one ticket, so exactly one of them wins. The park tells a deadline from the others. A cancellation is told from being
//! served by the node: [`Popped::claim`](crate::waiters::Popped::claim) marks it *served* before it claims, and takes the mark back when that
//! fails; both under the list's lock, so the waiter looks after it has taken the lock itself. A wait that nobody can cancel needs neither lock
//! nor look.
//!
//! Who is abandoned cannot leave, so the scheduler calls what the waiter has left for this case, which leaves for it, as at a deadline
//! (`Parking::wait_until_or`): others may stand behind it who wait for nothing else. Until then whoever pops the node is told "gone", and
//! tries the next.
//!
//! The last way: a goroutine is claimed, is ready, and its runtime ends before its turn comes. Whoever served it was not told "gone", and did
//! not try the next. But most of what is given to a waiter is not its alone: a value, a permit, the lock, the one notification, the duty of the
//! one who was woken to wake the next. So each structure says how such a thing is passed on, and the scheduler calls that with the rest for those
//! who were claimed and never ran. A goroutine that did run on after its claim owns what it got, and keeps it
//! when its runtime ends: a lock that it holds then is held for good.

use std::time::{Duration, Instant};

use crate::base::{Parking, Ticket, faulty};
use crate::waiters::{OnLeave, Waiter};

/// What ends a wait, besides that for which one waits.
#[derive(Clone, Copy)]
pub(crate) struct Limit<'a> {
    deadline: Option<Instant>,
    cancel: Option<&'a dyn Cancel>,
}

/// Something whose end ends waits: a context.
pub(crate) trait Cancel {
    /// From now on, until [`unwatch`](Self::unwatch), the end of this wakes `ticket`. `false`: it has ended already, and keeps no ticket.
    ///
    /// Called with the park open and its node queued, and no lock held. Must not switch, nor open a park.
    fn watch(&self, ticket: Ticket) -> bool;

    /// The ticket's wait is over. Must not switch; called once for each `watch` that was true.
    fn unwatch(&self, ticket: Ticket);
}

/// Why a wait ended unserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GaveUp {
    Deadline,
    Cancelled,
}

impl<'a> Limit<'a> {
    /// Waits for as long as it takes.
    pub(crate) const NONE: Limit<'static> = Limit { deadline: None, cancel: None };

    pub(crate) const fn at(deadline: Instant) -> Limit<'static> {
        Limit { deadline: Some(deadline), cancel: None }
    }

    /// A time-out that the clock cannot express is none.
    pub(crate) fn after(timeout: Duration) -> Limit<'static> {
        Limit { deadline: crate::base::now().checked_add(timeout), cancel: None }
    }

    /// The same, but until `due` at most.
    #[inline]
    pub(crate) fn no_later_than(self, due: Option<Instant>) -> Self {
        let deadline = match (self.deadline, due) {
            (Some(deadline), Some(due)) => Some(deadline.min(due)),
            (deadline, due) => deadline.or(due),
        };
        Limit { deadline, ..self }
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        self.deadline
    }

    /// Nothing ends the wait but that for which one waits.
    #[inline(always)]
    pub(crate) fn is_none(self) -> bool {
        self.deadline.is_none() && self.cancel.is_none()
    }

    pub(crate) fn can_be_cancelled(self) -> bool {
        self.cancel.is_some()
    }

    pub(crate) fn or_cancelled(self, cancel: &'a dyn Cancel) -> Limit<'a> {
        Limit { deadline: self.deadline, cancel: Some(cancel) }
    }
}

/// Parks within the limit, with a ticket that is in no list. False: the limit was reached. True: the ticket was woken, by whom it is for the
/// caller to find out: if nothing has come of it, by the end of what [`cancels`](Limit::can_be_cancelled) the wait. **Switches.**
///
/// # Safety
/// As for [`Parking::wait_until_or`].
pub(crate) unsafe fn park_within(parking: Parking, limit: Limit<'_>, undo: &dyn Fn()) -> bool {
    // SAFETY: as the caller says.
    let park = |parking: Parking| unsafe { parking.wait_until_or(limit.deadline, undo) };
    let Some(cancel) = limit.cancel else { return park(parking) };
    let ticket = parking.ticket();
    if !cancel.watch(ticket) {
        // If it cannot be closed, it was woken.
        return !parking.close();
    }
    let woken = park(parking);
    cancel.unwatch(ticket);
    woken
}

/// Waits with `parking`, whose ticket is in `node`, which has been put into a list whose lock is free again.
///
/// `leave` takes the list's lock and removes the node, if it is still there. It is called on every end but `Ok`, unwinding included, and before
/// some `Ok`s (then in vain). Afterwards nobody has the node any more. `pass_on` gives to the next what the node was served with, where the
/// waiter is served and never runs again; on any thread, and neither waiting nor unwinding. **Switches.**
pub(crate) fn wait<P>(
    parking: Parking,
    node: &Waiter<P>,
    limit: Limit<'_>,
    leave: impl Fn(),
    pass_on: impl Fn(),
) -> Result<(), GaveUp> {
    let undo = || {
        // Who was not served by its node may be in the list still.
        leave();
        if node.was_served() && !faulty!(NothingIsPassedOn) {
            pass_on();
        }
    };
    // SAFETY: nodes and lists are reached under the list's lock, or belong to the waiter, in whose place it is called; what is given from one
    // waiter to the other goes from thread to thread as it does when it is given.
    let park = |parking: Parking| unsafe { parking.wait_until_or(limit.deadline, &undo) };
    let leave = OnLeave::new(&leave);
    let Some(cancel) = limit.cancel else {
        if park(parking) {
            leave.disarm();
            return Ok(());
        }
        return Err(GaveUp::Deadline);
    };
    let ticket = parking.ticket();
    let unserved = if cancel.watch(ticket) {
        let woken = park(parking);
        cancel.unwatch(ticket);
        if woken { GaveUp::Cancelled } else { GaveUp::Deadline }
    } else {
        // If it cannot be closed, somebody has served it.
        let _: bool = parking.close();
        GaveUp::Cancelled
    };
    drop(leave);
    if node.was_served() { Ok(()) } else { Err(unserved) }
}
