//! Channels: many senders, many receivers, each value received once. Names and meaning follow `crossbeam-channel`,
//! with Go's `close` added. Goroutines and plain OS threads may meet on one channel in any combination.
//!
//! ```
//! use threadle::chan;
//!
//! let (sender, receiver) = chan::bounded(4);
//! let producer = std::thread::spawn(move || (0..10).for_each(|n| sender.send(n).unwrap()));
//! assert_eq!(receiver.iter().sum::<i32>(), 45); // ends when the producer drops its sender
//! producer.join().unwrap();
//! ```
//!
//! # How it works
//!
//! A channel is what Go's `hchan` is: a buffer, a FIFO of waiting receivers and one of waiting senders, under one lock.
//! The lock (`lock.rs`) is held for a few dozen instructions, never over a switch, and no user code runs under it (values are moved,
//! never dropped or cloned there). Who finds a partner waiting exchanges the value with it *directly*, through the slot in
//! the partner's stack frame; nobody has to be woken only to find that another was quicker. So three things hold at every
//! unlock, for waiters that can still be woken:
//!
//! * receivers wait ⇒ the buffer is empty and no sender waits, but for the other arms of the same `select`;
//! * senders wait ⇒ the buffer is full, counting the places reserved for a `select` that has been chosen to send, unless the channel is
//!   being closed;
//! * closed ⇒ nobody begins to wait, and who still waits has nothing coming, but for a value that is returned (below).
//!
//! The last because `close` tells those who wait some at a time, in their order, and lets the lock go in between: a million of them would hold it for
//! a third of a second, and the first could as well run meanwhile. Until they have been told they are as good as gone: a value is neither taken
//! from them nor do they get a place in the buffer, or one would be served whose predecessor was refused.
//!
//! A `select` that waits to send is a sender *without* a value: that is made once it has been chosen. How such a one and a receiver meet, and how
//! a `select` waits in many channels, is told in `select/mod.rs`.
//!
//! # The one race: a partner against a deadline
//!
//! A waiter is woken by its partner, by `close`, or by its deadline; with `select`, also by another channel. The word that
//! decides is the waiter's ticket (see `waiters.rs`), of which one `claim` succeeds:
//!
//! | the partner, holding the lock | the waiter |
//! |---|---|
//! | 1. unlinks the waiter's node | 1. its park ends |
//! | 2. writes value and outcome to the slot (from a sender: moves the value out) | 2. woken: reads the slot. The claim happened before |
//! | 3. **claims the ticket** | 2'. not woken: **the deadline closed the ticket**; takes the lock, unlinks its node |
//! | 4. claimed: touches the node no more; unlocks; the `Woken` queues the waiter | 3'. reads the slot |
//! | 4'. not claimed: takes the value back (puts it back), tries the next node | |
//!
//! Either the claim or the deadline comes first on the ticket. Claim first: the waiter finds its value and reports success
//! even if the deadline has passed meanwhile. Deadline first: 4' undoes 2 under the lock, and 3' comes after that lock, so
//! the value is in exactly one place at every unlock. The ticket of a goroutine whose runtime has stopped can not be
//! claimed, so that its place in the queue goes to the next waiter or the value to the buffer. And where that runtime stops after the claim, before
//! the goroutine has run, the value is returned (`wait.rs`): to the next waiter, or to the front of the buffer, which may then hold more than
//! its capacity.
//!
//! Rejected: a lock-free ring (crossbeam's array flavour) needs a second protocol for waiters, wakes receivers who then may find
//! nothing, and gives no FIFO among waiters. Waking under the lock makes the woken thread run into it.

mod alarm;
mod core;
mod error;
mod exchange;
mod iter;
mod lock;
mod receiver;
mod select;
mod sender;
mod source;
mod state;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
#[doc(hidden)]
pub use select::expanded as __select;
pub use select::{ReadyTimeoutError, Select, SelectTimeoutError, SelectedOperation, TryReadyError, TrySelectError};
pub use sender::Sender;

use self::core::Channel;
use receiver::Flavor;

pub(crate) use self::core::{Unreceived, Unsent};
pub(crate) use alarm::Alarm;
pub(crate) use source::{Source, Watchers};

/// A channel whose buffer holds up to `capacity` values. With 0 it is a rendezvous channel: a send waits until a receiver
/// takes the value.
///
/// Switches: no.
///
/// ```
/// let (sender, receiver) = threadle::chan::bounded(0);
/// let thread = std::thread::spawn(move || receiver.recv());
/// sender.send("from hand to hand").unwrap();
/// assert_eq!(thread.join().unwrap(), Ok("from hand to hand"));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    pair(Some(capacity))
}

/// A channel whose buffer grows as needed: a send never waits.
///
/// Switches: no.
///
/// ```
/// let (sender, receiver) = threadle::chan::unbounded();
/// (0..1000).for_each(|n| sender.send(n).unwrap());
/// assert_eq!(receiver.len(), 1000);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    pair(None)
}

fn pair<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(capacity));
    (Sender::new(Arc::clone(&channel)), Receiver::new(Flavor::Channel(channel)))
}

/// A receiver that gets one message, the instant it came due, after `duration`; it is never closed. A duration beyond what
/// the clock can count gives [`never()`].
///
/// Switches: no. Costs no timer unless somebody waits for it.
///
/// ```
/// use std::time::Duration;
/// let timeout = threadle::chan::after(Duration::from_millis(1));
/// assert!(timeout.recv().is_ok());
/// assert!(timeout.try_recv().is_err());
/// ```
pub fn after(duration: Duration) -> Receiver<Instant> {
    let at = crate::base::now().checked_add(duration);
    at.map_or_else(never, |at| Receiver::from_source(Arc::new(Alarm::once(Some(at)))))
}

/// A receiver that gets a message, the instant it came due, every `period`; it is never closed. Ticks that nobody received
/// before the next one are skipped, and the ones that follow stay on the grid.
///
/// Switches: no. Costs no timer unless somebody waits for it.
///
/// # Panics
/// If `period` is zero.
///
/// ```
/// use std::time::Duration;
/// let ticks = threadle::chan::tick(Duration::from_millis(1));
/// let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
/// assert!(second - first >= Duration::from_millis(1));
/// ```
#[track_caller]
pub fn tick(period: Duration) -> Receiver<Instant> {
    assert!(!period.is_zero(), "the period of a tick must not be zero");
    Receiver::from_source(Arc::new(Alarm::periodic(crate::base::now(), period)))
}

/// A receiver that gets nothing and is never closed: for the arm of a `select` that is switched off.
///
/// Switches: no.
///
/// ```
/// assert!(threadle::chan::never::<u8>().try_recv().unwrap_err().is_empty());
/// ```
pub fn never<T>() -> Receiver<T> {
    Receiver::new(Flavor::Never)
}
