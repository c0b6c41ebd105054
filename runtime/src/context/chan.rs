//! Sending and receiving with a context.

use std::error::Error;
use std::fmt;

use super::error::ContextError;
use super::handle::Context;
use super::watch::Watch;
use crate::chan::{Receiver, Sender, Unreceived, Unsent};

/// Why [`Receiver::recv_with`] received nothing.
///
/// ```
/// use threadle::chan;
/// use threadle::context::{Context, RecvWithError};
/// let (sender, receiver) = chan::unbounded::<u8>();
/// drop(sender);
/// match receiver.recv_with(&Context::background()) {
///     Ok(value) => println!("{value}"),
///     Err(RecvWithError::Disconnected) => println!("there will be no more"),
///     Err(RecvWithError::Context(why)) => println!("given up: {why}"),
/// }
/// ```
#[derive(Clone, Debug)]
pub enum RecvWithError {
    /// The channel is closed and empty.
    Disconnected,
    /// The context has ended.
    Context(ContextError),
}

/// Why [`Sender::send_with`] did not send; the value comes back.
///
/// ```
/// use threadle::chan;
/// use threadle::context::{Context, SendWithError};
/// let (sender, receiver) = chan::bounded(1);
/// drop(receiver);
/// match sender.send_with(&Context::background(), "precious") {
///     Ok(()) => println!("sent"),
///     Err(SendWithError::Disconnected(value)) => assert_eq!(value, "precious"),
///     Err(SendWithError::Context(value, why)) => println!("{value} was not sent: {why}"),
/// }
/// ```
#[derive(Clone)]
pub enum SendWithError<T> {
    /// The channel is closed.
    Disconnected(T),
    /// The context has ended and nobody took the value.
    Context(T, ContextError),
}

impl<T> Receiver<T> {
    /// As [`recv`](Self::recv), until the context ends at most. From a context that has ended nothing is received, though there is
    /// something.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The channel is closed and empty; the context has ended.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// let (sender, receiver) = chan::unbounded();
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.recv_with(&context).unwrap(), 1);
    /// cancel.cancel();
    /// assert!(receiver.recv_with(&context).unwrap_err().is_cancelled());
    /// assert_eq!(receiver.recv(), Ok(2));
    /// ```
    #[track_caller]
    pub fn recv_with(&self, context: &Context) -> Result<T, RecvWithError> {
        let watch = Watch::new(context).map_err(RecvWithError::Context)?;
        self.recv_within(watch.limit()).map_err(|error| match error {
            Unreceived::GaveUp => RecvWithError::Context(watch.error()),
            Unreceived::Closed => RecvWithError::Disconnected,
        })
    }
}

impl<T> Sender<T> {
    /// As [`send`](Self::send), until the context ends at most. With a context that has ended nothing is sent, though there is room.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The channel is closed; the context has ended. The value comes back.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, context::Context};
    ///
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let (sender, _receiver) = chan::bounded(0);
    /// let error = sender.send_with(&context, "precious").unwrap_err();
    /// assert!(error.is_timeout());
    /// assert_eq!(error.into_inner(), "precious");
    /// ```
    #[track_caller]
    pub fn send_with(&self, context: &Context, value: T) -> Result<(), SendWithError<T>> {
        let watch = match Watch::new(context) {
            Ok(watch) => watch,
            Err(error) => return Err(SendWithError::Context(value, error)),
        };
        self.send_within(value, watch.limit()).map_err(|error| match error {
            Unsent::GaveUp(value) => SendWithError::Context(value, watch.error()),
            Unsent::Closed(value) => SendWithError::Disconnected(value),
        })
    }
}

impl RecvWithError {
    /// The context's error; `None`: the channel is closed.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel_with("enough");
    /// let error = chan::never::<u8>().recv_with(&context).unwrap_err();
    /// assert_eq!(error.context().unwrap().cause().unwrap().to_string(), "enough");
    /// ```
    pub fn context(&self) -> Option<&ContextError> {
        match self {
            RecvWithError::Disconnected => None,
            RecvWithError::Context(error) => Some(error),
        }
    }

    /// Whether the channel is closed and empty.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (sender, receiver) = chan::unbounded::<u8>();
    /// drop(sender);
    /// assert!(receiver.recv_with(&Context::background()).unwrap_err().is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        self.context().is_none()
    }

    /// Whether the context was cancelled.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// assert!(chan::never::<u8>().recv_with(&context).unwrap_err().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.context().is_some_and(ContextError::is_cancelled)
    }

    /// Whether the context's deadline has passed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, context::Context};
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// assert!(chan::never::<u8>().recv_with(&context).unwrap_err().is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.context().is_some_and(ContextError::is_timeout)
    }
}

impl<T> SendWithError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// let (sender, _receiver) = chan::unbounded();
    /// assert_eq!(sender.send_with(&context, "precious").unwrap_err().into_inner(), "precious");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            SendWithError::Disconnected(value) | SendWithError::Context(value, _) => value,
        }
    }

    /// The context's error; `None`: the channel is closed.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel_with("enough");
    /// let (sender, _receiver) = chan::unbounded();
    /// let error = sender.send_with(&context, 1).unwrap_err();
    /// assert_eq!(error.context().unwrap().cause().unwrap().to_string(), "enough");
    /// ```
    pub fn context(&self) -> Option<&ContextError> {
        match self {
            SendWithError::Disconnected(_) => None,
            SendWithError::Context(_, error) => Some(error),
        }
    }

    /// Whether the channel is closed.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (sender, receiver) = chan::unbounded();
    /// drop(receiver);
    /// assert!(sender.send_with(&Context::background(), 1).unwrap_err().is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        self.context().is_none()
    }

    /// Whether the context was cancelled.
    ///
    /// ```
    /// use threadle::{chan, context::Context};
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// let (sender, _receiver) = chan::bounded(0);
    /// assert!(sender.send_with(&context, 1).unwrap_err().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.context().is_some_and(ContextError::is_cancelled)
    }

    /// Whether the context's deadline has passed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, context::Context};
    /// let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
    /// let (sender, _receiver) = chan::bounded(0);
    /// assert!(sender.send_with(&context, 1).unwrap_err().is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.context().is_some_and(ContextError::is_timeout)
    }
}

impl fmt::Display for RecvWithError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvWithError::Disconnected => f.write_str("receiving on a closed and empty channel"),
            RecvWithError::Context(error) => write!(f, "receiving: {error}"),
        }
    }
}

impl<T> fmt::Display for SendWithError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendWithError::Disconnected(_) => f.write_str("sending on a closed channel"),
            SendWithError::Context(_, error) => write!(f, "sending: {error}"),
        }
    }
}

impl<T> fmt::Debug for SendWithError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendWithError::Disconnected(_) => f.write_str("Disconnected(..)"),
            SendWithError::Context(_, error) => f.debug_tuple("Context").field(&"..").field(error).finish(),
        }
    }
}

impl Error for RecvWithError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.context().map(|error| error as _)
    }
}

impl<T> Error for SendWithError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.context().map(|error| error as _)
    }
}
