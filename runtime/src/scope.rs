//! Goroutines that borrow from the frame of whoever starts them, in the shape of `std::thread::scope`.
//!
//! # What makes it sound
//!
//! The frame that is borrowed from is that of [`scope`]'s caller, and `scope` leaves it on three ways only: `f` has returned, `f` has
//! panicked, or not at all. On each it first waits until every goroutine of the scope is over. That is counted by the goroutines themselves,
//! in the scheduler (`threadle_scheduler::Scope`; `scheduler/src/g/children.rs` has the protocol and its models), and no handle has a part in
//! it: one that is forgotten, or sent to another goroutine, changes nothing. The lifetimes are std's:
//!
//! * `'env` outlasts the call: what is borrowed from outside.
//! * `'scope` begins before `f` and ends after the wait. `f` must take it whatever it is, so nothing that names it (a handle, the scope
//!   itself) gets out of `f`, and nothing that `f` owns can be borrowed for it.
//!
//! Where a runtime ends before the goroutines of a scope, they may run on, or lie parked with the borrow in their frames; so the scope does
//! not return (docs/decisions/0011). A goroutine that waits in it is abandoned with its frame, a thread sleeps for good.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use threadle_scheduler::{Join, SpawnOptions, spawn_scoped};

use crate::context::{Context, ContextError};
use crate::entry::{GoBuilder, JoinError, outcome, wait_until_ended};

/// Runs `f`, which may start goroutines that borrow from around it, and returns what it returns when all of them have ended.
///
/// In the shape of [`std::thread::scope`]. The goroutines are those of the runtime `f` runs in. `f` itself runs here, on the caller's stack;
/// it may be called from a goroutine or, inside [`blocking`](crate::blocking), from a plain thread.
///
/// **Switches**: it waits also if `f` panics, and also for goroutines whose handle was dropped or forgotten; results that nobody took and
/// [`local!`](crate::local!) values of theirs are gone by then. Does not return if the runtime ends meanwhile: then everything stays as it is,
/// borrows included. Where that leaves somebody waiting who does not end with that runtime, a plain thread whose scope is around `run`, say, a
/// line on stderr names the scope and the goroutine.
///
/// # Panics
/// With `f`'s panic. If `f` returns, but one of the goroutines panicked, or never got a stack, and nobody joined it. And inside
/// [`no_switch`](crate::no_switch).
///
/// ```
/// threadle::run(|| {
///     let mut words = vec!["three", "short", "words"];
///     let mut longest = 0;
///     threadle::scope(|s| {
///         s.go(|| longest = words.iter().map(|word| word.len()).max().unwrap_or(0));
///         s.go(|| assert_eq!(words.len(), 3));
///     });
///     words.push("more");
///     assert_eq!(longest, 5);
/// });
/// ```
///
/// A goroutine of a scope may start others in it:
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// fn visit(s: &'_ threadle::Scope<'_, '_>, depth: u32, leaves: &AtomicU32) {
///     if depth == 0 {
///         leaves.fetch_add(1, Ordering::Relaxed);
///     } else {
///         threadle::scope(|inner| (0..2).for_each(|_| drop(inner.go(|| visit(s, depth - 1, leaves)))));
///     }
/// }
///
/// let leaves = AtomicU32::new(0);
/// threadle::run(|| threadle::scope(|s| visit(s, 5, &leaves)));
/// assert_eq!(leaves.into_inner(), 32);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { goroutines: threadle_scheduler::Scope::new(), scope: PhantomData, env: PhantomData };
    // Unwind safety: the panic goes on below, as if nobody had caught it.
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    // SAFETY: once, and `f` is over: nothing that names `'scope` is left but with the scope's own goroutines.
    unsafe { scope.goroutines.wait() };
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(value) => match (scope.goroutines.panicked(), scope.goroutines.unstarted()) {
            (0, 0) => value,
            (0, unstarted) => panic!(
                "a scoped goroutine never got a stack to run on ({unstarted} of this scope), and nobody joined it: its join names the limit. \
                 Let fewer of them live at a time, or give them smaller stacks (GoBuilder::stack_size)"
            ),
            (panicked, _) => panic!(
                "a scoped goroutine panicked ({panicked} of this scope), and nobody joined it: with what, is told above. Join it, \
                 and its panic is an error that can be looked at"
            ),
        },
    }
}

