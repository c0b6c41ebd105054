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

use super::state::Epoch;
use super::{G, Undo};
use crate::locals;
use crate::prefetch::prefetch;
use crate::stack::{self, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// What a goroutine wants of the M it hands the thread back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// Commit the park it has open: `Frame::parks`.
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

/// What a goroutine has of its own while it has a stack, at the head of that stack: above the first frame, in the page that is in use as long
/// as anything runs there (docs/decisions/0027). What every switch touches fills the first line; the line below has the link that corosensei
/// follows then.
#[repr(C, align(64))]
pub(crate) struct Frame {
    coroutine: ManuallyDrop<Coroutine<&'static G, Command, (), Stack>>,
    pub(crate) switch: *const Switch,
    /// The park in which it leaves its stack: written before it does, read by the M's loop before the commit.
    pub(crate) parks: Epoch,
    /// Its `local!` values; null: none yet.
    pub(crate) locals: *mut locals::Table,
    /// How to take it out of what it waits in, and to return what it was woken with, should that wait never return.
    pub(crate) undo: Option<Undo>,
    /// Of its stack: for the message of an overflow.
    owner: &'static AtomicPtr<()>,
}

/// So many lines of the frames at the bottom of a stack are fetched.
const FIRST_FRAMES: usize = 5;
/// So many of the frame in which a goroutine waits, of which so many are below what it told the M of.
const LAST_FRAME: usize = 7;
const BELOW: usize = 2;

const _: () = assert!(size_of::<Frame>() <= stack::HEAD && align_of::<Frame>() <= stack::HEAD_ALIGN);

/// A stack with the saved registers of the goroutine that runs there, or is to: it owns both, and the [`Frame`] through which they are
/// reached.
pub(crate) struct Context(NonNull<Frame>);

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
        let head = stack.head().cast::<Frame>();
        let frame = Frame {
            coroutine: ManuallyDrop::new(Coroutine::with_stack(stack, run_all)),
            switch: ptr::null(),
            parks: Epoch::NONE,
            locals: ptr::null_mut(),
            undo: None,
            owner,
        };
        // SAFETY: the head is large and aligned enough, as asserted above, and belongs to whoever has the stack, which is this context now.
        // What lay there was moved out, or is of a goroutine that has ended.
        unsafe { head.write(frame) };
        Context(head)
    }

    /// Whose fields but the coroutine belong to the owner of the goroutine.
    #[inline]
    pub(crate) fn frame(&self) -> *mut Frame {
        self.0.as_ptr()
    }

    /// Says whose stack it is from here on.
    pub(crate) fn set_owner(&self, g: &'static G) {
        // Relaxed: the reader that counts is the handler of a fault on this very stack, in the thread that runs on it.
        // SAFETY: written in `new`, and there as long as the context is.
        unsafe { (*self.frame()).owner }.store(ptr::from_ref(g).cast_mut().cast(), Relaxed);
    }

    /// Whether it can run another goroutine after `Exit`.
    pub(crate) fn is_reusable(&self) -> bool {
        // SAFETY: there since `new`, and nobody resumes it meanwhile: who has the context is its owner.
        let coroutine = unsafe { &(*self.frame()).coroutine };
        !coroutine.done()
    }

    /// The stack, for other uses.
    ///
    /// # Safety
    /// It runs no goroutine: it is new, or the last `resume` gave `Exit`.
    pub(crate) unsafe fn into_stack(self) -> Stack {
        // SAFETY: there since `new`. It is moved out this once, for the context goes; the rest of the frame has no Drop.
        let mut coroutine = ManuallyDrop::into_inner(unsafe { ptr::read(&raw const (*self.frame()).coroutine) });
        // SAFETY: it has returned, or it stands in `new`'s loop, where nothing that has a Drop is alive.
        unsafe { coroutine.force_reset() };
        coroutine.into_stack()
    }
}

/// A cache line.
type Line = [u8; 64];

/// Asks for the frame.
pub(super) fn prefetch_head(frame: *const Frame) {
    let head = frame.cast::<Line>();
    prefetch(head);
    prefetch(head.wrapping_add(1));
}

/// Asks for what a goroutine that waits returns through: the frames at the bottom of its stack, and the one it waits in, with its registers.
///
/// # Safety
/// `frame` is that of a goroutine that has a stack, does not run, and is the caller's: nobody else writes what is in it.
pub(super) unsafe fn prefetch_frames(frame: *const Frame) {
    let head = frame.cast::<Line>();
    for below in 1..=FIRST_FRAMES {
        prefetch(head.wrapping_sub(below));
    }
    // SAFETY: as the caller says.
    if let Some(undo) = unsafe { (*frame).undo } {
        // It lies in the frame that waits.
        let waits = undo.as_ptr().cast::<Line>();
        for line in 0..LAST_FRAME {
            prefetch(waits.wrapping_add(line).wrapping_sub(BELOW));
        }
    }
}

/// Runs a goroutine on the calling thread until it hands the thread back: always the same, from the first time until `Exit`.
///
/// Always inlined: a `call` on one stack whose `ret` is on another spoils the processor's prediction of both.
///
/// # Safety
/// The frame is that of the context of `g`, which the caller owns and which does not run.
#[inline(always)]
pub(crate) unsafe fn resume(frame: *mut Frame, g: &'static G) -> Command {
    debug_assert!(!frame.is_null(), "{g:?} has no stack");
    // SAFETY: there since `Context::new`; the caller's alone, since the goroutine itself touches the other fields only.
    let coroutine = unsafe { &mut (*frame).coroutine };
    match coroutine.resume(g) {
        CoroutineResult::Yield(command) => command,
        CoroutineResult::Return(()) => Command::Exit,
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
