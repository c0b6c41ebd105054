//! The stack a thread handles signals on.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use crate::stack::Stack;

/// What the handler needs, the signal frame of any CPU and the handler before us included. std gives its threads 8 KiB.
const ENOUGH: usize = 32 * 1024;

/// The alternate signal stack of the thread it was made on: a guarded one out of the slabs, where the thread has none
/// that is large enough.
///
/// Dropping it brings back the one the thread had. It stays on its thread.
#[derive(Debug)]
pub(crate) struct AltStack {
    _replaced: Option<Replaced>,
    /// `sigaltstack` is about the calling thread.
    not_send: PhantomData<*mut ()>,
}

#[derive(Debug)]
struct Replaced {
    previous: libc::stack_t,
    /// Taken out when the kernel no longer uses it.
    stack: Option<Stack>,
}

impl AltStack {
    /// Sees to it that the calling thread can handle signals while the stack it runs on is exhausted.
    ///
    /// # Errors
    ///
    /// There is no stack to be had (the error then holds a [`crate::stack::NoStack`]), or the thread is handling a
    /// signal on its alternate stack just now.
    pub(crate) fn install() -> io::Result<AltStack> {
        let previous = exchange(None)?;
        let enabled = previous.ss_flags & libc::SS_DISABLE == 0;
        if enabled && previous.ss_size >= ENOUGH {
            return Ok(AltStack { _replaced: None, not_send: PhantomData });
        }
        let stack = crate::stack::take(ENOUGH).map_err(io::Error::other)?;
        let new = libc::stack_t { ss_sp: stack.slab.bottom(stack.index).cast(), ss_flags: 0, ss_size: stack.size() };
        exchange(Some(&new))?;
        Ok(AltStack { _replaced: Some(Replaced { previous, stack: Some(stack) }), not_send: PhantomData })
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        if exchange(Some(&self.previous)).is_err() {
            // A signal is being handled on it: it must never be given to anybody else.
            std::mem::forget(self.stack.take());
        }
    }
}

/// Tells which alternate stack the calling thread has, and gives it another if one is named.
fn exchange(new: Option<&libc::stack_t>) -> io::Result<libc::stack_t> {
    let mut previous = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: `new` is null or describes memory that stays mapped for good and that nobody else uses: a stack of ours
    // that `Replaced` holds, or what the thread had before, which whoever installed it keeps until the thread ends.
    // `previous` is a valid place for the answer.
    let result = unsafe { libc::sigaltstack(new.map_or(ptr::null(), ptr::from_ref), previous.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded and filled it in.
    Ok(unsafe { previous.assume_init() })
}
