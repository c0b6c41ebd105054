//! What the system does when a signal comes.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// What `sigaction` knows of a signal.
#[derive(Clone, Copy)]
pub(super) struct Action(libc::sigaction);

impl Action {
    /// What is done now.
    pub(super) fn of(signal: i32) -> io::Result<Action> {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: `action` is room for one `sigaction`, and no new one is given.
        if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above succeeded and has filled it.
        Ok(Action(unsafe { action.assume_init() }))
    }

    /// The same on the alternate stack: a signal comes to whatever thread, and there may be a goroutine on it whose small stack has no room to spare.
    pub(super) fn on_alternate_stack(mut self) -> Action {
        self.0.sa_flags |= libc::SA_ONSTACK;
        self
    }

    /// Nothing is done.
    pub(super) fn nothing(mut self) -> Action {
        self.0.sa_sigaction = libc::SIG_IGN;
        self
    }

    /// Has it done from now on.
    ///
    /// # Safety
    /// It was in force for this signal before, but for the stack it runs on, or does nothing.
    pub(super) unsafe fn take_effect(self, signal: i32) -> io::Result<()> {
        // SAFETY: the handler, if there is one, was good for this signal before (the caller's promise), and does not care which stack it runs
        // on; a thread without an alternate stack takes no notice of the flag.
        match unsafe { libc::sigaction(signal, &self.0, ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.sa_sigaction {
            libc::SIG_DFL => "the default",
            libc::SIG_IGN => "nothing",
            _ => "a handler",
        })
    }
}
