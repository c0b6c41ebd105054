//! What a channel's lock guards: the buffer, and those who wait. See the essay in [`super`].

use std::collections::VecDeque;

use crate::base::{Ticket, UnsafeCell, Woken, faulty};
use crate::waiters::{WaitList, Waiter};

/// A buffer is allocated whole up to this many values; a larger one grows as it fills.
const PREALLOCATED: usize = 1024;

/// So many of those who wait are told under one lock that the channel is closed.
#[cfg(not(loom))]
const AT_ONCE: usize = 64;
#[cfg(loom)]
const AT_ONCE: usize = 1;

/// One who waits at a channel.
pub(super) type Node<T> = Waiter<Slot<T>>;

/// What a waiter exchanges with the one who wakes it.
pub(super) struct Slot<T> {
    /// A sender's value until a receiver takes it; a receiver's once a sender has put it there. A sender without a value is a
    /// `select`, which has one only when it has been chosen.
    pub(super) value: Option<T>,
    pub(super) outcome: Outcome,
    /// Of a receiver that was promised a value: the holder of the lock's, also after the claim.
    promised: UnsafeCell<Promised<T>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nobody has dealt with this node (or one tried and its claim failed).
    Waiting,
    /// The value changed hands.
    Exchanged,
    /// The channel was closed; a sender finds its value back in the slot.
    Closed,
    /// A `select` that sends has a place in the buffer.
    Place,
    /// A `select` that sends and a receiver have found each other; the value follows.
    Promise(PromiseId),
}

/// Names one promise of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PromiseId(u64);

/// What the one who promised and the one who was promised a value know of each other.
struct Promised<T> {
    id: Option<PromiseId>,
    value: Option<T>,
    /// Of the park in which the receiver waits for the value.
    ticket: Option<Ticket>,
}

impl<T> Slot<T> {
    pub(super) fn new(value: Option<T>) -> Self {
        let promised = UnsafeCell::new(Promised { id: None, value: None, ticket: None });
        Slot { value, outcome: Outcome::Waiting, promised }
    }

    fn put_back(&mut self, value: Option<T>) {
        (self.value, self.outcome) = (value, Outcome::Waiting);
    }

    fn take_back(&mut self) -> Option<T> {
        self.outcome = Outcome::Waiting;
        self.value.take()
    }
}

/// Picks the list in which one side of the channel waits.
pub(super) type Side<T> = fn(&mut State<T>) -> &mut WaitList<Slot<T>>;

pub(super) struct State<T> {
    pub(super) buffer: VecDeque<T>,
    /// `usize::MAX` stands for "unbounded".
    pub(super) capacity: usize,
    /// Places of the buffer that were given to `select`s whose values have not come yet.
    reserved: usize,
    /// Waiting receivers.
    pub(super) receivers: WaitList<Slot<T>>,
    /// Waiting senders, their values in their slots.
    pub(super) senders: WaitList<Slot<T>>,
    /// Receivers that were promised a value.
    promised: WaitList<Slot<T>>,
    promises: u64,
    /// Those who only want to know when something becomes possible.
    pub(super) watchers: WaitList<()>,
    pub(super) closed: bool,
}

/// What came of offering a value. The `Woken` must be dropped after the lock.
pub(super) enum Offer<T> {
    Accepted(Option<Woken>),
    Full(T),
    Closed(T),
}

/// What came of asking for a value. The `Woken` must be dropped after the lock.
pub(super) enum Take<T> {
    Taken(T, Option<Woken>),
    /// The sender whose turn it is has no value yet. Only for those who can wait for it.
    Promise,
    Empty,
    Closed,
}

/// What came of asking for the right to send. The `Woken` must be dropped after the lock.
pub(super) enum Reserve {
    Place,
    Promise(PromiseId, Woken),
    Full,
    Closed,
}

/// How a promise stands, for the receiver.
pub(super) enum Kept<T> {
    Value(T),
    NotYet,
    Withdrawn,
}

impl<T> State<T> {
    pub(super) fn new(capacity: Option<usize>) -> Self {
        State {
            buffer: VecDeque::with_capacity(capacity.unwrap_or(0).min(PREALLOCATED)),
            capacity: capacity.unwrap_or(usize::MAX),
            reserved: 0,
            receivers: WaitList::new(),
            senders: WaitList::new(),
            promised: WaitList::new(),
            promises: 0,
            watchers: WaitList::new(),
            closed: false,
        }
    }

    fn has_room(&self) -> bool {
        self.buffer.len() + self.reserved < self.capacity
    }

    #[inline(always)]
    pub(super) fn offer(&mut self, value: T) -> Offer<T> {
        if self.closed {
            return Offer::Closed(value);
        }
        if !self.receivers.is_empty() {
            return self.offer_to_receivers(value);
        }
        self.offer_to_buffer(value)
    }

