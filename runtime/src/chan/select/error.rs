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
    TrySelectError = "no operation could be done without waiting";
    /// No operation became ready in time. Returned by [`Select::select_timeout`](super::Select::select_timeout) and `select_deadline`.
    SelectTimeoutError = "timed out waiting on select";
    /// No operation was ready. Returned by [`Select::try_ready`](super::Select::try_ready).
    TryReadyError = "no operation is ready";
    /// No operation became ready in time. Returned by [`Select::ready_timeout`](super::Select::ready_timeout) and `ready_deadline`.
    ReadyTimeoutError = "timed out waiting for an operation to become ready";
}
