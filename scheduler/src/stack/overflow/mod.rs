//! Telling an overflow from any other fault, and saying whose it was.

mod alt_stack;
mod writer;

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use libc::{c_int, c_void, sigaction, siginfo_t};

pub(crate) use self::alt_stack::AltStack;
pub(crate) use self::writer::SignalWriter;
use super::slab;

/// How to speak of the owner of a stack ([`super::Stack::set_owner`]), which is never null here. Both functions run
/// in a signal handler, on the thread whose stack has overflowed: they must not allocate, lock or panic.
#[derive(Debug)]
pub(crate) struct Describe {
    /// Writes what follows the word `goroutine`: `42 "name"`.
    pub(crate) who: fn(owner: *const (), out: &mut SignalWriter),
    /// Writes where it was spawned: `src/main.rs:7`.
    pub(crate) spawned_at: fn(owner: *const (), out: &mut SignalWriter),
}

/// The signals a guard may raise: which of the two depends on the platform.
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// What was there before us, in the order of [`SIGNALS`].
static PREVIOUS: [OnceLock<sigaction>; 2] = [const { OnceLock::new() }; 2];

static DESCRIBE: OnceLock<&'static Describe> = OnceLock::new();

/// Installs the handler of the process. The first call does it, and its `describe` counts; later ones do nothing.
///
/// Threads that run goroutines need an [`AltStack`] besides.
///
/// # Errors
///
/// The kernel refused the handler; a later call tries again.
pub(crate) fn install(describe: &'static Describe) -> io::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return Ok(());
    }
    DESCRIBE.get_or_init(|| describe);
    for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
        // The order matters: a fault between the two calls must find where to go on to.
        let before = change_action(signal, None)?;
        previous.get_or_init(|| before);
        change_action(signal, Some(&our_action()))?;
    }
    *installed = true;
    Ok(())
}

fn our_action() -> sigaction {
    // SAFETY: `sigaction` is plain numbers, for which zero is valid: no flags, an empty mask.
    let mut action: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handle as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

fn default_action() -> sigaction {
    // SAFETY: as in `our_action`.
    let mut action: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = libc::SIG_DFL;
    action
}

/// Tells the action of a signal, and sets another if one is named. Async-signal-safe.
fn change_action(signal: c_int, new: Option<&sigaction>) -> io::Result<sigaction> {
    let mut previous = MaybeUninit::<sigaction>::uninit();
    // SAFETY: `new` is null or a whole `sigaction` whose handler is async-signal-safe: ours, the default, or one that
    // was installed before. `previous` is a valid place for the answer.
    let result = unsafe { libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), previous.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded and filled it in.
    Ok(unsafe { previous.assume_init() })
}

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel calls a handler that was installed with SA_SIGINFO with a valid pointer.
    let information = unsafe { &*info };
    if is_fault(information) {
        // SAFETY: for a fault the kernel filled in the address.
        let address = unsafe { information.si_addr() };
        if let Some((slab, index)) = slab::stack_guarded_at(address.addr()) {
            report(slab.owner(index), slab.shape().size);
            abort();
        }
    }
    pass_on(signal, info, context);
}

/// Whether the signal comes from an instruction of this thread, not from `kill`.
fn is_fault(information: &siginfo_t) -> bool {
    information.si_code > 0
}

fn report(owner: *const (), size: usize) {
    let mut out = SignalWriter::new();
    let describe = DESCRIBE.get().filter(|_| !owner.is_null());
    out.str("goroutine ");
    match describe {
        Some(describe) => (describe.who)(owner, &mut out),
        None => out.str("(unknown)"),
    }
    out.str(" overflowed its ");
    let (count, unit) = if size >= 1 << 20 { (size >> 20, " MiB") } else { (size >> 10, " KiB") };
    out.decimal(count as u64);
    out.str(unit);
    out.str(" stack");
    if let Some(describe) = describe {
        out.str(", spawned at ");
        (describe.spawned_at)(owner, &mut out);
    }
    out.str("\n");
    out.flush();
}

/// Ends the process by SIGABRT, whatever handler there is for it: nothing of the program may run on.
fn abort() -> ! {
    // A failure would leave a handler for SIGABRT in place, after which `abort` ends the process all the same.
    let _ = change_action(libc::SIGABRT, Some(&default_action()));
    // SAFETY: has no preconditions, and is async-signal-safe.
    unsafe { libc::abort() }
}

/// Does what would have happened without us.
fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let previous = SIGNALS.iter().position(|&ours| ours == signal).and_then(|place| PREVIOUS[place].get());
    // SAFETY: the kernel gave us a valid pointer.
    let fault = is_fault(unsafe { &*info });
    match previous {
        // The kernel lets nobody ignore a fault; what others send may be ignored.
        Some(action) if action.sa_sigaction == libc::SIG_IGN && !fault => {}
        Some(action) if action.sa_sigaction == libc::SIG_IGN || action.sa_sigaction == libc::SIG_DFL => {
            step_aside(signal, fault, action)
        }
        None => step_aside(signal, fault, &default_action()),
        Some(action) if action.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the previous owner of the signal said so by the flag.
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                unsafe { std::mem::transmute(action.sa_sigaction) };
            handler(signal, info, context);
        }
        Some(action) => {
            // SAFETY: without the flag, and being neither default nor ignore, it is a handler of one argument.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(action.sa_sigaction) };
            handler(signal);
        }
    }
}

/// Brings the previous action back. A fault then happens again as soon as the handler returns; a signal somebody sent
/// has to be sent again.
fn step_aside(signal: c_int, fault: bool, action: &sigaction) {
    // A failure is impossible for an action the kernel gave us; if it happened, the signal would come again and be
    // tried again.
    let _ = change_action(signal, Some(action));
    if !fault {
        // SAFETY: has no preconditions, and is async-signal-safe. The signal is blocked until the handler returns.
        unsafe { libc::raise(signal) };
    }
}
