//! One arm of a select: what it tries, how it waits in its channel, and what it has in the end.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::time::Instant;

use crate::base::{Reason, Ticket, faulty};
use crate::chan::core::{Channel, Fetched, Reservation, Settled};
use crate::chan::error::{RecvError, SendError, TryRecvError};
use crate::chan::lock::Guard;
use crate::chan::receiver::Flavor;
use crate::chan::source::Watchers;
use crate::chan::state::{Node, Outcome, Side, Slot, State};
use crate::chan::{Receiver, Sender};
use crate::wait::Limit;
use crate::waiters::Waiter;

/// What the engine does with an arm, whatever its channel carries.
pub trait Arm {
    /// Completes the operation if that can be done at once. With `waits` also where a value is only promised: it is waited for until
    /// the deadline.
    fn attempt(&self, waits: Option<Patience>) -> bool;

    /// Whether `attempt` would succeed.
    fn is_ready(&self) -> bool;

    /// Queues in the channel under `ticket`, unless it could be done at once.
    ///
    /// # Safety
    /// The arm neither moves nor ends, and nothing else is done to it, before `leave` was called.
    unsafe fn enlist(&self, ticket: Ticket, aim: Aim) -> Enlisted;

    /// Leaves the channel, if it was queued there. Whether this arm has been chosen, by which the ticket was claimed.
    fn leave(&self) -> Left;

    /// After `Left::Promised`: waits for the value. Whether it has come.
    fn settle(&self, patience: Patience) -> bool;

    /// Gives up what the arm has, though it was chosen.
    fn abandon(&self);

    /// As `leave`, where the select never goes on: if it was chosen, what it was given goes to the next.
    fn undo(&self);
}

/// How long a select may wait.
pub(crate) type Patience = Option<Instant>;

/// Whether a select waits for as long as it takes.
fn is_patient(waits: Option<Patience>) -> bool {
    waits == Some(None)
}

/// What an arm queues for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    /// To be served.
    Complete,
    /// To be told when it could be.
    Watch,
}

/// What came of queueing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enlisted {
    /// It can be done at once, so it was not queued.
    Ready,
    /// Queued. The instant at which it is to be tried again of its own accord.
    Until(Patience),
}

/// What an arm that was queued has come to.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Nothing.
    Empty,
    /// It was chosen, and has what it wanted.
    Chosen,
    /// It was chosen; its value is still to come.
    Promised,
}

/// Where an arm's node lies while it is in a list of its channel.
struct Berth<T>(UnsafeCell<Queued<T>>);

enum Queued<T> {
    Nowhere,
    Served(Node<T>),
    Watching(Waiter<()>),
    /// Not in a channel.
    AtSource(Waiter<()>),
}

impl<T> Berth<T> {
    const fn new() -> Self {
        Berth(UnsafeCell::new(Queued::Nowhere))
    }

    /// Queues, for service on `side` or to be told of changes.
    ///
    /// # Safety
    /// The berth neither moves nor ends, and is not entered again, before `leave` was called.
    unsafe fn enter(
        &self,
        channel: &Channel<T>,
        mut state: Guard<'_, State<T>>,
        side: Side<T>,
        ticket: Ticket,
        aim: Aim,
    ) {
        let node = match aim {
            Aim::Complete => Queued::Served(Waiter::new(ticket, Slot::new(None))),
            Aim::Watch => Queued::Watching(Waiter::new(ticket, ())),
        };
        // SAFETY: not entered, so no list and nobody else refers to what is in the berth.
        unsafe { *self.0.get() = node };
        // SAFETY: from here on it is only looked at, until `leave` has taken it out of its list.
        match unsafe { &*self.0.get() } {
            // SAFETY: new, and it stays where it is, as the caller promises.
            Queued::Served(node) => unsafe { side(&mut state).push_back(node) },
            // SAFETY: as above.
            Queued::Watching(node) => unsafe { state.watchers.push_back(node) },
            Queued::Nowhere | Queued::AtSource(_) => {}
        }
        channel.unlock_changed(state);
    }

