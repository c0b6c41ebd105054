//! Tests of the stacks. What kills the process, or counts something the whole process has, happens in a child: the
//! test program, started again for one test.

mod child;
mod guards;
mod overflow;
mod pools;

use std::io;

use corosensei::stack::Stack as _;

use super::Stack;

/// Whether the kernel can read a byte there; a guard cannot be read.
fn is_readable(address: usize) -> bool {
    let mut pipe = [0; 2];
    // SAFETY: `pipe` is room for two descriptors.
    assert_eq!(unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: the kernel checks the address itself and answers EFAULT where nothing can be read; one byte fits into
    // the pipe.
    let count = unsafe { libc::write(pipe[1], std::ptr::with_exposed_provenance(address), 1) };
    let error = io::Error::last_os_error();
    for descriptor in pipe {
        // SAFETY: opened above, and known to nobody else.
        unsafe { libc::close(descriptor) };
    }
    assert!(count == 1 || error.raw_os_error() == Some(libc::EFAULT), "{error}");
    count == 1
}

/// The usable part of a stack.
#[expect(clippy::mut_from_ref, reason = "the memory is no part of the handle")]
fn usable(stack: &Stack) -> &mut [u8] {
    let bottom = stack.slab.bottom(stack.index);
    // SAFETY: the usable part is mapped, initialised by the kernel, and in these tests used by whoever holds the
    // stack alone, one slice at a time.
    unsafe { std::slice::from_raw_parts_mut(bottom, stack.size()) }
}

fn address(stack: &Stack) -> usize {
    stack.limit().get()
}
