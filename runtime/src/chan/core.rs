//! The channel itself: its state under one lock, and how one waits for it to change. See the essay in [`super`].

use super::error::{RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use super::exchange::{Begun, Exchange, Queued};
use super::lock::{Guard, Lock};
use super::state::{Kept, Node, Offer, PromiseId, Reserve, Slot, State, Take};
use crate::base::atomic::{AtomicUsize, Ordering};
use crate::base::{Parking, Reason, faulty};
use crate::wait::{Limit, park_within};
use crate::waiters::{OnLeave, Waiter};

/// The shared part of all senders and receivers of a channel.
pub(super) struct Channel<T> {
    state: Lock<State<T>>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

/// The right of a `select` to send one value: it has been chosen, and the value comes now.
#[derive(Debug)]
pub(super) enum Reservation {
    Place,
    Promise(PromiseId),
    /// To get the error, that is.
    Closed,
}

/// Why nothing was sent.
pub(crate) enum Unsent<T> {
    Closed(T),
    /// The limit was reached.
    GaveUp(T),
}

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreceived {
    Closed,
    /// The limit was reached.
    GaveUp,
}

impl<T> Unsent<T> {
    pub(crate) fn into_inner(self) -> T {
        match self {
            Unsent::Closed(value) | Unsent::GaveUp(value) => value,
        }
    }
}

impl<T> From<Unsent<T>> for SendTimeoutError<T> {
    fn from(unsent: Unsent<T>) -> Self {
        match unsent {
            Unsent::Closed(value) => SendTimeoutError::Disconnected(value),
            Unsent::GaveUp(value) => SendTimeoutError::Timeout(value),
        }
    }
}

impl From<Unreceived> for RecvTimeoutError {
    fn from(unreceived: Unreceived) -> Self {
        match unreceived {
            Unreceived::Closed => RecvTimeoutError::Disconnected,
            Unreceived::GaveUp => RecvTimeoutError::Timeout,
        }
    }
}

/// What came of asking for a value that is there, or as good as there.
pub(super) enum Fetched<'a, T> {
    Value(T),
    Closed,
    /// The limit was reached.
    GaveUp,
    /// The lock is still held.
    Nothing(Guard<'a, State<T>>),
}

/// What came of waiting for a promised value.
pub(super) enum Settled<T> {
    Value(T),
    Withdrawn,
    /// The limit was reached.
    GaveUp,
}

impl<T> Channel<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Channel { state: Lock::new(State::new(capacity)), senders: AtomicUsize::new(1), receivers: AtomicUsize::new(1) }
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_, State<T>> {
        #[cfg(not(loom))]
        return self.state.lock();
        #[cfg(loom)]
        crate::base::lock(&self.state)
    }

    /// Unlocks after something became possible that was not before.
    #[inline]
    pub(super) fn unlock_changed(&self, state: Guard<'_, State<T>>) {
        if !state.watchers.is_empty() {
            Self::unlock_and_tell(state);
        }
    }

    #[cold]
    fn unlock_and_tell(mut state: Guard<'_, State<T>>) {
        let woken = state.wake_watchers();
        drop(state);
        drop(woken);
    }

    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut state = self.lock();
        match state.offer(value) {
            Offer::Accepted(woken) => {
                self.unlock_changed(state);
                drop(woken);
                Ok(())
            }
            Offer::Full(value) => Err(TrySendError::Full(value)),
            Offer::Closed(value) => Err(TrySendError::Disconnected(value)),
        }
    }

    /// Sends, waiting for room within the limit. Switches.
    ///
    /// Always inlined: it is no more than the switch, between calls of what comes before and after it (docs/decisions/0026).
    #[inline(always)]
    #[track_caller]
    pub(super) fn send(&self, value: T, limit: Limit<'_>) -> Result<(), Unsent<T>> {
        if !limit.is_none() {
            return self.send_within(value, limit);
        }
        let exchange = Exchange::new(self);
        let undo = || exchange.leave(|state| &mut state.senders);
        match exchange.begin_to_send(value, &undo) {
            Begun::Over(end) => return end,
            Begun::Leaves(leaving) => leaving.leave(),
            Begun::Waited => {}
        }
        exchange.end_sending()
    }

    #[inline(never)]
    #[track_caller]
    fn send_within(&self, value: T, limit: Limit<'_>) -> Result<(), Unsent<T>> {
        let exchange = Exchange::new(self);
        match exchange.send_or_queue(value) {
            Queued::Over(end) => return end,
            // A sender that was served has given, and got nothing.
            Queued::Waits(parking) => exchange.wait(parking, |state| &mut state.senders, limit, || ()),
        }
        exchange.end_sending()
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.lock();
        match state.take(false) {
            Take::Taken(value, woken) => {
                self.unlock_changed(state);
                drop(woken);
                Ok(value)
            }
            Take::Empty | Take::Promise => Err(TryRecvError::Empty),
            Take::Closed => Err(TryRecvError::Disconnected),
        }
    }

    /// Receives, waiting for a value within the limit. Switches.
    ///
    /// Always inlined, as [`send`](Self::send).
    #[inline(always)]
    #[track_caller]
    pub(super) fn recv(&self, limit: Limit<'_>) -> Result<T, Unreceived> {
        if !limit.is_none() {
            return self.recv_within(limit);
        }
        let exchange = Exchange::new(self);
        let undo = || exchange.undo_receiving();
        loop {
            match exchange.begin_to_receive(&undo) {
                Begun::Over(end) => return end,
                Begun::Leaves(leaving) => leaving.leave(),
                Begun::Waited => {}
            }
            if let Some(end) = exchange.end_receiving(limit) {
                return end;
            }
        }
    }

    #[inline(never)]
    #[track_caller]
    fn recv_within(&self, limit: Limit<'_>) -> Result<T, Unreceived> {
        let exchange = Exchange::new(self);
        loop {
            match exchange.receive_or_queue(limit) {
                Queued::Over(end) => return end,
                Queued::Waits(parking) => {
                    exchange.wait(parking, |state| &mut state.receivers, limit, || exchange.pass_on());
                }
            }
            if let Some(end) = exchange.end_receiving(limit) {
                return end;
            }
        }
    }

    /// Receives what is there, or, within the limit, what is promised by the sender whose turn it is. Switches only for that.
    #[inline(always)]
    #[track_caller]
    pub(super) fn fetch(&self, reason: Reason, limit: Limit<'_>) -> Fetched<'_, T> {
        loop {
            let mut state = self.lock();
            match state.take(true) {
                Take::Taken(value, woken) => {
                    self.unlock_changed(state);
                    drop(woken);
                    return Fetched::Value(value);
                }
                Take::Empty => return Fetched::Nothing(state),
                Take::Promise => match self.recv_promised(state, reason, limit) {
                    Settled::Value(value) => return Fetched::Value(value),
                    Settled::GaveUp => return Fetched::GaveUp,
                    Settled::Withdrawn => {}
                },
                Take::Closed => return Fetched::Closed,
            }
        }
    }

    /// The receiver of `node` was served and will never run: what it was given goes to the next.
    ///
    /// # Safety
    /// As for [`State::take_from_receiver`].
    #[cold]
    pub(super) unsafe fn pass_on(&self, node: &Node<T>) {
        // SAFETY: as the caller says.
        self.pass_on_what(|state| unsafe { state.take_from_receiver(node) });
    }

    #[cold]
    fn pass_on_what(&self, take: impl FnOnce(&mut State<T>) -> Option<T>) {
        let mut state = self.lock();
        let Some(value) = take(&mut state) else { return };
        let woken = state.return_value(value);
        self.unlock_changed(state);
        drop(woken);
    }

    /// After `Take::Promise`: the sender whose turn it is is told to send, and its value waited for. It is a `select`, which may
    /// find that another of its arms has been chosen already (then this ends as withdrawn).
    #[cold]
    #[track_caller]
    fn recv_promised(&self, mut state: Guard<'_, State<T>>, reason: Reason, limit: Limit<'_>) -> Settled<T> {
        let parking = Parking::open(reason);
        let node = Waiter::new(parking.ticket(), Slot::new(None));
        // SAFETY: the node is new, and stays in this frame; `settle` ends the promise.
        let Some(woken) = (unsafe { state.accept_promise(&node, parking.ticket()) }) else {
            return Settled::Withdrawn;
        };
        drop(state);
        drop(woken);
        // SAFETY: it accepted a promise just now.
        unsafe { self.settle(&node, Some(parking), reason, limit) }
    }

    /// Waits until the promise made to `node` is kept or withdrawn, or the limit is reached; in `parking` first, if its ticket
    /// goes with the promise. Afterwards the node is in no list.
    ///
    /// # Safety
    /// The node was promised a value by this channel.
    #[track_caller]
    pub(super) unsafe fn settle(
        &self,
        node: &Node<T>,
        mut parking: Option<Parking>,
        reason: Reason,
        limit: Limit<'_>,
    ) -> Settled<T> {
        let forgo = OnLeave::new(|| {
            // SAFETY: the caller's promise.
            unsafe { self.lock().forgo(node) };
        });
        let mut gave_up = false;
        loop {
            if let Some(parking) = parking.take() {
                // SAFETY: what is promised is reached under the lock; the node is the caller's, in whose place this is called.
                let woken =
                    unsafe { park_within(parking, limit, &|| self.pass_on_what(|state| state.take_promised(node))) };
                // Who keeps, or withdraws, wakes; and so does the end of what cancels this.
                gave_up = !woken || limit.can_be_cancelled();
            }
            let mut state = self.lock();
            // SAFETY: the caller's promise.
            match unsafe { state.settle(node, None) } {
                Kept::NotYet if gave_up => {
                    // Under this very lock: were it released first, the promise might be kept in between, and the value lost.
                    if !faulty!(PromiseForgoneLate) {
                        // SAFETY: the caller's promise.
                        unsafe { state.forgo(node) };
                        forgo.disarm();
                    }
                    return Settled::GaveUp;
                }
                Kept::NotYet => {
                    let next = Parking::open(reason);
                    // SAFETY: the caller's promise.
                    unsafe { state.settle(node, Some(next.ticket())) };
                    parking = Some(next);
                }
                Kept::Value(value) => {
                    // What is kept or withdrawn is out of the list.
                    forgo.disarm();
                    return Settled::Value(value);
                }
                Kept::Withdrawn => {
                    forgo.disarm();
                    return Settled::Withdrawn;
                }
            }
        }
    }

    /// The right to send one value, if it can be had at once.
    pub(super) fn try_reserve(&self) -> Option<Reservation> {
        let mut state = self.lock();
        match state.reserve() {
            Reserve::Place => Some(Reservation::Place),
            Reserve::Promise(id, woken) => {
                drop(state);
                drop(woken);
                Some(Reservation::Promise(id))
            }
            Reserve::Full => None,
            Reserve::Closed => Some(Reservation::Closed),
        }
    }

    /// Sends what was reserved for. Where the receiver it was promised to does not wait for it any more, `waits` says whether to wait for
    /// another. Switches only then.
    ///
    /// # Errors
    /// The channel is closed, or there is nobody to wait for; the value comes back.
    #[track_caller]
    pub(super) fn fulfil(&self, reservation: Reservation, value: T, waits: bool) -> Result<(), SendError<T>> {
        let value = match reservation {
            Reservation::Closed => return Err(SendError(value)),
            Reservation::Place => {
                let mut state = self.lock();
                state.free_place();
                let offer = state.offer(value);
                let admitted = state.admit_next();
                self.unlock_changed(state);
                drop(admitted);
                match offer {
                    Offer::Accepted(_woken) => return Ok(()),
                    Offer::Closed(value) => return Err(SendError(value)),
                    Offer::Full(_) => unreachable!("a place was free"),
                }
            }
            Reservation::Promise(id) => {
                let mut state = self.lock();
                let end = state.end_promise(id, Some(value));
                drop(state);
                match end {
                    Ok(_woken) => return Ok(()),
                    Err(value) => value.expect("it comes back"),
                }
            }
        };
        if waits {
            self.send(value, Limit::NONE).map_err(|unsent| SendError(unsent.into_inner()))
        } else {
            self.try_send(value).map_err(|unsent| SendError(unsent.into_inner()))
        }
    }

    /// Gives back what was reserved. Does not switch.
    pub(super) fn withdraw(&self, reservation: &Reservation) {
        #[cfg(loom)]
        if crate::base::fault::failed() {
            return;
        }
        let mut state = self.lock();
        let woken = match reservation {
            Reservation::Closed => None,
            Reservation::Place => {
                state.free_place();
                state.admit_next()
            }
            Reservation::Promise(id) => state.end_promise(*id, None).ok().flatten(),
        };
        self.unlock_changed(state);
        drop(woken);
    }

    /// Closes; `false` if it was closed already.
    ///
    /// Those who wait are told some at a time. There may be a million of them: the first run while the last are told, nobody stands at the lock
    /// for so long (but for the arms of a `select` that only watch, which are few), and what a waiter has in the cache from being claimed is
    /// still there when it is queued.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        let mut woken = state.close();
        let mut more = state.dismiss(&mut woken);
        self.unlock_changed(state);
        woken.clear();
        while more {
            more = self.lock().dismiss(&mut woken);
            // Queued without the lock.
            woken.clear();
        }
        true
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.lock().buffer.len()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        let capacity = self.lock().capacity;
        (capacity != usize::MAX).then_some(capacity)
    }

    pub(super) fn add_sender(&self) {
        count_up(&self.senders);
    }

    pub(super) fn add_receiver(&self) {
        count_up(&self.receivers);
    }

    pub(super) fn drop_sender(&self) {
        #[cfg(loom)]
        if crate::base::fault::failed() {
            return;
        }
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    pub(super) fn drop_receiver(&self) {
        #[cfg(loom)]
        if crate::base::fault::failed() {
            return;
        }
        if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
            // Nobody can receive these any more. They are dropped outside the lock: their `Drop` is user code.
            let unreceived = std::mem::take(&mut self.lock().buffer);
            drop(unreceived);
        }
    }
}

/// Leaked clones (`mem::forget` in a loop) must not wrap the counter; the limit is `Arc`'s.
fn count_up(count: &AtomicUsize) {
    if count.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
        std::process::abort();
    }
}

#[cfg(all(test, loom))]
#[path = "core_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
#[path = "core_tests.rs"]
mod tests;