/// Where goroutines are started that borrow: given to the closure of [`scope`].
///
/// `'scope` is the time in which such goroutines may run; `'env` that of what they borrow from outside the scope.
///
/// ```
/// use threadle::Scope;
///
/// /// Starts what it likes, in a scope that belongs to somebody else.
/// fn count<'scope>(scope: &'scope Scope<'scope, '_>, words: &'scope [&str]) -> impl FnOnce() -> usize + 'scope {
///     let counter = scope.go(|| words.len());
///     || counter.join().unwrap()
/// }
///
/// threadle::run(|| {
///     let words = ["borrowed", "not", "moved"];
///     assert_eq!(threadle::scope(|s| count(s, &words)()), 3);
/// });
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    goroutines: threadle_scheduler::Scope,
    /// Invariant: a scope that could pass for a shorter one would take borrows that end before it.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// As [`go`](crate::go), for what borrows. Does not switch.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let numbers = [1, 2, 3, 4];
    ///     let (low, high) = numbers.split_at(2);
    ///     let sum = threadle::scope(|s| {
    ///         let high = s.go(|| high.iter().sum::<i32>());
    ///         low.iter().sum::<i32>() + high.join().unwrap()
    ///     });
    ///     assert_eq!(sum, 10);
    /// });
    /// ```
    #[track_caller]
    pub fn go<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(&SpawnOptions::new(), f)
    }

    #[track_caller]
    fn start<F, T>(&'scope self, options: &SpawnOptions, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: whatever lives for `'scope`, and the scope itself, in `scope`'s frame, outlasts `Scope::wait` there, which is on each of
        // its ways out.
        let join = unsafe { spawn_scoped(options, &self.goroutines, f) };
        ScopedJoinHandle { join, scope: &self.goroutines }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.goroutines.fmt(f)
    }
}

impl GoBuilder {
    /// As [`Scope::go`], with these options. Does not switch.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let name = String::from("counter");
    ///     let length = threadle::scope(|s| {
    ///         let handle = threadle::GoBuilder::new().name(name.as_str()).go_scoped(s, || name.len());
    ///         handle.join().unwrap()
    ///     });
    ///     assert_eq!(length, 7);
    /// });
    /// ```
    #[track_caller]
    pub fn go_scoped<'scope, 'env, F, T>(self, scope: &'scope Scope<'scope, 'env>, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        scope.start(&self.into_options(), f)
    }
}

/// The right to learn how a goroutine of a scope ended. Dropping it, or forgetting it, changes nothing else: its scope waits for the goroutine
/// all the same.
///
/// ```
/// threadle::run(|| {
///     let words = ["three", "short", "words"];
///     let longest = threadle::scope(|s| {
///         let handle = s.go(|| words.iter().map(|word| word.len()).max());
///         handle.join().unwrap()
///     });
///     assert_eq!(longest, Some(5));
/// });
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    join: Join<T>,
    scope: &'scope threadle_scheduler::Scope,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the goroutine has ended. **Switches.** Does not return if its runtime ends first.
    ///
    /// # Errors
    /// If it panicked, or never got a stack: [`JoinError`] tells which. The scope does not panic on its account then.
    ///
    /// ```
    /// threadle::run(|| {
    ///     threadle::scope(|s| {
    ///         let handle = s.go(|| if true { panic!("no") });
    ///         assert!(handle.join().unwrap_err().is_panic());
    ///     });
    /// });
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        outcome(self.join.wait_scoped(self.scope))
    }

    /// Waits until it has ended, or the context has. **Switches.**
    #[track_caller]
    pub(crate) fn wait_until_ended(&mut self, context: &Context) -> Result<(), ContextError> {
        wait_until_ended(&mut self.join, context)
    }

    /// Whether it has ended. Does not switch.
    ///
    /// ```
    /// threadle::run(|| {
    ///     threadle::scope(|s| {
    ///         let handle = s.go(|| ());
    ///         while !handle.is_finished() {
    ///             threadle::yield_now();
    ///         }
    ///     });
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// The goroutine's number: unique in its runtime. Does not switch.
    ///
    /// ```
    /// threadle::run(|| threadle::scope(|s| assert_ne!(s.go(|| ()).id(), s.go(|| ()).id())));
    /// ```
    pub fn id(&self) -> u64 {
        self.join.id()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").field("id", &self.id()).field("finished", &self.is_finished()).finish()
    }
}
