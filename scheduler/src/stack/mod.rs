#![doc = include_str!("README.md")]

mod cache;
mod guard;
mod no_stack;
pub(crate) mod overflow;
mod pool;
mod size;
mod slab;
#[cfg(test)]
mod tests;

use crate::prefetch::prefetch;
use std::fmt;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use corosensei::stack::StackPointer;

pub(crate) use self::cache::Cache;
pub(crate) use self::no_stack::NoStack;
pub(crate) use self::pool::trim;
use self::size::Class;
pub(crate) use self::size::{DEFAULT_SIZE, HEAD, HEAD_ALIGN};
use self::slab::{Slab, StackId};

/// A stack for one goroutine: mapped, guarded, and of nobody else.
///
/// Dropping it gives it back to the pool. What must stay mapped for good, as a goroutine that was abandoned with
/// borrows into its stack, is forgotten.
pub(crate) struct Stack {
    /// Where the first frame begins, below the head: asked for at every switch, so it is not worked out anew each time.
    base: StackPointer,
    slab: &'static Slab,
    index: u32,
}

impl Stack {
    /// The handle of a stack that the pool hands out.
    fn new(slab: &'static Slab, index: u32) -> Stack {
        Stack { base: non_null(slab.base(index)), slab, index }
    }

    /// The usable bytes.
    pub(crate) fn size(&self) -> usize {
        self.slab.shape().size
    }

    /// [`HEAD`] bytes above the first frame, of whoever has the stack: mapped for good, zero or what was there last.
    pub(crate) fn head(&self) -> NonNull<u8> {
        NonNull::new(self.slab.base(self.index)).expect("a slab never lies at address 0")
    }

    /// Where it is written who runs on the stack: what [`overflow::Describe`] gets to see when it overflows. Forgotten
    /// when the stack is given back.
    pub(crate) fn owner_place(&self) -> &'static AtomicPtr<()> {
        self.slab.owner_place(self.index)
    }

    pub(crate) fn set_owner(&self, owner: *const ()) {
        // Relaxed: the reader that counts is the handler of a fault on this very stack, in the thread that runs on it.
        self.owner_place().store(owner.cast_mut(), Ordering::Relaxed);
    }

    /// Who runs on the stack; null for nobody.
    #[cfg(test)]
    pub(crate) fn owner(&self) -> *const () {
        self.slab.owner(self.index)
    }

    fn id(&self) -> StackId {
        StackId::new(self.slab.number(), self.index)
    }

    fn class(&self) -> Class {
        self.slab.shape().class
    }

    /// Takes the stack apart without giving it back.
    fn into_id(self) -> StackId {
        let id = self.id();
        std::mem::forget(self);
        id
    }

    /// Asks for what `is_deep` looks at.
    fn prefetch_canary(&self) {
        let canary = self.slab.canary(self.index);
        prefetch(canary);
        // It is longer than a line.
        prefetch(canary.wrapping_add(1).cast::<u64>().wrapping_sub(1));
    }

    fn is_deep(&self) -> bool {
        // SAFETY: a `Stack` exists once per stack, and this one is not running a coroutine, as that would own it.
        unsafe { self.slab.is_deep(self.index) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        pool::give_back(self);
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bottom, top) = (self.slab.bottom(self.index), self.slab.top(self.index));
        formatter.debug_struct("Stack").field("id", &self.id()).field("usable", &(bottom..top)).finish()
    }
}

// SAFETY: from `limit` up to the usable part lies a guard that faults on every access: no stack leaves the pool
// before it is up, and nothing takes it down. The smallest class is 32 KiB, more than `MIN_STACK_SIZE`. Both
// addresses are multiples of 64, more than `STACK_ALIGNMENT`. The memory is mapped as long as the process lives and
// used by the owner of this handle alone.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> StackPointer {
        self.base
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        non_null(self.slab.limit(self.index))
    }
}

#[inline]
fn non_null(address: *mut u8) -> NonZeroUsize {
    NonZeroUsize::new(address.expose_provenance()).expect("a slab never lies at address 0")
}

/// A stack of at least `size` bytes out of the pool that all runtimes of the process share.
///
/// The size is rounded up to the next class: a power of two from 32 KiB up. Never switches; may take a lock and call
/// the kernel.
///
/// # Errors
///
/// [`NoStack`] says which limit was hit.
pub(crate) fn take(size: usize) -> Result<Stack, NoStack> {
    let mut stacks = Vec::with_capacity(1);
    pool::take(Class::of(size)?, 1, &mut stacks)?;
    Ok(stacks.pop().expect("the pool hands out at least one stack where it reports no error"))
}

/// Gives a stack back to the pool. What ran on it must have ended.
pub(crate) fn give_back(stack: Stack) {
    drop(stack);
}

/// Nobody.
const NO_OWNER: *const () = ptr::null();
