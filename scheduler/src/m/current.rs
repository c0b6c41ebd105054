//! The thread-local that says what a thread is to the runtime, and the one way to read it.
//!
//! Rust and LLVM take for granted that a function stays on one thread: the address of a thread-local computed before a switch may be used
//! again after it, on the wrong thread. So nothing in the runtime touches the variable but the functions below: each is never inlined,
//! works on the variable from its first instruction to its last, and gives out a value that the optimiser cannot see through
//! (`black_box`; `inline(never)` alone was measured not to be enough). What they return must not be used after a switch.
//!
//! The scheduler's other thread-locals are read in the same way, and only where a thread runs no goroutine or may not leave its stack:
//! the cell of a plain thread's waits (`park/thread.rs`) and its `local!` values (`locals/thread.rs`).

use super::M;
use crate::g::G;
use crate::runtime::Scheduler;
use std::cell::Cell;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[derive(Clone, Copy)]
struct Current {
    m: *const M,
    /// The runtime a plain thread works for: a helper that runs a goroutine's blocking call, or the monitor.
    scheduler: *const Scheduler,
    /// The runtime whose monitor it is. (Pointers alone: a value that no `bool` has would be looked for at each reading.)
    monitors: *const Scheduler,
}

/// A thread that has nothing to do with any runtime.
const PLAIN: Current = Current { m: ptr::null(), scheduler: ptr::null(), monitors: ptr::null() };

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(PLAIN) };
}

/// This process is a copy of one that had a runtime.
static FORKED: AtomicBool = AtomicBool::new(false);

/// Called in the child of a `fork`, by its only thread: the runtime's other threads did not come along, so the runtime is dead here. The
/// thread is a plain one from now on.
pub(crate) extern "C" fn after_fork() {
    FORKED.store(true, Relaxed);
    CURRENT.set(black_box(PLAIN));
}

/// Whether this process was forked off one that had a runtime.
#[inline]
pub(crate) fn forked() -> bool {
    FORKED.load(Relaxed)
}

/// The M this thread is, if it is one.
#[inline(never)]
pub(crate) fn m() -> Option<&'static M> {
    let m = black_box(CURRENT.get().m);
    // SAFETY: null, or set by `enter` to a `&'static M`.
    unsafe { m.as_ref() }
}

/// The runtime this thread works for.
#[inline(never)]
pub(crate) fn scheduler() -> Option<&'static Scheduler> {
    let current = CURRENT.get();
    // SAFETY: each is null or was set to a `&'static`.
    let scheduler = unsafe { current.m.as_ref().map(|m| m.scheduler()).or(current.scheduler.as_ref()) };
    black_box(scheduler)
}

/// The goroutine this thread runs, unless it is inside an announced call.
pub(crate) fn goroutine() -> Option<&'static G> {
    m().and_then(M::goroutine)
}

/// Whether what a new thread would inherit from this one is as it should be (`runtime/threads.rs`).
#[inline(never)]
pub(crate) fn may_make_threads(scheduler: &'static Scheduler) -> bool {
    let current = CURRENT.get();
    // SAFETY: null, or set by `become_m` to a `&'static M`.
    black_box(match unsafe { current.m.as_ref() } {
        Some(m) => ptr::eq(m.scheduler(), scheduler) && m.serves_everybody(),
        None => ptr::eq(current.monitors, scheduler),
    })
}

/// This thread becomes the monitor of a runtime.
#[inline(never)]
pub(crate) fn become_monitor(scheduler: &'static Scheduler) {
    CURRENT.set(black_box(Current { scheduler, monitors: scheduler, ..PLAIN }));
}

/// This thread becomes an M.
#[inline(never)]
pub(super) fn become_m(m: &'static M) {
    CURRENT.set(black_box(Current { m, scheduler: m.scheduler(), ..PLAIN }));
}

/// This thread is no M any more, and will end.
#[inline(never)]
pub(super) fn leave_m() {
    CURRENT.set(black_box(PLAIN));
}

/// Runs `f` on a plain thread that works for a runtime: spawns go there.
pub(crate) fn working_for<R>(scheduler: &'static Scheduler, f: impl FnOnce() -> R) -> R {
    struct Restore(Current);
    impl Drop for Restore {
        fn drop(&mut self) {
            exchange(self.0);
        }
    }
    let _restore = Restore(exchange(Current { scheduler, ..PLAIN }));
    f()
}

/// What this thread was before it became `next`.
#[inline(never)]
fn exchange(next: Current) -> Current {
    black_box(CURRENT.replace(black_box(next)))
}
