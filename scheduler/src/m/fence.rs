//! Two fences that pair with each other, one of them nearly free.
//!
//! `light` stands on a path that is run millions of times a second, `heavy` on one that is run a few thousand times a
//! second at most. Together they do what two `fence(SeqCst)` would: of two threads that each store, fence and load, at
//! least one sees the other's store. Where the kernel has `membarrier(PRIVATE_EXPEDITED)`, the light one only keeps the compiler
//! from reordering, and the heavy one makes every running thread of the process pass a full barrier. Elsewhere, and
//! under loom, both are `fence(SeqCst)`.

use crate::sync::atomic::{Ordering::SeqCst, fence};
#[cfg(not(loom))]
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed, compiler_fence},
};

/// Whether `light` may leave the work to `heavy`.
#[cfg(not(loom))]
static ASYMMETRIC: AtomicBool = AtomicBool::new(false);
#[cfg(not(loom))]
static BARRIER: OnceLock<fn()> = OnceLock::new();

/// Has the kernel do the light fence's work from now on.
///
/// # Safety
/// `barrier` makes every thread of the process that runs at the time execute a full memory barrier before it returns,
/// and is itself one; it may not fail. No thread is between a `light` and a `heavy` fence that belong together: called
/// before the first M and the first monitor of the process start.
#[cfg(not(loom))]
pub(crate) unsafe fn use_membarrier(barrier: fn()) {
    if BARRIER.set(barrier).is_ok() {
        ASYMMETRIC.store(true, Relaxed);
    }
}

/// The cheap side: about a third of a nanosecond with the kernel's help.
#[inline(always)]
pub(crate) fn light() {
    #[cfg(not(loom))]
    if ASYMMETRIC.load(Relaxed) {
        return compiler_fence(SeqCst);
    }
    fence(SeqCst);
}

/// The dear side: 0.4 us on an idle machine, around 10 us while a sibling core is busy.
pub(crate) fn heavy() {
    #[cfg(not(loom))]
    if let Some(barrier) = BARRIER.get() {
        barrier();
    }
    // Also after the kernel's: whoever stands here pairs with a `light` from before the switch, too.
    fence(SeqCst);
}
