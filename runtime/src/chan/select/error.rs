//! Why a [`Select`](super::Select) selected nothing.

use std::error::Error;
use std::fmt;

macro_rules! select_errors {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name;

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }

        impl Error for $name {}
    )*};
}

select_errors! {
    /// No operation was ready. Returned by [`Select::try_select`](super::Select::try_select).
    ///
    /// ```
    /// use threadle::chan::{Select, TrySelectError, unbounded};
    /// let (_sender, receiver) = unbounded::<u8>();
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.try_select().unwrap_err(), TrySelectError);
    /// ```
    TrySelectError = "no operation could be done without waiting";
    /// No operation became ready in time. Returned by [`Select::select_timeout`](super::Select::select_timeout) and `select_deadline`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::chan::{Select, SelectTimeoutError, unbounded};
    /// let (_sender, receiver) = unbounded::<u8>();
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.select_timeout(Duration::from_millis(1)).unwrap_err(), SelectTimeoutError);
    /// ```
    SelectTimeoutError = "timed out waiting on select";
    /// No operation was ready. Returned by [`Select::try_ready`](super::Select::try_ready).
    ///
    /// ```
    /// use threadle::chan::{Select, TryReadyError, unbounded};
    /// let (_sender, receiver) = unbounded::<u8>();
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.try_ready(), Err(TryReadyError));
    /// ```
    TryReadyError = "no operation is ready";
    /// No operation became ready in time. Returned by [`Select::ready_timeout`](super::Select::ready_timeout) and `ready_deadline`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::chan::{ReadyTimeoutError, Select, unbounded};
    /// let (_sender, receiver) = unbounded::<u8>();
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.ready_timeout(Duration::from_millis(1)), Err(ReadyTimeoutError));
    /// ```
    ReadyTimeoutError = "timed out waiting for an operation to become ready";
}
