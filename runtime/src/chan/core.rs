//! The channel itself: a buffer and two lists of waiters under one lock. See the essay in [`super`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use threadle_scheduler::{Parking, Reason, Woken, checkpoint};

use super::error::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use crate::waiters::{OnLeave, WaitList, Waiter, lock};

/// A buffer is allocated whole up to this many values; a larger one grows as it fills.
const PREALLOCATED: usize = 1024;

/// What a waiter exchanges with the one who wakes it.
pub(super) struct Slot<T> {
    /// A sender's value until a receiver takes it; a receiver's once a sender has put it there.
    value: Option<T>,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nobody has dealt with this node (or one tried and its claim failed).
    Waiting,
    /// The value changed hands.
    Exchanged,
    /// The channel was closed; a sender finds its value back in the slot.
    Closed,
}

impl<T> Slot<T> {
    pub(super) fn new(value: Option<T>) -> Self {
        Slot { value, outcome: Outcome::Waiting }
    }
}

struct State<T> {
    buffer: VecDeque<T>,
    /// Waiting receivers. Not empty only while the buffer is empty and no live sender waits.
    receivers: WaitList<Slot<T>>,
    /// Waiting senders, their values in their slots. Not empty only while the buffer is full.
    senders: WaitList<Slot<T>>,
    closed: bool,
}

/// What came of offering a value. The `Woken` must be dropped after the lock.
enum Offer<T> {
    Accepted(Option<Woken>),
    Full(T),
    Closed(T),
}

/// What came of asking for a value. The `Woken` must be dropped after the lock.
enum Take<T> {
    Taken(T, Option<Woken>),
    Empty,
    Closed,
}

impl<T> State<T> {
    fn offer(&mut self, mut value: T, capacity: usize) -> Offer<T> {
        if self.closed {
            return Offer::Closed(value);
        }
        while let Some(mut receiver) = self.receivers.pop() {
            *receiver.payload() = Slot { value: Some(value), outcome: Outcome::Exchanged };
            match receiver.claim() {
                Ok(woken) => return Offer::Accepted(Some(woken)),
                Err(mut gone) => {
                    let slot = gone.payload();
                    slot.outcome = Outcome::Waiting;
                    value = slot.value.take().expect("put there a moment ago, under this lock");
                }
            }
        }
        if self.buffer.len() < capacity {
            self.buffer.push_back(value);
            Offer::Accepted(None)
        } else {
            Offer::Full(value)
        }
    }

    fn take(&mut self) -> Take<T> {
        if let Some(value) = self.buffer.pop_front() {
            // The place that fell free goes to the sender waiting longest, behind all that is buffered: FIFO.
            let woken = self.take_from_sender().map(|(refill, woken)| {
                self.buffer.push_back(refill);
                woken
            });
            return Take::Taken(value, woken);
        }
        match self.take_from_sender() {
            Some((value, woken)) => Take::Taken(value, Some(woken)),
            None if self.closed => Take::Closed,
            None => Take::Empty,
        }
    }

    fn take_from_sender(&mut self) -> Option<(T, Woken)> {
        while let Some(mut sender) = self.senders.pop() {
            let slot = sender.payload();
            // Out before the claim: afterwards the sender may return at once and its frame be gone.
            let value = slot.value.take();
            slot.outcome = Outcome::Exchanged;
            match sender.claim() {
                Ok(woken) => return Some((value.expect("a waiting sender holds its value"), woken)),
                Err(mut gone) => *gone.payload() = Slot::new(value),
            }
        }
        None
    }

    fn close(&mut self) -> Vec<Woken> {
        self.closed = true;
        let mut all = Vec::new();
        for list in [&mut self.receivers, &mut self.senders] {
            while let Some(mut waiter) = list.pop() {
                waiter.payload().outcome = Outcome::Closed;
                match waiter.claim() {
                    Ok(woken) => all.push(woken),
                    Err(mut gone) => gone.payload().outcome = Outcome::Waiting,
                }
            }
        }
        all
    }
}

