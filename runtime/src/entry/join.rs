//! How a goroutine's end is learned.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
use threadle_scheduler::{Ended, Join, Parking, Reason};

use crate::context::{Context, ContextError, Watch};

/// The right to learn how a goroutine ended; dropping it lets the goroutine go on by itself.
///
/// It is a future too, so that async code can wait for a goroutine: `go(move || handle(request)).await`.
///
/// ```
/// threadle::run(|| {
///     let handle = threadle::go(|| 6 * 7);
///     assert_eq!(threadle::block_on(handle).unwrap(), 42);
/// });
/// ```
pub struct JoinHandle<T> {
    join: Join<T>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(join: Join<T>) -> JoinHandle<T> {
        JoinHandle { join }
    }

    /// Waits until the goroutine has ended. **Switches.** Also callable from plain threads, and after its runtime has ended.
    ///
    /// # Errors
    /// If it panicked, its runtime ended first, or it never got a stack: [`JoinError`] tells which.
    ///
    /// # Panics
    /// If it was polled as a future and was ready: the outcome was given then.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let error = threadle::go(|| if true { panic!("no") }).join().unwrap_err();
    ///     assert!(error.is_panic());
    /// });
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        assert!(!self.join.was_polled_ready(), "a JoinHandle was joined after it was ready as a future");
        outcome(self.join.wait())
    }

    /// Waits until it has ended, or the context has. **Switches.**
    #[track_caller]
    pub(crate) fn wait_until_ended(&mut self, context: &Context) -> Result<(), ContextError> {
        if self.join.was_polled_ready() {
            // That is for `join` to say.
            return Ok(());
        }
        wait_until_ended(&mut self.join, context)
    }

    /// Whether it has ended. Does not switch.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let handle = threadle::go(|| ());
    ///     while !handle.is_finished() {
    ///         threadle::yield_now();
    ///     }
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// The goroutine's number: unique in its runtime, from 1 for `main`.
    ///
    /// ```
    /// threadle::run(|| assert_ne!(threadle::go(|| ()).id(), threadle::go(|| ()).id()));
    /// ```
    pub fn id(&self) -> u64 {
        self.join.id()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// Never blocks and does not switch.
    ///
    /// # Panics
    /// If it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(!this.join.was_polled_ready(), "a JoinHandle was polled after it was ready");
        this.join.poll(context).map(outcome)
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id()).field("finished", &self.is_finished()).finish()
    }
}

/// Waits until the goroutine has ended, or the context has. **Switches.**
#[track_caller]
pub(crate) fn wait_until_ended<T>(join: &mut Join<T>, context: &Context) -> Result<(), ContextError> {
    let watch = Watch::new(context)?;
    while !join.is_finished() {
        let parking = Parking::open(Reason::Join);
        // Refused where it is just ending: it is asked again. One that gives up leaves its ticket there, which is stale then.
        if join.on_end(parking.ticket()) {
            watch.park(parking, None);
            if !join.is_finished() {
                watch.check()?;
            }
        }
    }
    Ok(())
}

pub(crate) fn outcome<T>(ended: Ended<T>) -> Result<T, JoinError> {
    Err(JoinError(match ended {
        Ended::Returned(value) => return Ok(value),
        Ended::Panicked(payload) => Repr::Panic(payload),
        Ended::Abandoned => Repr::Abandoned,
        Ended::NoStack(why) => Repr::NoStack(why),
    }))
}

/// Writes that somebody panicked, and with what text, if it was one.
pub(crate) fn told(f: &mut fmt::Formatter<'_>, what: &str, payload: &(dyn Any + Send)) -> fmt::Result {
    match payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str)) {
        Some(text) => write!(f, "{what}: {text}"),
        None => f.write_str(what),
    }
}

/// Why a goroutine gave no result.
///
/// ```
/// threadle::run(|| {
///     let error = threadle::go(|| if true { panic!("no") }).join().unwrap_err();
///     assert_eq!(error.to_string(), "the goroutine panicked: no");
/// });
/// ```
pub struct JoinError(Repr);

enum Repr {
    Panic(Box<dyn Any + Send>),
    Abandoned,
    NoStack(String),
}

// SAFETY: a shared error gives out no reference to the payload, which need not be Sync: only its text is looked at, and strings are Sync.
unsafe impl Sync for JoinError {}

impl JoinError {
    /// It panicked.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let handle = threadle::go(|| if true { panic!("no") });
    ///     assert!(handle.join().unwrap_err().is_panic());
    /// });
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Repr::Panic(_))
    }

    /// What it panicked with, for `std::panic::resume_unwind`.
    ///
    /// # Panics
    /// If it did not panic.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let error = threadle::go(|| if true { panic!("no") }).join().unwrap_err();
    ///     assert_eq!(error.into_panic().downcast_ref(), Some(&"no"));
    /// });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.0 {
            Repr::Panic(payload) => payload,
            _ => panic!("the goroutine did not panic: {self}"),
        }
    }

    /// Its runtime ended before it did.
    ///
    /// ```
    /// let waits_for_ever = threadle::run(|| threadle::go(|| threadle::chan::never::<u8>().recv()));
    /// assert!(waits_for_ever.join().unwrap_err().is_abandoned());
    /// ```
    pub fn is_abandoned(&self) -> bool {
        matches!(self.0, Repr::Abandoned)
    }

    /// It never ran: there was no stack (or, for a locked one, no thread) for a second. The error's text names the limit.
    ///
    /// ```
    /// threadle::run(|| {
    ///     // So much there is not in any address space.
    ///     let handle = threadle::GoBuilder::new().stack_size(1 << 50).go(|| ());
    ///     assert!(handle.join().unwrap_err().is_no_stack());
    /// });
    /// ```
    pub fn is_no_stack(&self) -> bool {
        matches!(self.0, Repr::NoStack(_))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Panic(payload) => told(f, "the goroutine panicked", &**payload),
            Repr::Abandoned => f.write_str("the goroutine was abandoned: its runtime has ended"),
            Repr::NoStack(why) => write!(f, "the goroutine never ran: {why}"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}
