//! What travels to a worker: a closure, and who is to be told.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crate::chan::Sender;

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ran {
    Returned,
    Panicked,
}

/// A job of whatever type. `Any`, so that one that is refused can be given back as what it was.
pub(super) trait Work: Any + Send {
    /// Runs the job, whose panic it catches; calls `done` once; then tells who is to be told.
    fn run(self: Box<Self>, done: &dyn Fn(Ran));
}

/// Nobody is told.
pub(super) struct Untold<F>(pub(super) F);

impl<F: FnOnce() + Send + 'static> Work for Untold<F> {
    fn run(self: Box<Self>, done: &dyn Fn(Ran)) {
        let call = self.0;
        // Nothing that a panic has left half done is looked at again: the job is gone.
        let result = catch_unwind(AssertUnwindSafe(call));
        done(if result.is_ok() { Ran::Returned } else { Ran::Panicked });
        // What it panicked with is dropped last: that may panic, too.
        drop(result);
    }
}

/// A [`JobHandle`](super::JobHandle) is told.
pub(super) struct Told<F, T> {
    pub(super) call: F,
    pub(super) result: Sender<thread::Result<T>>,
    /// Gone after the result was sent, or with the job.
    pub(super) pending: Arc<()>,
}

impl<F, T> Work for Told<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Box<Self>, done: &dyn Fn(Ran)) {
        let Told { call, result, pending } = *self;
        let outcome = catch_unwind(AssertUnwindSafe(call));
        done(if outcome.is_ok() { Ran::Returned } else { Ran::Panicked });
        // There is room for it; it comes back if the handle is gone, and is dropped here.
        let unwanted = result.try_send(outcome);
        drop(pending);
        drop(unwanted);
    }
}

/// The job as what it was before it was boxed.
pub(super) fn unboxed<W: Work>(job: Box<dyn Work>) -> W {
    let job: Box<dyn Any> = job;
    match job.downcast::<W>() {
        Ok(job) => *job,
        Err(_) => unreachable!("a channel gives back the value that it refused"),
    }
}