    /// Queues among those who are told of changes of a source.
    ///
    /// # Safety
    /// The berth neither moves nor ends, and is not entered again, before `unwatch` was called.
    unsafe fn watch(&self, watchers: &Watchers, ticket: Ticket) {
        // SAFETY: not entered, so no list and nobody else refers to what is in the berth.
        unsafe { *self.0.get() = Queued::AtSource(Waiter::new(ticket, ())) };
        // SAFETY: only looked at from here on, until `unwatch`.
        if let Queued::AtSource(node) = unsafe { &*self.0.get() } {
            // SAFETY: new, and it stays where it is, as the caller promises.
            unsafe { watchers.add(node) };
        }
    }

    /// # Safety
    /// If it watches, then here.
    unsafe fn unwatch(&self, watchers: &Watchers) {
        // SAFETY: only looked at, as in `watch`.
        if let Queued::AtSource(node) = unsafe { &*self.0.get() } {
            // SAFETY: `watch` has added it to this list.
            unsafe { watchers.remove(node) };
        }
        // SAFETY: it is in no list any more.
        unsafe { self.clear() };
    }

    /// Takes the node out of its list, if it is in one, and says what has come of it. It stays in the berth.
    ///
    /// # Safety
    /// If entered, then the same side of the same channel.
    unsafe fn leave(&self, channel: &Channel<T>, side: Side<T>) -> Outcome {
        // SAFETY: only looked at, as in `enter`.
        match unsafe { &*self.0.get() } {
            Queued::Nowhere | Queued::AtSource(_) => Outcome::Waiting,
            Queued::Served(node) => {
                if faulty!(SelectReadsUnlocked) {
                    // SAFETY: none, which the model is to find out.
                    let outcome = unsafe { node.payload() }.outcome;
                    if outcome != Outcome::Waiting {
                        return outcome;
                    }
                }
                // SAFETY: entered on this side.
                unsafe { channel.lock().remove(side, node) }
            }
            Queued::Watching(node) => {
                // SAFETY: linked into this list or into none.
                unsafe { channel.lock().watchers.remove(node) };
                Outcome::Waiting
            }
        }
    }

    /// The node that waits to be served, after `leave`.
    fn node(&self) -> Option<&Node<T>> {
        // SAFETY: only looked at, as in `enter`.
        match unsafe { &*self.0.get() } {
            Queued::Served(node) => Some(node),
            Queued::Nowhere | Queued::Watching(_) | Queued::AtSource(_) => None,
        }
    }

    /// Empties the berth; the value that was in the node.
    ///
    /// # Safety
    /// The node is in no list.
    unsafe fn clear(&self) -> Option<T> {
        // SAFETY: as the caller says, nobody refers to it.
        match unsafe { std::mem::replace(&mut *self.0.get(), Queued::Nowhere) } {
            Queued::Served(node) => node.into_payload().value,
            Queued::Nowhere | Queued::Watching(_) | Queued::AtSource(_) => None,
        }
    }
}

/// An arm that receives.
pub struct RecvArm<'a, T> {
    receiver: &'a Receiver<T>,
    berth: Berth<T>,
    received: Cell<Option<Result<T, RecvError>>>,
}

/// An arm that sends a value which is made when it has been chosen.
pub struct SendArm<'a, T> {
    sender: &'a Sender<T>,
    berth: Berth<T>,
    granted: Cell<Option<Reservation>>,
    /// The select would have waited for as long as it takes.
    patient: Cell<bool>,
}

/// The right to send one value. Dropped, it goes to the next who waits.
#[must_use = "it is to be used"]
pub struct Grant<'a, T> {
    sender: &'a Sender<T>,
    /// `None`: used.
    reservation: Option<Reservation>,
    /// It may wait for another receiver, if the one that it was promised to gives up.
    waits: bool,
}

impl<'a, T> RecvArm<'a, T> {
    /// An arm that receives from `receiver`.
    pub fn new(receiver: &'a Receiver<T>) -> Self {
        RecvArm { receiver, berth: Berth::new(), received: Cell::new(None) }
    }

