//! Receivers without a channel behind them: what they receive is not sent but *comes due* (`after`, `tick`, a timer), or they
//! only tell that something has ended (a context).
//!
//! A source holds no timer. It knows *when* there will be something to receive, and whoever waits for it parks until that instant,
//! so that a timer is armed exactly as long as somebody waits; a receiver that is dropped or never asked costs nothing, and a
//! `select` merges the instant into its own deadline. (The other way, a buffer of one filled by a timer's callback, arms and
//! cancels a timer per `after` even where the other arm is ready at once, and has to hunt down what it sent before a `reset`.)
//!
//! Where the instant can change (a timer is reset, a context is cancelled), who waits must hear of it:
//!
//! | the waiter | who changes it |
//! |---|---|
//! | 1. opens its park | 1. changes what `take` and `due` answer |
//! | 2. **`watch`**: its node is in the list | 2. takes all nodes out of the list, wakes them |
//! | 3. **asks `take` and `due`** once more | |
//! | 4. parks until `due` | |
//!
//! Either the node is found by 2, or 3 sees the change. A woken watcher owns nothing yet: it asks again, as after a time-out.

use std::fmt;
use std::time::Instant;

use super::core::Unreceived;
use super::error::TryRecvError;
use crate::base::{Mutex, Parking, Reason, Woken, checkpoint, constructor, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{WaitList, Waiter};

/// What a [`Receiver`](super::Receiver) without a channel receives from.
pub(crate) trait Source<T>: Send + Sync {
    /// Takes the message due at `now`, if there is one; one taker gets it. `Disconnected`: none will ever come.
    fn take(&self, now: Instant) -> Result<T, TryRecvError>;

    /// When `take` will next answer something else than `Empty` if nobody changes it; `None`: never.
    fn due(&self) -> Option<Instant>;

    /// How many messages it can hold: 1, or 0 where it only ends.
    fn capacity(&self) -> usize;

    /// Who is told of changes.
    fn watchers(&self) -> &Watchers;

    /// A watcher was added. What `due` answers from here on is seen by it, or it is woken.
    fn watched(&self) {}
}

/// Those who wait until a source's message is due, and must hear if that changes.
pub(crate) struct Watchers(Mutex<WaitList<()>>);

impl Watchers {
    constructor! {
        pub(crate) fn new() -> Self {
            Watchers(Mutex::new(WaitList::new()))
        }
    }

    /// Adds a watcher.
    ///
    /// # Safety
    /// `node` is in no list. It neither moves nor ends before [`remove`](Self::remove) was called with it.
    pub(crate) unsafe fn add(&self, node: &Waiter<()>) {
        // SAFETY: as the caller promises.
        unsafe { lock(&self.0).push_back(node) };
    }

    /// Takes a watcher out, if it still is in the list.
    ///
    /// # Safety
    /// `node` was added to this list and to no other.
    pub(crate) unsafe fn remove(&self, node: &Waiter<()>) {
        // SAFETY: as the caller promises.
        unsafe { lock(&self.0).remove(node) };
    }

    /// Wakes all of them.
    pub(crate) fn wake(&self) {
        let mut list = lock(&self.0);
        if list.is_empty() {
            return;
        }
        let woken: Vec<Woken> =
            std::iter::from_fn(|| list.pop().map(|watcher| watcher.claim().ok())).flatten().collect();
        drop(list);
        drop(woken);
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.0).fmt(f)
    }
}

/// Receives, waiting within the limit. Switches.
#[track_caller]
pub(super) fn recv<T>(source: &dyn Source<T>, limit: Limit<'_>) -> Result<T, Unreceived> {
    // Before something is taken, as in a channel.
    checkpoint();
    loop {
        let now = crate::base::now();
        match source.take(now) {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Disconnected) => return Err(Unreceived::Closed),
            Err(TryRecvError::Empty) if limit.deadline().is_some_and(|deadline| deadline <= now) => {
                return Err(Unreceived::GaveUp);
            }
            Err(TryRecvError::Empty) => {}
        }
        if let Err(GaveUp::Cancelled) = wait_for_change(source, limit) {
            return Err(Unreceived::GaveUp);
        }
    }
}

/// Waits until there is perhaps something to take.
#[track_caller]
fn wait_for_change<T>(source: &dyn Source<T>, limit: Limit<'_>) -> Result<(), GaveUp> {
    let parking = Parking::open(Reason::ChanReceive);
    let node = Waiter::new(parking.ticket(), ());
    let watchers = source.watchers();
    let leave = || {
        // SAFETY: added below.
        unsafe { watchers.remove(&node) };
    };
    // SAFETY: the node is new, and stays in this frame until `leave` has taken it out, or who claimed it has.
    unsafe { watchers.add(&node) };
    source.watched();
    // Only now: see the table above. What is due already ends the wait at once.
    // All are woken: there is nothing to pass on.
    wait(parking, &node, limit.no_later_than(source.due()), leave, || ())
}

/// Waits until the limit is reached, for nothing else.
#[track_caller]
pub(super) fn wait_for_nothing(limit: Limit<'_>) -> GaveUp {
    loop {
        let parking = Parking::open(Reason::ChanReceive);
        let node = Waiter::new(parking.ticket(), ());
        // In no list: nobody can serve it.
        if let Err(gave_up) = wait(parking, &node, limit, || (), || ()) {
            return gave_up;
        }
    }
}
