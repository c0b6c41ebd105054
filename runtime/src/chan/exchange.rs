//! One send or receive, cut where it leaves the stack: what comes before the switch, and what comes after it.
//!
//! The switch itself lies in the frame of whoever sends or receives (`Channel::send` and `Channel::recv` are always inlined), since the
//! processor does not foresee the returns through any frame between (docs/decisions/0026). So that frame holds what must stay where it is during the
//! wait, the node above all, and calls the functions here, which are not inlined:
//!
//! ```text
//! begin   look; nothing there: open a park, queue the node, unlock    -> over, or to be left
//! leave   the switch
//! end     what came of the node
//! ```
//!
//! A wait with a limit, which may end in more ways, is one call and lies in a frame of its own.

use super::core::{Channel, Fetched, Settled, Unreceived, Unsent};
use super::lock::Guard;
use super::state::{Offer, Outcome, Side, Slot, State};
use crate::base::{Leaving, Parking, Reason, checkpoint, faulty};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{Place, Waiter};

/// One send or receive that may wait, in the frame of whoever does it: its node lies there while it waits.
pub(super) struct Exchange<'a, T> {
    channel: &'a Channel<T>,
    node: Place<Slot<T>>,
}

/// What came of a look at the channel.
pub(super) enum Queued<E> {
    /// Nothing is to be waited for.
    Over(E),
    /// The node is queued, and the channel unlocked.
    Waits(Parking),
}

/// What came of the part before the switch.
pub(super) enum Begun<E> {
    /// There was nothing to wait for.
    Over(E),
    /// The node is queued; the goroutine is to leave its stack.
    Leaves(Leaving),
    /// The wait is over: it was served already, or the thread has waited.
    Waited,
}

impl<'a, T> Exchange<'a, T> {
    #[inline(always)]
    pub(super) fn new(channel: &'a Channel<T>) -> Self {
        Exchange { channel, node: Place::new() }
    }

    #[inline(never)]
    #[track_caller]
    pub(super) fn begin_to_send(&self, value: T, undo: &dyn Fn()) -> Begun<Result<(), Unsent<T>>> {
        match self.send_or_queue(value) {
            Queued::Over(end) => Begun::Over(end),
            // SAFETY: `send` is the caller, and leaves; the node is reached under the channel's lock, or belongs to its frame, in whose
            // place it is called.
            Queued::Waits(parking) => unsafe { parking.up_to_the_switch(undo) }.map_or(Begun::Waited, Begun::Leaves),
        }
    }

    #[inline(never)]
    #[track_caller]
    pub(super) fn begin_to_receive(&self, undo: &dyn Fn()) -> Begun<Result<T, Unreceived>> {
        match self.receive_or_queue(Limit::NONE) {
            Queued::Over(end) => Begun::Over(end),
            // SAFETY: as above, by `recv`; and a value that was given goes from thread to thread as it does when it is given.
            Queued::Waits(parking) => unsafe { parking.up_to_the_switch(undo) }.map_or(Begun::Waited, Begun::Leaves),
        }
    }

    #[inline(always)]
    #[track_caller]
    pub(super) fn send_or_queue(&self, value: T) -> Queued<Result<(), Unsent<T>>> {
        let mut state = self.channel.lock();
        let value = match state.offer(value) {
            Offer::Accepted(woken) => {
                self.channel.unlock_changed(state);
                drop(woken);
                checkpoint();
                return Queued::Over(Ok(()));
            }
            Offer::Full(value) => value,
            Offer::Closed(value) => {
                drop(state);
                checkpoint();
                return Queued::Over(Err(Unsent::Closed(value)));
            }
        };
        // Should opening the park panic (`no_switch`), the lock goes first: the value has a Drop of the user's.
        Queued::Waits(self.queue(Reason::ChanSend, Some(value), state, |state| &mut state.senders))
    }

    #[inline(always)]
    #[track_caller]
    pub(super) fn receive_or_queue(&self, limit: Limit<'_>) -> Queued<Result<T, Unreceived>> {
        // Before a value is taken: the runtime may end while one gives way, and the value with it.
        checkpoint();
        Queued::Over(match self.channel.fetch(Reason::ChanReceive, limit) {
            Fetched::Value(value) => Ok(value),
            Fetched::Closed => Err(Unreceived::Closed),
            Fetched::GaveUp => Err(Unreceived::GaveUp),
            Fetched::Nothing(state) => {
                return Queued::Waits(self.queue(Reason::ChanReceive, None, state, |state| &mut state.receivers));
            }
        })
    }