    fn offer_to_receivers(&mut self, mut value: T) -> Offer<T> {
        while let Some(mut receiver) = self.receivers.pop() {
            let slot = receiver.payload();
            (slot.value, slot.outcome) = (Some(value), Outcome::Exchanged);
            match receiver.claim() {
                Ok(woken) => return Offer::Accepted(Some(woken)),
                Err(mut gone) => {
                    value = gone.payload().take_back().expect("put there a moment ago, under this lock");
                    if faulty!(ChanLosesItWithTheGone) {
                        return Offer::Accepted(None);
                    }
                }
            }
        }
        self.offer_to_buffer(value)
    }

    #[inline]
    fn offer_to_buffer(&mut self, value: T) -> Offer<T> {
        if self.has_room() {
            self.buffer.push_back(value);
            Offer::Accepted(None)
        } else {
            Offer::Full(value)
        }
    }

    /// `waits`: whether the caller can wait for a value that is only promised.
    #[inline(always)]
    pub(super) fn take(&mut self, waits: bool) -> Take<T> {
        if let Some(value) = self.buffer.pop_front() {
            // The place that fell free goes to the sender waiting longest, behind all that is buffered: FIFO.
            return Take::Taken(value, self.admit());
        }
        if !self.senders.is_empty() {
            return self.take_from_senders(waits);
        }
        if self.closed { Take::Closed } else { Take::Empty }
    }

    fn take_from_senders(&mut self, waits: bool) -> Take<T> {
        // Those who still wait are being told, in their order: nobody gets past one who was.
        if self.closed && !faulty!(ChanTakesFromTheClosed) {
            return Take::Closed;
        }
        while let Some(mut sender) = self.senders.pop_first(|slot| waits || slot.value.is_some()) {
            let slot = sender.payload();
            // Out before the claim: afterwards the sender may return at once and its frame be gone.
            let Some(value) = slot.value.take() else {
                sender.put_back();
                return Take::Promise;
            };
            slot.outcome = Outcome::Exchanged;
            match sender.claim() {
                Ok(woken) => return Take::Taken(value, Some(woken)),
                Err(mut gone) => gone.payload().put_back(Some(value)),
            }
        }
        if self.closed { Take::Closed } else { Take::Empty }
    }

    /// A value that was received by one who will never use it: to the next receiver, or to the front of the buffer, above its capacity if need be
    /// and also in a closed channel: it has been sent, and no value sent after it may be received before it.
    pub(super) fn return_value(&mut self, mut value: T) -> Option<Woken> {
        while let Some(mut receiver) = self.receivers.pop() {
            let slot = receiver.payload();
            (slot.value, slot.outcome) = (Some(value), Outcome::Exchanged);
            match receiver.claim() {
                Ok(woken) => return Some(woken),
                Err(mut gone) => value = gone.payload().take_back().expect("put there a moment ago, under this lock"),
            }
        }
        self.buffer.push_front(value);
        None
    }

    /// The receiver of `node` never goes on. What it was given, or promised, is no more its own.
    ///
    /// # Safety
    /// The node waited on this channel to receive. It is its frame's again, for which the caller acts.
    pub(super) unsafe fn take_from_receiver(&mut self, node: &Node<T>) -> Option<T> {
        // SAFETY: as the caller says.
        if let Outcome::Promise(_) = unsafe { node.payload() }.outcome {
            // SAFETY: the outcome says so.
            return unsafe { self.take_promised(node) };
        }
        // SAFETY: as the caller says.
        unsafe { node.change_payload(|slot| slot.value.take()) }
    }

    /// As `take_from_receiver`, for one that waits for what it was promised.
    ///
    /// # Safety
    /// It was promised a value by this channel.
    pub(super) unsafe fn take_promised(&mut self, node: &Node<T>) -> Option<T> {
        // SAFETY: as the caller says.
        match unsafe { self.settle(node, None) } {
            Kept::Value(value) => Some(value),
            Kept::Withdrawn => None,
            Kept::NotYet => {
                // SAFETY: as above.
                unsafe { self.forgo(node) };
                None
            }
        }
    }

    /// Gives a free place, if there is one, to the sender that has waited longest.
    #[inline]
    fn admit(&mut self) -> Option<Woken> {
        if self.senders.is_empty() { None } else { self.admit_a_sender() }
    }

