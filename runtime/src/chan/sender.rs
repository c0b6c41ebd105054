//! The sending half.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::{Channel, Unsent};
use super::error::{SendError, SendTimeoutError, TrySendError};
use crate::wait::Limit;

/// The sending half of a channel. Clones send to the same channel; when the last one is dropped the channel is closed.
///
/// ```
/// let (sender, receiver) = threadle::chan::bounded(1);
/// sender.send("hello").unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok("hello"));
/// assert!(receiver.recv().is_err());
/// ```
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(channel: Arc<Channel<T>>) -> Self {
        Sender { channel }
    }

    pub(super) fn channel(&self) -> &Channel<T> {
        &self.channel
    }

    /// Sends `value`, waiting while there is no room for it (in a rendezvous channel: until a receiver takes it).
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The channel is or becomes closed: by [`close`](Self::close) or because the last receiver was dropped. The value
    /// comes back in the error.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// sender.send(1).unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).unwrap_err().into_inner(), 2);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.channel.send(value, Limit::NONE).map_err(|unsent| SendError(unsent.into_inner()))
    }

    /// Sends `value` if that needs no waiting.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// No room (rendezvous: no waiting receiver), or closed. The value comes back in the error.
    ///
    /// ```
    /// use threadle::chan::{TrySendError, bounded};
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.try_send(1), Ok(()));
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(value)
    }

    /// Sends `value`, waiting at most `timeout`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the time is over. The value comes back in the error.
    ///
    /// ```
    /// use std::time::Duration;
    /// let (sender, _receiver) = threadle::chan::bounded(0);
    /// assert!(sender.send_timeout(1, Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        Ok(self.channel.send(value, Limit::after(timeout))?)
    }

    /// Sends `value`, waiting until `deadline` at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the time is over. The value comes back in the error.
    ///
    /// ```
    /// use std::time::Instant;
    /// let (sender, receiver) = threadle::chan::bounded(1);
    /// assert!(sender.send_deadline(1, Instant::now()).is_ok()); // there is room, so nothing waits
    /// assert!(sender.send_deadline(2, Instant::now()).is_err());
    /// # drop(receiver);
    /// ```
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        Ok(self.channel.send(value, Limit::at(deadline))?)
    }

    /// Sends `value`, waiting within a limit, which may be a context's. Switches.
    #[track_caller]
    pub(crate) fn send_within(&self, value: T, limit: Limit<'_>) -> Result<(), Unsent<T>> {
        self.channel.send(value, limit)
    }

    /// Closes the channel: nothing can be sent any more, waiting senders get their values back, and receivers get an error
    /// once they have received what is in the buffer. Returns whether this call closed it.
    ///
    /// Those who wait are told some at a time, in this call. Another call meanwhile returns `false` at once, perhaps before all of them were.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::bounded(1);
    /// sender.send(1).unwrap();
    /// assert!(sender.close());
    /// assert!(!sender.close());
    /// assert!(sender.send(2).is_err());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert!(receiver.recv().is_err());
    /// ```
    pub fn close(&self) -> bool {
        self.channel.close()
    }

    /// Whether the channel is closed, so that no send can succeed any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// How many values are in the buffer. Switches: no.
    ///
    /// ```
    /// let (sender, _receiver) = threadle::chan::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Whether the buffer is empty; always true for a rendezvous channel. Switches: no.
    ///
    /// ```
    /// let (sender, _receiver) = threadle::chan::bounded::<u8>(1);
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer is full; always true for a rendezvous channel. Switches: no.
    ///
    /// ```
    /// let (sender, _receiver) = threadle::chan::bounded::<u8>(0);
    /// assert!(sender.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    /// How many values the buffer can hold; `None`: any number. Switches: no.
    ///
    /// ```
    /// use threadle::chan;
    /// assert_eq!(chan::bounded::<u8>(3).0.capacity(), Some(3));
    /// assert_eq!(chan::unbounded::<u8>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// Whether both senders belong to one channel. Switches: no.
    ///
    /// ```
    /// use threadle::chan;
    /// let (sender, _receiver) = chan::unbounded::<u8>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&chan::unbounded().0));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.channel.add_sender();
        Sender { channel: Arc::clone(&self.channel) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}

// As with a lock: no user code runs while the channel's state is inconsistent.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
