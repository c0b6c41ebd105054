//! The one place that switches stacks: corosensei's coroutine around a goroutine's body.
//!
//! `resume` runs on the M's own stack and comes back when the goroutine has left its stack, with the [`Command`] it left behind; the M's
//! loop then does what the command says. So nothing a goroutine asks for happens before its stack is quiet (R8).
//!
//! A suspended coroutine is never dropped: corosensei would unwind it, on whatever thread that happens to be. An abandoned goroutine keeps
//! its stack for good, so [`Context`] holds the coroutine in `ManuallyDrop` and takes the stack back only after the end.

use super::G;
use super::state::Epoch;
use crate::stack::Stack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::mem::ManuallyDrop;

/// What a goroutine wants of the M it hands the thread back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// Commit this park.
    Park(Epoch),
    /// To the tail of the queue.
    Yield,
    /// As `Yield`, but its slice is over: behind everybody.
    Preempted,
    /// Its body has run.
    Exit,
}

/// What a suspended goroutine is resumed through.
pub(crate) type Switch = Yielder<(), Command>;

/// A goroutine's stack with its saved registers.
pub(crate) struct Context(ManuallyDrop<Coroutine<(), Command, (), Stack>>);

impl Context {
    /// A context that will run `body(g)` when first resumed. `body` is told where its switch lies and must not unwind.
    pub(crate) fn new(stack: Stack, g: &'static G, body: fn(&'static G, *const Switch)) -> Context {
        Context(ManuallyDrop::new(Coroutine::with_stack(stack, move |switch: &Switch, ()| body(g, switch))))
    }

    /// Runs the goroutine on the calling thread until it hands the thread back.
    ///
    /// Always inlined: a `call` on one stack whose `ret` is on another spoils the processor's prediction of both.
    #[inline(always)]
    pub(crate) fn resume(&mut self) -> Command {
        match self.0.resume(()) {
            CoroutineResult::Yield(command) => command,
            CoroutineResult::Return(()) => Command::Exit,
        }
    }

    /// The stack of a goroutine that has ended.
    pub(crate) fn into_stack(self) -> Stack {
        debug_assert!(self.0.done(), "the stack of a goroutine that has not ended");
        ManuallyDrop::into_inner(self.0).into_stack()
    }
}

/// Hands the thread back to the M. Returns when some M resumes the goroutine, in migrating mode perhaps on another thread: nothing read
/// from the M or from a thread-local before may be used after.
///
/// # Safety
/// `switch` is what `body` got, and the caller runs on that goroutine's stack.
#[inline(always)]
pub(crate) unsafe fn suspend(switch: *const Switch, command: Command) {
    // SAFETY: the yielder lies at the base of this very stack for as long as the body runs.
    unsafe { (*switch).suspend(command) }
}