/// The shared part of all senders and receivers of a channel.
pub(super) struct Channel<T> {
    state: Mutex<State<T>>,
    /// `usize::MAX` stands for "unbounded".
    capacity: usize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl<T> Channel<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(capacity: Option<usize>) -> Self {
        let state = State {
            buffer: VecDeque::with_capacity(capacity.unwrap_or(0).min(PREALLOCATED)),
            receivers: WaitList::new(),
            senders: WaitList::new(),
            closed: false,
        };
        Channel {
            state: Mutex::new(state),
            capacity: capacity.unwrap_or(usize::MAX),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut state = self.lock();
        let offer = state.offer(value, self.capacity);
        drop(state);
        match offer {
            Offer::Accepted(_woken) => Ok(()),
            Offer::Full(value) => Err(TrySendError::Full(value)),
            Offer::Closed(value) => Err(TrySendError::Disconnected(value)),
        }
    }

    /// Sends, waiting for room until `deadline`. Switches.
    #[inline]
    pub(super) fn send(&self, value: T, deadline: Option<Instant>) -> Result<(), SendTimeoutError<T>> {
        let mut state = self.lock();
        match state.offer(value, self.capacity) {
            Offer::Accepted(woken) => {
                drop(state);
                drop(woken);
                checkpoint();
                Ok(())
            }
            Offer::Full(value) => self.send_slow(value, deadline, state),
            Offer::Closed(value) => {
                drop(state);
                checkpoint();
                Err(SendTimeoutError::Disconnected(value))
            }
        }
    }

    #[cold]
    fn send_slow(
        &self,
        value: T,
        deadline: Option<Instant>,
        // The last, so that it goes first, should opening the park panic (`no_switch`): the value has a Drop of the user's.
        mut state: MutexGuard<'_, State<T>>,
    ) -> Result<(), SendTimeoutError<T>> {
        let parking = Parking::open(Reason::ChanSend);
        let node = Waiter::new(parking.ticket(), Slot::new(Some(value)));
        // SAFETY: the node is new; it stays in this frame until the park ends claimed, or `leave` removes it.
        unsafe { state.senders.push_back(&node) };
        drop(state);
        let leave = OnLeave::new(|| {
            // SAFETY: linked into this list or into none.
            unsafe { self.lock().senders.remove(&node) };
        });
        if wait(parking, deadline) {
            leave.disarm();
        } else {
            drop(leave);
        }
        let Slot { value, outcome } = node.into_payload();
        match (outcome, value) {
            (Outcome::Exchanged, _) => Ok(()),
            (Outcome::Waiting, Some(value)) => Err(SendTimeoutError::Timeout(value)),
            (Outcome::Closed, Some(value)) => Err(SendTimeoutError::Disconnected(value)),
            (outcome, None) => unreachable!("a sender that is {outcome:?} has its value"),
        }
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.lock();
        let take = state.take();
        drop(state);
        match take {
            Take::Taken(value, _woken) => Ok(value),
            Take::Empty => Err(TryRecvError::Empty),
            Take::Closed => Err(TryRecvError::Disconnected),
        }
    }

    /// Receives, waiting for a value until `deadline`. Switches.
    #[inline]
    pub(super) fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut state = self.lock();
        match state.take() {
            Take::Taken(value, woken) => {
                drop(state);
                drop(woken);
                checkpoint();
                Ok(value)
            }
            Take::Empty => self.recv_slow(state, deadline),
            Take::Closed => {
                drop(state);
                checkpoint();
                Err(RecvTimeoutError::Disconnected)
            }
        }
    }

    #[cold]
    fn recv_slow(&self, mut state: MutexGuard<'_, State<T>>, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let parking = Parking::open(Reason::ChanReceive);
        let node = Waiter::new(parking.ticket(), Slot::new(None));
        // SAFETY: the node is new; it stays in this frame until the park ends claimed, or `leave` removes it.
        unsafe { state.receivers.push_back(&node) };
        drop(state);
        let leave = OnLeave::new(|| {
            // SAFETY: linked into this list or into none.
            unsafe { self.lock().receivers.remove(&node) };
        });
        if wait(parking, deadline) {
            leave.disarm();
        } else {
            drop(leave);
        }
        let Slot { value, outcome } = node.into_payload();
        match (outcome, value) {
            (Outcome::Exchanged, Some(value)) => Ok(value),
            (Outcome::Exchanged, None) => unreachable!("a receiver is woken with a value"),
            (Outcome::Waiting, _) => Err(RecvTimeoutError::Timeout),
            (Outcome::Closed, _) => Err(RecvTimeoutError::Disconnected),
        }
    }

    /// Closes; `false` if it was closed already.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        let woken = state.close();
        drop(state);
        drop(woken);
        true
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.lock().buffer.len()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.capacity != usize::MAX).then_some(self.capacity)
    }

    pub(super) fn add_sender(&self) {
        count_up(&self.senders);
    }

    pub(super) fn add_receiver(&self) {
        count_up(&self.receivers);
    }

    pub(super) fn drop_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    pub(super) fn drop_receiver(&self) {
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

fn wait(parking: Parking, deadline: Option<Instant>) -> bool {
    if deadline.is_some() {
        return parking.wait_until(deadline);
    }
    parking.wait();
    true
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
