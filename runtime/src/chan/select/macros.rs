//! The grammar of [`select!`](crate::select).

/// Waits for several channel operations at once and does one of them: the first that can be done, a random one if several can.
///
/// The grammar is `crossbeam-channel`'s. Each arm is an operation, a pattern for its result, and an expression or block:
///
/// * `recv(receiver) -> result => ..`: `result` is a `Result<T, RecvError>`;
/// * `send(sender, value) -> result => ..`: `result` is a `Result<(), SendError<T>>`. **`value` is evaluated only once this arm has been
///   chosen**: what an arm would have sent is still there when it loses;
/// * `default => ..`: if nothing can be done at once;
/// * `default(timeout) => ..`: if nothing could be done for that long.
///
/// At most one `default`, at most 64 other arms; the last arm needs no comma, nor does one that ends in a block. Receivers and senders may be
/// given by value or by reference, and are evaluated once, in order; so is the time-out. All arms have the type of the whole. An operation on a
/// closed channel can always be done: its result is the error. To switch an arm off, put [`never()`](crate::chan::never) in its place. Without
/// arms, `select! {}` waits for ever.
///
/// Usable on goroutines and on plain threads. Switches: yes; with `default` without a time-out it does not.
///
/// ```
/// use std::time::Duration;
/// use threadle::{chan, select};
///
/// let (numbers, number) = chan::bounded(1);
/// let (_words, word) = chan::bounded::<&str>(1);
/// numbers.send(7).unwrap();
/// let seen = select! {
///     recv(number) -> n => format!("number {}", n.unwrap()),
///     recv(word) -> w => format!("word {}", w.unwrap()),
///     default(Duration::from_secs(10)) => String::from("nothing"),
/// };
/// assert_eq!(seen, "number 7");
/// ```
///
/// A value that is not sent is kept:
///
/// ```
/// use threadle::{chan, select};
///
/// let (sender, receiver) = chan::bounded(1);
/// let (quit, quitting) = chan::bounded::<()>(0);
/// let mut text = Some(String::from("precious"));
/// for _ in 0..2 {
///     select! {
///         send(sender, text.take().unwrap()) -> sent => sent.unwrap(),
///         recv(quitting) -> _ => break,
///         default => {
///             assert_eq!(text, None); // the first round sent it
///             drop(receiver.recv());
///         }
///     }
///     text.get_or_insert_with(String::new);
///     let _full = sender.try_send(text.take().unwrap());
/// }
/// drop(quit);
/// ```
///
/// # On a rendezvous channel
/// Since the value is made after the choice, a `select!` that sends to a channel without a buffer can only meet a receiver that *waits*: `recv`,
/// its forms with a deadline, another `select!`. A `try_recv`, or a `select!` with `default`, would have to wait for the value and does not; it
/// meets a plain `send`. The receiver waits while the value is made, so let that be short. If it gives up meanwhile, at its deadline, the value
/// goes to the next receiver, for which the `select!` waits as `send` would. With `default` it does not wait: where no other receiver waits
/// already, the result is the error, with the value, though the channel is open.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => { $crate::__threadle_select!(@start [false] $($arms)*) };
}

/// As [`select!`](crate::select), but of several operations that can be done the first in the order of writing wins.
///
/// An arm that can always be done keeps those below it from ever being chosen.
///
/// ```
/// use threadle::{chan, select_biased};
///
/// let (urgent, first) = chan::unbounded();
/// let (usual, second) = chan::unbounded();
/// usual.send(1).unwrap();
/// urgent.send(2).unwrap();
/// let mut order = Vec::new();
/// for _ in 0..2 {
///     select_biased! {
///         recv(first) -> n => order.push(n.unwrap()),
///         recv(second) -> n => order.push(n.unwrap()),
///     }
/// }
/// assert_eq!(order, [2, 1]);
/// ```
#[macro_export]
macro_rules! select_biased {
    ($($arms:tt)*) => { $crate::__threadle_select!(@start [true] $($arms)*) };
}