    pub(super) fn receiver(&self) -> &'a Receiver<T> {
        self.receiver
    }

    /// What was received.
    ///
    /// # Panics
    /// If the arm has not been chosen.
    pub fn received(&self) -> Result<T, RecvError> {
        self.received.take().expect("the arm that was chosen has received")
    }

    #[track_caller]
    fn receive(&self, channel: &Channel<T>, waits: Option<Patience>) -> Option<Result<T, RecvError>> {
        match waits {
            None => match channel.try_recv() {
                Ok(value) => Some(Ok(value)),
                Err(TryRecvError::Disconnected) => Some(Err(RecvError)),
                Err(TryRecvError::Empty) => None,
            },
            Some(patience) => match channel.fetch(Reason::Select, Limit::NONE.no_later_than(patience)) {
                Fetched::Value(value) => Some(Ok(value)),
                Fetched::Closed => Some(Err(RecvError)),
                Fetched::GaveUp | Fetched::Nothing(_) => None,
            },
        }
    }
}

impl<T> Arm for RecvArm<'_, T> {
    fn attempt(&self, waits: Option<Patience>) -> bool {
        let received = match self.receiver.flavor() {
            Flavor::Channel(channel) => self.receive(channel, waits),
            Flavor::Source(source) => match source.take(crate::base::now()) {
                Ok(value) => Some(Ok(value)),
                Err(TryRecvError::Disconnected) => Some(Err(RecvError)),
                Err(TryRecvError::Empty) => None,
            },
            Flavor::Never => None,
        };
        let ready = received.is_some();
        self.received.set(received);
        ready
    }

    fn is_ready(&self) -> bool {
        match self.receiver.flavor() {
            Flavor::Channel(channel) => channel.lock().can_receive(None),
            Flavor::Source(source) => source.due().is_some_and(|due| due <= crate::base::now()),
            Flavor::Never => false,
        }
    }

    unsafe fn enlist(&self, ticket: Ticket, aim: Aim) -> Enlisted {
        match self.receiver.flavor() {
            Flavor::Channel(channel) => {
                let state = channel.lock();
                if state.can_receive(Some(ticket)) && !faulty!(SelectQueuesUnlooked) {
                    return Enlisted::Ready;
                }
                // SAFETY: as the caller promises.
                unsafe { self.berth.enter(channel, state, |state| &mut state.receivers, ticket, aim) };
                Enlisted::Until(None)
            }
            Flavor::Source(source) => {
                // SAFETY: as the caller promises.
                unsafe { self.berth.watch(source.watchers(), ticket) };
                source.watched();
                // Only now: what it answered before may have changed before we watched.
                Enlisted::Until(source.due())
            }
            Flavor::Never => Enlisted::Until(None),
        }
    }

    fn leave(&self) -> Left {
        let channel = match self.receiver.flavor() {
            Flavor::Channel(channel) => channel,
            Flavor::Source(source) => {
                // SAFETY: `enlist` has put it there, if it is there.
                unsafe { self.berth.unwatch(source.watchers()) };
                // Whether something has come due is seen by looking again.
                return Left::Empty;
            }
            Flavor::Never => return Left::Empty,
        };
        // SAFETY: the side that `enlist` takes.
        let outcome = unsafe { self.berth.leave(channel, |state| &mut state.receivers) };
        if let Outcome::Promise(_) = outcome {
            return Left::Promised;
        }
        // SAFETY: it has left, and was promised nothing.
        let value = unsafe { self.berth.clear() };
        self.received.set(match outcome {
            Outcome::Exchanged => Some(Ok(value.expect("a receiver is woken with a value"))),
            Outcome::Closed => Some(Err(RecvError)),
            _ => return Left::Empty,
        });
        Left::Chosen
    }

    fn settle(&self, patience: Patience) -> bool {
        let (Flavor::Channel(channel), Some(node)) = (self.receiver.flavor(), self.berth.node()) else { return false };
        // SAFETY: `leave` has told of a promise.
        let settled = unsafe { channel.settle(node, None, Reason::Select, Limit::NONE.no_later_than(patience)) };
        // SAFETY: what is settled is in no list.
        unsafe { self.berth.clear() };
        let Settled::Value(value) = settled else { return false };
        self.received.set(Some(Ok(value)));
        true
    }

    fn abandon(&self) {
        drop(self.received.take());
    }

    fn undo(&self) {
        let Flavor::Channel(channel) = self.receiver.flavor() else {
            let _nothing: Left = self.leave();
            return;
        };
        // SAFETY: the side that `enlist` takes.
        let outcome = unsafe { self.berth.leave(channel, |state| &mut state.receivers) };
        if let (Outcome::Exchanged | Outcome::Promise(_), Some(node)) = (outcome, self.berth.node()) {
            // SAFETY: it waited to receive, and was served; its frame never goes on.
            unsafe { channel.pass_on(node) };
        }
    }
}

