//! The one place that switches stacks: corosensei's coroutine around a goroutine's body.
//!
//! `resume` runs on the M's own stack and comes back when the goroutine has left its stack, with the [`Command`] it left behind; the M's
//! loop then does what the command says. So nothing a goroutine asks for happens before its stack is quiet (R8).
//!
//! A suspended coroutine is never dropped: corosensei would unwind it, on whatever thread that happens to be. An abandoned goroutine keeps
//! its stack for good, so [`Context`] holds the coroutine in `ManuallyDrop` and takes the stack back only after the end.
//!
//! A context outlives its goroutine: the coroutine runs one body after the other, and asks for the next by [`Command::Exit`]. So who starts a
//! goroutine where one has just ended need not build a first frame on a stack that has one (docs/decisions/0023).

use super::G;
use crate::stack::Stack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// What a goroutine wants of the M it hands the thread back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// Commit the park it has open: `Own::parks`.
    Park,
    /// To the tail of the queue.
    Yield,
    /// As `Yield`, but its slice is over: behind everybody.
    Preempted,
    /// Its body has run: the context may run another's.
    Exit,
}

/// What a suspended goroutine is resumed through.
pub(crate) type Switch = Yielder<&'static G, Command>;

/// A stack with the saved registers of the goroutine that runs there, or is to.
pub(crate) struct Context {
    coroutine: ManuallyDrop<Coroutine<&'static G, Command, (), Stack>>,
    /// Of its stack: for the message of an overflow.
    owner: &'static AtomicPtr<()>,
}

impl Context {
    /// A context whose every goroutine runs `body`, which is told where its switch lies and must not unwind.
    pub(crate) fn new(stack: Stack, body: fn(&'static G, *const Switch)) -> Context {
        let owner = stack.owner_place();
        let run_all = move |switch: &Switch, mut g: &'static G| {
            loop {
                body(g, switch);
                // The sanitizer would take this frame for alive when the stack has other uses.
                if cfg!(feature = "sanitizer") {
                    return;
                }
                g = switch.suspend(Command::Exit);
            }
        };
        Context { coroutine: ManuallyDrop::new(Coroutine::with_stack(stack, run_all)), owner }
    }

    /// Says whose stack it is from here on.
    pub(crate) fn set_owner(&self, g: &'static G) {
        // Relaxed: the reader that counts is the handler of a fault on this very stack, in the thread that runs on it.
        self.owner.store(ptr::from_ref(g).cast_mut().cast(), Relaxed);
    }

    /// Runs the goroutine on the calling thread until it hands the thread back: always the same, from the first time until `Exit`.
    ///
    /// Always inlined: a `call` on one stack whose `ret` is on another spoils the processor's prediction of both.
    #[inline(always)]
    pub(crate) fn resume(&mut self, g: &'static G) -> Command {
        match self.coroutine.resume(g) {
            CoroutineResult::Yield(command) => command,
            CoroutineResult::Return(()) => Command::Exit,
        }
    }

    /// Whether it can run another goroutine after `Exit`.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.coroutine.done()
    }

    /// The stack, for other uses.
    ///
    /// # Safety
    /// It runs no goroutine: it is new, or the last `resume` gave `Exit`.
    pub(crate) unsafe fn into_stack(self) -> Stack {
        let mut coroutine = ManuallyDrop::into_inner(self.coroutine);
        // SAFETY: it has returned, or it stands in `new`'s loop, where nothing that has a Drop is alive.
        unsafe { coroutine.force_reset() };
        coroutine.into_stack()
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
    unsafe { (*switch).suspend(command) };
}