    fn admit_a_sender(&mut self) -> Option<Woken> {
        // As in `take_from_senders`.
        if self.closed {
            return None;
        }
        while self.has_room() {
            let mut sender = self.senders.pop()?;
            let slot = sender.payload();
            let value = slot.value.take();
            slot.outcome = if value.is_some() { Outcome::Exchanged } else { Outcome::Place };
            match (sender.claim(), value) {
                (Ok(woken), Some(value)) => {
                    self.buffer.push_back(value);
                    return Some(woken);
                }
                (Ok(woken), None) => {
                    self.reserved += 1;
                    return Some(woken);
                }
                (Err(mut gone), value) => gone.payload().put_back(value),
            }
        }
        None
    }

    /// Closes, for who comes from here on and for whom a value was promised; those who wait are told by `dismiss`. All of it must be dropped
    /// after the lock.
    pub(super) fn close(&mut self) -> Vec<Woken> {
        self.closed = true;
        let mut all = Vec::new();
        // What was promised is not waited for any more: who promised may be long in coming.
        while let Some(receiver) = self.promised.pop() {
            // SAFETY: it was in this list, and we hold the lock.
            let ticket = unsafe {
                change_promise(receiver.node().as_ref(), |promised| {
                    promised.id = None;
                    promised.ticket.take()
                })
            };
            all.extend(ticket.and_then(Ticket::claim));
        }
        all
    }

    /// Tells the next of those who wait that the channel is closed, up to [`AT_ONCE`] of them. False: it was the last. The `Woken` must be
    /// dropped after the lock.
    pub(super) fn dismiss(&mut self, woken: &mut Vec<Woken>) -> bool {
        let mut left = AT_ONCE;
        for list in [&mut self.receivers, &mut self.senders] {
            while left > 0
                && let Some(mut waiter) = list.pop_of_many()
            {
                left -= 1;
                waiter.payload().outcome = Outcome::Closed;
                match waiter.claim() {
                    Ok(told) => woken.push(told),
                    Err(mut gone) => gone.payload().outcome = Outcome::Waiting,
                }
                if faulty!(ChanClosesForOne) {
                    return false;
                }
            }
        }
        !(self.receivers.is_empty() && self.senders.is_empty())
    }

    /// All who watch, claimed. To be dropped after the lock.
    pub(super) fn wake_watchers(&mut self) -> Vec<Woken> {
        let mut all = Vec::new();
        while let Some(watcher) = self.watchers.pop() {
            all.extend(watcher.claim().ok());
        }
        all
    }

    /// Whether the waiter of `me`, or anybody if that is none, could receive; the error of a closed channel counts.
    pub(super) fn can_receive(&self, me: Option<Ticket>) -> bool {
        !self.buffer.is_empty() || self.closed || self.senders.has_other(me)
    }

    /// Whether the waiter of `me`, or anybody if that is none, could send; the error of a closed channel counts.
    pub(super) fn can_send(&self, me: Option<Ticket>) -> bool {
        self.closed || self.has_room() || self.receivers.has_other(me)
    }

    /// Takes a waiter out of the list of its side unless it has been dealt with, and says how.
    ///
    /// # Safety
    /// It was queued on this side of this channel.
    pub(super) unsafe fn remove(&mut self, side: Side<T>, node: &Node<T>) -> Outcome {
        // SAFETY: who changes it holds the lock, or has claimed it and is done.
        let outcome = unsafe { node.payload() }.outcome;
        if outcome == Outcome::Waiting {
            // SAFETY: not dealt with, so it is in that list, or in none: somebody took it out who could not claim it.
            unsafe { side(self).remove(node) };
        }
        outcome
    }

    /// The right to send one value that is not there yet.
    pub(super) fn reserve(&mut self) -> Reserve {
        if self.closed {
            return Reserve::Closed;
        }
        // Also where a receiver waits: it is better off waiting until the value is there.
        if self.has_room() {
            self.reserved += 1;
            return Reserve::Place;
        }
        self.promises += 1;
        let id = PromiseId(self.promises);
        while let Some(mut receiver) = self.receivers.pop() {
            receiver.payload().outcome = Outcome::Promise(id);
            let node = receiver.node();
            match receiver.claim() {
                Ok(woken) => {
                    // SAFETY: its frame sees `Promise`, and does not touch the node before it has taken the lock that we hold. It
                    // was popped, so it is in no list; and it leaves this one by `settle` or `forgo`.
                    unsafe { self.promise(node.as_ref(), id, None) };
                    return Reserve::Promise(id, woken);
                }
                Err(mut gone) => gone.payload().outcome = Outcome::Waiting,
            }
        }
        Reserve::Full
    }

    /// # Safety
    /// As for `WaitList::push_back`, until `settle` or `forgo` was called with it, under the lock.
    unsafe fn promise(&mut self, receiver: &Node<T>, id: PromiseId, ticket: Option<Ticket>) {
        let promise = Promised { id: Some(id), value: None, ticket };
        // SAFETY: as the caller says, and we hold the lock.
        unsafe { change_promise(receiver, |promised| *promised = promise) };
        // SAFETY: as the caller says.
        unsafe { self.promised.push_back(receiver) };
    }