// One step of recursion an arm, so that 64 of them stay under the compiler's default limit of 128. Each step takes one arm off the front, and
// the next name and number off the list.
//
// Operands are matched as a tuple of references, not bound by `let`: temporaries in them then live as long as the whole. The arms borrow them,
// but have nothing to do when they end, so that a body may move a receiver away or assign to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __threadle_select {
    (@start $biased:tt) => {
        $crate::chan::__select::for_ever()
    };
    (@start $biased:tt $($arms:tt)+) => {
        $crate::__threadle_select!(@arm $biased [] []
            [
                (a0 0) (a1 1) (a2 2) (a3 3) (a4 4) (a5 5) (a6 6) (a7 7)
                (a8 8) (a9 9) (a10 10) (a11 11) (a12 12) (a13 13) (a14 14) (a15 15)
                (a16 16) (a17 17) (a18 18) (a19 19) (a20 20) (a21 21) (a22 22) (a23 23)
                (a24 24) (a25 25) (a26 26) (a27 27) (a28 28) (a29 29) (a30 30) (a31 31)
                (a32 32) (a33 33) (a34 34) (a35 35) (a36 36) (a37 37) (a38 38) (a39 39)
                (a40 40) (a41 41) (a42 42) (a43 43) (a44 44) (a45 45) (a46 46) (a47 47)
                (a48 48) (a49 49) (a50 50) (a51 51) (a52 52) (a53 53) (a54 54) (a55 55)
                (a56 56) (a57 57) (a58 58) (a59 59) (a60 60) (a61 61) (a62 62) (a63 63)
            ]
            $($arms)+)
    };

    // A receive: with a block, with an expression and a comma, with an expression at the end.
    (@arm $biased:tt [$($done:tt)*] $default:tt [($name:ident $number:tt) $($names:tt)*]
        recv($r:expr $(,)?) -> $result:pat => $body:block $(, $($rest:tt)*)?
    ) => {
        $crate::__threadle_select!(@arm $biased [$($done)* (recv $name $number ($r) ($result) $body)] $default
            [$($names)*] $($($rest)*)?)
    };
    (@arm $biased:tt [$($done:tt)*] $default:tt [($name:ident $number:tt) $($names:tt)*]
        recv($r:expr $(,)?) -> $result:pat => $body:block $($rest:tt)+
    ) => {
        $crate::__threadle_select!(@arm $biased [$($done)* (recv $name $number ($r) ($result) $body)] $default
            [$($names)*] $($rest)+)
    };
    (@arm $biased:tt [$($done:tt)*] $default:tt [($name:ident $number:tt) $($names:tt)*]
        recv($r:expr $(,)?) -> $result:pat => $body:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__threadle_select!(@arm $biased [$($done)* (recv $name $number ($r) ($result) $body)] $default
            [$($names)*] $($($rest)*)?)
    };

    // A send.
    (@arm $biased:tt [$($done:tt)*] $default:tt [($name:ident $number:tt) $($names:tt)*]
        send($s:expr, $value:expr $(,)?) -> $result:pat => $body:block $(, $($rest:tt)*)?
    ) => {
        $crate::__threadle_select!(@arm $biased [$($done)* (send $name $number ($s) ($value) ($result) $body)] $default
            [$($names)*] $($($rest)*)?)
    };
    (@arm $biased:tt [$($done:tt)*] $default:tt [($name:ident $number:tt) $($names:tt)*]
        send($s:expr, $value:expr $(,)?) -> $result:pat => $body:block $($rest:tt)+
    ) => {
        $crate::__threadle_select!(@arm $biased [$($done)* (send $name $number ($s) ($value) ($result) $body)] $default
            [$($names)*] $($rest)+)
    };
    (@arm $biased:tt [$($done:tt)*] $default:tt [($name:ident $number:tt) $($names:tt)*]
        send($s:expr, $value:expr $(,)?) -> $result:pat => $body:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__threadle_select!(@arm $biased [$($done)* (send $name $number ($s) ($value) ($result) $body)] $default
            [$($names)*] $($($rest)*)?)
    };

    // A default, if there was none yet.
    (@arm $biased:tt $done:tt [] $names:tt
        default $(($($timeout:expr)? $(,)?))? => $body:block $(, $($rest:tt)*)?
    ) => {
        $crate::__threadle_select!(@arm $biased $done [(($($($timeout)?)?) $body)] $names $($($rest)*)?)
    };
    (@arm $biased:tt $done:tt [] $names:tt
        default $(($($timeout:expr)? $(,)?))? => $body:block $($rest:tt)+
    ) => {
        $crate::__threadle_select!(@arm $biased $done [(($($($timeout)?)?) $body)] $names $($rest)+)
    };
    (@arm $biased:tt $done:tt [] $names:tt
        default $(($($timeout:expr)? $(,)?))? => $body:expr $(, $($rest:tt)*)?
    ) => {
        $crate::__threadle_select!(@arm $biased $done [(($($($timeout)?)?) $body)] $names $($($rest)*)?)
    };
    (@arm $biased:tt $done:tt [$default:tt] $names:tt default $($rest:tt)*) => {
        ::core::compile_error!("a select can have one `default` arm")
    };

    // No arm is left.
    (@arm [$biased:tt] [$($done:tt)*] [] $names:tt) => {
        $crate::__threadle_select!(@build [$($done)*] ($crate::chan::__select::Manner::waiting($biased))
            (::core::unreachable!("without a time-out one arm is chosen")))
    };
    (@arm [$biased:tt] [$($done:tt)*] [(() $body:expr)] $names:tt) => {
        $crate::__threadle_select!(@build [$($done)*] ($crate::chan::__select::Manner::trying($biased)) ($body))
    };
    (@arm [$biased:tt] [$($done:tt)*] [(($timeout:expr) $body:expr)] $names:tt) => {
        $crate::__threadle_select!(@build [$($done)*] ($crate::chan::__select::Manner::waiting_for($biased, $timeout)) ($body))
    };

    // What cannot be understood.
    (@arm $biased:tt $done:tt $default:tt [] $($rest:tt)+) => {
        ::core::compile_error!("a select can have at most 64 arms beside `default`; `chan::Select` takes any number")
    };
    (@arm $biased:tt $done:tt $default:tt $names:tt recv($($operands:tt)*) => $($rest:tt)*) => {
        ::core::compile_error!("the result of `recv` wants a name: `recv(receiver) -> result => ..`")
    };
    (@arm $biased:tt $done:tt $default:tt $names:tt send($($operands:tt)*) => $($rest:tt)*) => {
        ::core::compile_error!("the result of `send` wants a name: `send(sender, value) -> result => ..`")
    };
    (@arm $biased:tt $done:tt $default:tt $names:tt $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "expected `recv(receiver) -> result => ..`, `send(sender, value) -> result => ..`, `default => ..` or `default(timeout) => ..`, ",
            "with a comma behind an expression that is no block, found `", ::core::stringify!($($rest)+), "`"
        ))
    };

    (@build [$(($kind:ident $name:ident $number:tt ($channel:expr) $($more:tt)*))*] ($manner:expr) ($default:expr)) => {
        match ($(&$channel,)*) {
            ($($name,)*) => {
                $(let $name = $crate::__threadle_select!(@new $kind $name);)*
                let manner: $crate::chan::__select::Manner = $manner;
                match $crate::chan::__select::select(&mut [$((&$name, $number)),*], manner) {
                    $(::core::option::Option::Some($number) => $crate::__threadle_select!(@body $kind $name $($more)*),)*
                    _ => $default,
                }
            }
        }
    };

    (@new recv $name:ident) => { $crate::chan::__select::RecvArm::new($name) };
    (@new send $name:ident) => { $crate::chan::__select::SendArm::new($name) };

    (@body recv $name:ident ($result:pat) $body:expr) => {{
        let $result = $name.received();
        $body
    }};
    (@body send $name:ident ($value:expr) ($result:pat) $body:expr) => {{
        let $result = {
            let grant = $name.granted();
            grant.send($value)
        };
        $body
    }};
}
