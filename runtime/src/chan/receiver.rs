//! The receiving half.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::{Channel, Unreceived};
use super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::iter::{IntoIter, Iter, TryIter};
use super::source::{self, Source};
use crate::wait::Limit;

/// The receiving half of a channel. Clones share the values: each value is received once. When the last receiver is
/// dropped the channel is closed and what is in the buffer is dropped.
///
/// ```
/// let (sender, receiver) = threadle::chan::unbounded();
/// let other = receiver.clone();
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// assert_eq!(receiver.recv(), Ok(1));
/// assert_eq!(other.recv(), Ok(2));
/// ```
pub struct Receiver<T> {
    flavor: Flavor<T>,
}

pub(super) enum Flavor<T> {
    /// An ordinary channel.
    Channel(Arc<Channel<T>>),
    /// Fed by the clock, or by the end of something: `after`, `tick`, timers, contexts.
    Source(Arc<dyn Source<T>>),
    /// Nothing will ever come, and it never closes.
    Never,
}

impl<T> Receiver<T> {
    pub(super) fn new(flavor: Flavor<T>) -> Self {
        Receiver { flavor }
    }

    pub(crate) fn from_source(source: Arc<dyn Source<T>>) -> Self {
        Receiver { flavor: Flavor::Source(source) }
    }

    pub(super) fn flavor(&self) -> &Flavor<T> {
        &self.flavor
    }

    /// Receives a value, waiting until there is one.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The channel is closed and empty.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// sender.send(7).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv(), Ok(7));
    /// assert!(receiver.recv().is_err());
    /// ```
    // Always inlined, as what it calls is (docs/decisions/0026).
    #[inline(always)]
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.recv(Limit::NONE),
            Flavor::Source(_) | Flavor::Never => self.recv_within(Limit::NONE),
        }
        .map_err(|_closed| RecvError)
    }

    /// Receives a value if there is one.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Nothing to receive at the moment, or closed and empty.
    ///
    /// ```
    /// use threadle::chan::{TryRecvError, unbounded};
    /// let (sender, receiver) = unbounded::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.try_recv(),
            Flavor::Source(source) => source.take(crate::base::now()),
            Flavor::Never => Err(TryRecvError::Empty),
        }
    }

    /// Receives a value, waiting at most `timeout`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over, or closed and empty.
    ///
    /// ```
    /// use std::time::Duration;
    /// let (_sender, receiver) = threadle::chan::bounded::<u8>(1);
    /// assert!(receiver.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        Ok(self.recv_within(Limit::after(timeout))?)
    }

    /// Receives a value, waiting until `deadline` at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over, or closed and empty.
    ///
    /// ```
    /// use std::time::Instant;
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(1)); // there is one, so nothing waits
    /// assert!(receiver.recv_deadline(Instant::now()).is_err());
    /// ```
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        Ok(self.recv_within(Limit::at(deadline))?)
    }

    /// Receives a value, waiting within a limit, which may be a context's. Switches.
    #[inline(never)]
    #[track_caller]
    pub(crate) fn recv_within(&self, limit: Limit<'_>) -> Result<T, Unreceived> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.recv(limit),
            Flavor::Source(source) => source::recv(&**source, limit),
            Flavor::Never => {
                source::wait_for_nothing(limit);
                Err(Unreceived::GaveUp)
            }
        }
    }

    /// Closes the channel: nothing can be sent any more, waiting senders get their values back, and receivers get an error
    /// once they have received what is in the buffer. Returns whether this call closed it. The receivers of
    /// [`after`](super::after), [`tick`](super::tick), [`never`](super::never), of timers and of contexts have no sender to turn away, and
    /// this does nothing to them.
    ///
    /// Those who wait are told some at a time, in this call. Another call meanwhile returns `false` at once, perhaps before all of them were.
    ///
    /// Switches: no.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// sender.send(1).unwrap();
    /// assert!(receiver.close());
    /// assert!(sender.send(2).is_err());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert!(receiver.recv().is_err());
    /// ```
    pub fn close(&self) -> bool {
        match &self.flavor {
            Flavor::Channel(channel) => channel.close(),
            Flavor::Source(_) | Flavor::Never => false,
        }
    }

    /// How many values can be received at once. Switches: no.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        match &self.flavor {
            Flavor::Channel(channel) => channel.len(),
            Flavor::Source(source) => {
                let due = source.due().is_some_and(|due| due <= crate::base::now());
                source.capacity().min(usize::from(due))
            }
            Flavor::Never => 0,
        }
    }

    /// Whether the buffer is empty; always true for a rendezvous channel. Switches: no.
    ///
    /// ```
    /// assert!(threadle::chan::never::<u8>().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer is full; always true for a rendezvous channel. Switches: no.
    ///
    /// ```
    /// let (_sender, receiver) = threadle::chan::bounded::<u8>(1);
    /// assert!(!receiver.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    /// How many values the buffer can hold; `None`: any number. Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::chan;
    /// assert_eq!(chan::bounded::<u8>(3).1.capacity(), Some(3));
    /// assert_eq!(chan::after(Duration::ZERO).capacity(), Some(1));
    /// assert_eq!(chan::never::<u8>().capacity(), Some(0));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.capacity(),
            Flavor::Source(source) => Some(source.capacity()),
            Flavor::Never => Some(0),
        }
    }

    /// Whether both receivers belong to one channel. Switches: no.
    ///
    /// ```
    /// use threadle::chan;
    /// let (_sender, receiver) = chan::unbounded::<u8>();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// assert!(!receiver.same_channel(&chan::never()));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.flavor, &other.flavor) {
            (Flavor::Channel(one), Flavor::Channel(other)) => Arc::ptr_eq(one, other),
            (Flavor::Source(one), Flavor::Source(other)) => std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other)),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }

    /// Receives until the channel is closed and empty. `next` switches.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// (1..=3).for_each(|n| sender.send(n).unwrap());
    /// drop(sender);
    /// assert_eq!(receiver.iter().sum::<i32>(), 6);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// Receives until there is nothing to receive. `next` does not switch.
    ///
    /// ```
    /// let (sender, receiver) = threadle::chan::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_iter().count(), 1);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let flavor = match &self.flavor {
            Flavor::Channel(channel) => {
                channel.add_receiver();
                Flavor::Channel(Arc::clone(channel))
            }
            Flavor::Source(source) => Flavor::Source(Arc::clone(source)),
            Flavor::Never => Flavor::Never,
        };
        Receiver { flavor }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Flavor::Channel(channel) = &self.flavor {
            channel.drop_receiver();
        }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter::new(self)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

// As with a lock: no user code runs while the channel's state is inconsistent.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}