    /// The sender whose turn it is, a `select`, is chosen and promises a value to `receiver`, which waits for it under `ticket`.
    /// `None`: there is no such sender any more. The `Woken` must be dropped after the lock.
    ///
    /// # Safety
    /// `receiver` is in no list, and neither moves nor ends before `settle` or `forgo` was called with it.
    pub(super) unsafe fn accept_promise(&mut self, receiver: &Node<T>, ticket: Ticket) -> Option<Woken> {
        while let Some(mut sender) = self.senders.pop() {
            if sender.payload().value.is_some() {
                sender.put_back();
                return None;
            }
            self.promises += 1;
            let id = PromiseId(self.promises);
            sender.payload().outcome = Outcome::Promise(id);
            match sender.claim() {
                Ok(woken) => {
                    // SAFETY: as the caller says.
                    unsafe { self.promise(receiver, id, Some(ticket)) };
                    return Some(woken);
                }
                Err(mut gone) => gone.payload().outcome = Outcome::Waiting,
            }
        }
        None
    }

    /// How the promise made to `receiver` stands. `NotYet`: `ticket`, if given, is woken when that changes.
    ///
    /// # Safety
    /// `receiver` was promised a value by this channel.
    pub(super) unsafe fn settle(&mut self, receiver: &Node<T>, ticket: Option<Ticket>) -> Kept<T> {
        // SAFETY: the node is the caller's, and we hold the lock.
        unsafe {
            change_promise(receiver, |promised| match (promised.id, promised.value.take()) {
                (Some(_), _) => {
                    promised.ticket = ticket;
                    Kept::NotYet
                }
                (None, Some(value)) => Kept::Value(value),
                (None, None) => Kept::Withdrawn,
            })
        }
    }

    /// `receiver` waits no more for what it was promised.
    ///
    /// # Safety
    /// `receiver` was promised a value by this channel.
    pub(super) unsafe fn forgo(&mut self, receiver: &Node<T>) {
        // SAFETY: the node is the caller's, and we hold the lock.
        unsafe { change_promise(receiver, |promised| promised.id = None) };
        // SAFETY: it is in this list or in none.
        unsafe { self.promised.remove(receiver) };
    }

    /// Keeps a promise (`Some`) or withdraws it. `Err`: the receiver did not wait that long, and here is the value.
    pub(super) fn end_promise(&mut self, id: PromiseId, value: Option<T>) -> Result<Option<Woken>, Option<T>> {
        let wanted = |slot: &Slot<T>| {
            // SAFETY: `promised` of nodes in this list is ours who hold the lock.
            slot.promised.with(|promised| unsafe { (*promised).id == Some(id) })
        };
        let Some(receiver) = self.promised.pop_first(wanted) else { return Err(value) };
        // SAFETY: it was in this list, so it is alive until it has taken the lock, which we hold.
        let receiver = unsafe { receiver.node().as_ref() };
        let keep = |promised: &mut Promised<T>| {
            (promised.id, promised.value) = (None, value);
            promised.ticket.take()
        };
        // SAFETY: as above.
        let Some(ticket) = (unsafe { change_promise(receiver, keep) }) else {
            // It is on its way to the lock.
            return Ok(None);
        };
        if faulty!(PromiseKeptSilently) {
            return Ok(None);
        }
        match ticket.claim() {
            Some(woken) => Ok(Some(woken)),
            // Its deadline came first, or its runtime has stopped: it finds the promise withdrawn, if it ever looks.
            // SAFETY: as above; not claimed, it takes the lock before anything else.
            None => Err(unsafe { change_promise(receiver, |promised| promised.value.take()) }),
        }
    }

    #[cfg(all(test, loom))]
    pub(super) fn nothing_promised(&self) -> bool {
        self.promised.is_empty()
    }

    /// Ends a reservation: the place is free. To be followed by `offer`, then `admit_next`.
    pub(super) fn free_place(&mut self) {
        self.reserved -= 1;
    }

    /// After a place fell free otherwise than by `take`.
    pub(super) fn admit_next(&mut self) -> Option<Woken> {
        self.admit()
    }
}

/// # Safety
/// The receiver was promised a value, and is alive; the caller holds the lock of the channel.
unsafe fn change_promise<T, R>(receiver: &Node<T>, change: impl FnOnce(&mut Promised<T>) -> R) -> R {
    // SAFETY: a receiver that was promised something looks at the outcome without the lock, and at `promised` only with it.
    unsafe { receiver.payload().promised.with_mut(|promised| change(&mut *promised)) }
}