    /// Queues a node, and unlocks.
    #[inline(always)]
    #[track_caller]
    fn queue(&self, reason: Reason, value: Option<T>, mut state: Guard<'_, State<T>>, side: Side<T>) -> Parking {
        let parking = Parking::open(reason);
        // SAFETY: it waits for the first time, or its last wait is over.
        let node = unsafe { self.node.put(Waiter::new(parking.ticket(), Slot::new(value))) };
        // SAFETY: the node is new; it stays in the caller's frame until it was served, or `leave` has been called.
        unsafe { side(&mut state).push_back(node) };
        self.channel.unlock_changed(state);
        parking
    }

    /// Waits until the queued node is dealt with or the limit is reached. Afterwards it is in no list of waiters.
    pub(super) fn wait(&self, parking: Parking, side: Side<T>, limit: Limit<'_>, pass_on: impl Fn()) {
        // SAFETY: it is queued.
        let node = unsafe { self.node.waiter() };
        // How it ended is in the node's outcome.
        let _: Result<(), GaveUp> = wait(parking, node, limit, || self.leave(side), pass_on);
    }

    #[inline(never)]
    pub(super) fn end_sending(&self) -> Result<(), Unsent<T>> {
        // SAFETY: the wait is over, so the node is this frame's.
        let Slot { value, outcome, .. } = unsafe { self.node.take() }.into_payload();
        match (outcome, value) {
            (Outcome::Exchanged, _) => Ok(()),
            (Outcome::Waiting, Some(value)) => Err(Unsent::GaveUp(value)),
            (Outcome::Closed, Some(value)) => Err(Unsent::Closed(value)),
            (outcome, _) => unreachable!("a sender with a value ends as {outcome:?}"),
        }
    }

    #[inline(never)]
    #[track_caller]
    pub(super) fn end_receiving(&self, limit: Limit<'_>) -> Option<Result<T, Unreceived>> {
        // SAFETY: the wait is over, so the node is this frame's.
        if let Outcome::Promise(_) = unsafe { self.node.waiter().payload() }.outcome {
            return self.receive_promised(limit);
        }
        // SAFETY: as above, and it was promised nothing, so it is in no list.
        let Slot { value, outcome, .. } = unsafe { self.node.take() }.into_payload();
        Some(match (outcome, value) {
            (Outcome::Exchanged, Some(value)) => Ok(value),
            (Outcome::Waiting, _) => Err(Unreceived::GaveUp),
            (Outcome::Closed, _) => Err(Unreceived::Closed),
            (outcome, _) => unreachable!("a receiver ends as {outcome:?}"),
        })
    }

    /// `None`: the promise was withdrawn.
    #[cold]
    #[track_caller]
    fn receive_promised(&self, limit: Limit<'_>) -> Option<Result<T, Unreceived>> {
        // SAFETY: the wait is over, and its outcome is a promise.
        match unsafe { self.channel.settle(self.node.waiter(), None, Reason::ChanReceive, limit) } {
            Settled::Value(value) => Some(Ok(value)),
            Settled::GaveUp => Some(Err(Unreceived::GaveUp)),
            Settled::Withdrawn => None,
        }
    }

    /// The wait was not served, or its goroutine will never go on: takes the node out of its list, if it is in one.
    #[cold]
    pub(super) fn leave(&self, side: Side<T>) {
        // SAFETY: queued on this side.
        unsafe { self.channel.lock().remove(side, self.node.waiter()) };
    }

    /// The receiver was served and will never go on: what it was given goes to the next.
    #[cold]
    pub(super) fn pass_on(&self) {
        // SAFETY: it waits to receive, and was served.
        unsafe { self.channel.pass_on(self.node.waiter()) };
    }

    /// The receiver never goes on. See `wait.rs`, the last way.
    #[cold]
    pub(super) fn undo_receiving(&self) {
        self.leave(|state| &mut state.receivers);
        // SAFETY: queued, and out of the list by now.
        if unsafe { self.node.waiter() }.was_served() && !faulty!(NothingIsPassedOn) {
            self.pass_on();
        }
    }
}