impl<'a, T> SendArm<'a, T> {
    /// An arm that sends to `sender`.
    pub fn new(sender: &'a Sender<T>) -> Self {
        SendArm { sender, berth: Berth::new(), granted: Cell::new(None), patient: Cell::new(false) }
    }

    pub(super) fn sender(&self) -> &'a Sender<T> {
        self.sender
    }

    /// The right to send.
    ///
    /// # Panics
    /// If the arm has not been chosen.
    pub fn granted(&self) -> Grant<'a, T> {
        let reservation = self.granted.take().expect("the arm that was chosen may send");
        Grant { sender: self.sender, reservation: Some(reservation), waits: self.patient.get() }
    }
}

impl<T> Arm for SendArm<'_, T> {
    fn attempt(&self, waits: Option<Patience>) -> bool {
        self.patient.set(is_patient(waits));
        let reservation = self.sender.channel().try_reserve();
        let ready = reservation.is_some();
        self.granted.set(reservation);
        ready
    }

    fn is_ready(&self) -> bool {
        self.sender.channel().lock().can_send(None)
    }

    unsafe fn enlist(&self, ticket: Ticket, aim: Aim) -> Enlisted {
        let channel = self.sender.channel();
        let state = channel.lock();
        if state.can_send(Some(ticket)) && !faulty!(SelectQueuesUnlooked) {
            return Enlisted::Ready;
        }
        // SAFETY: as the caller promises.
        unsafe { self.berth.enter(channel, state, |state| &mut state.senders, ticket, aim) };
        Enlisted::Until(None)
    }

    fn leave(&self) -> Left {
        // SAFETY: the side that `enlist` takes.
        let outcome = unsafe { self.berth.leave(self.sender.channel(), |state| &mut state.senders) };
        // SAFETY: it has left; a sender lies in no other list.
        unsafe { self.berth.clear() };
        self.granted.set(match outcome {
            Outcome::Waiting => return Left::Empty,
            Outcome::Place => Some(Reservation::Place),
            Outcome::Promise(id) => Some(Reservation::Promise(id)),
            Outcome::Closed => Some(Reservation::Closed),
            Outcome::Exchanged => unreachable!("there is no value to exchange"),
        });
        Left::Chosen
    }

    fn settle(&self, _patience: Patience) -> bool {
        false
    }

    fn abandon(&self) {
        drop(self.granted());
    }

    fn undo(&self) {
        if self.leave() == Left::Chosen {
            self.abandon();
        }
    }
}

impl<T> Grant<'_, T> {
    /// Sends. Switches, if the select waits without a time-out.
    ///
    /// # Errors
    /// The channel is closed; or the select does not wait, or has a time-out, the receiver that was to get the value has given up, and no other
    /// waits.
    #[track_caller]
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        let reservation = self.reservation.take().expect("it is used once");
        self.sender.channel().fulfil(reservation, value, self.waits)
    }
}

impl<T> Drop for Grant<'_, T> {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            self.sender.channel().withdraw(&reservation);
        }
    }
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecvArm { .. }")
    }
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendArm { .. }")
    }
}

impl<T> fmt::Debug for Grant<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("reservation", &self.reservation).finish_non_exhaustive()
    }
}
