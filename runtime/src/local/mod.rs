//! Goroutine-local storage: [`local!`](crate::local!), the answer to `thread_local!`.
//!
//! A thread-local belongs to a thread, which goroutines share and, when migrating, change. A `local!` belongs to the goroutine: each has a
//! value of its own, made at its first use and dropped at its end, and its address stays right over every switch. A plain thread has its own
//! values too, so a library that uses `local!` works in both.
//!
//! ```
//! use std::cell::Cell;
//! threadle::local! {
//!     static DEPTH: Cell<u32> = const { Cell::new(0) };
//! }
//! threadle::run(|| {
//!     DEPTH.set(7);
//!     let other = threadle::go(|| DEPTH.replace(1)).join().unwrap();
//!     assert_eq!((other, DEPTH.get()), (0, 7));
//! });
//! assert_eq!(DEPTH.get(), 0, "the thread's own");
//! ```
//!
//! **When they are dropped.** At the goroutine's end, on its own stack, before a [`join`](crate::JoinHandle::join) returns; the last to be
//! made first. Their Drop may wait, and may use other locals. If it panics the process aborts, as with std's thread-locals. On a plain thread
//! they are dropped with the thread's own locals. **A goroutine that is abandoned** when its runtime ends is never unwound: its locals are
//! leaked, with its stack. So is a value that is lent out when its goroutine ends, which takes a coroutine of somebody else's: one that was
//! left in the middle of a [`with`](LocalKey::with), and that another goroutine may go on with.
//!
//! **Inside [`blocking`](crate::blocking)** the closure runs on what is to the runtime a plain thread, often another one than its
//! goroutine's; it sees that thread's locals, always. Hand it what it needs.
//!
//! **Values that are not `Send`** are fine in bound mode, where a goroutine stays on its thread. In migrating mode they count, for the
//! promise of [`run_migrating`](crate::run_migrating), as held over every switching call of their goroutine.
//!
//! Recursion: an initialiser that uses its own local makes that first, and replaces it when it returns, as with std; one that never ends
//! overflows the stack.

mod key;

pub use key::{AccessError, LocalKey};

/// Declares [goroutine-local](mod@crate::local) variables; the grammar is that of `std::thread_local!`.
///
/// Each is a `static` of type [`LocalKey`](crate::local::LocalKey). The initialiser runs at the first use in each goroutine (and each plain
/// thread); a `const` block is accepted, and checked to be constant.
///
/// ```
/// use std::cell::{Cell, RefCell};
/// threadle::local! {
///     /// How often this goroutine was here.
///     pub static VISITS: Cell<u32> = const { Cell::new(0) };
///     static NAMES: RefCell<Vec<String>> = RefCell::new(Vec::new());
/// }
/// VISITS.set(VISITS.get() + 1);
/// NAMES.with_borrow_mut(|names| names.push("first".into()));
/// assert_eq!((VISITS.get(), NAMES.take().len()), (1, 1));
/// ```
#[macro_export]
macro_rules! local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident : $type:ty = const $init:block $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::local::LocalKey<$type> = {
            fn init() -> $type {
                const { $init }
            }
            $crate::local::LocalKey::new(init)
        };
        $($crate::local! { $($rest)* })?
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident : $type:ty = $init:expr $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::local::LocalKey<$type> = {
            fn init() -> $type {
                $init
            }
            $crate::local::LocalKey::new(init)
        };
        $($crate::local! { $($rest)* })?
    };
}
