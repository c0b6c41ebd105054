//! The overflow message, and that other faults are left alone.

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use corosensei::Coroutine;

use super::super::overflow::{AltStack, Describe, SignalWriter, install};
use super::super::take;
use super::child;

struct Owner {
    number: u64,
    name: &'static str,
}

static DESCRIBE: Describe = Describe { who, spawned_at };

fn who(owner: *const (), out: &mut SignalWriter) {
    // SAFETY: the tests set no other owners than references to a static `Owner`.
    let owner = unsafe { &*owner.cast::<Owner>() };
    out.decimal(owner.number);
    out.str(" \"");
    out.str(owner.name);
    out.str("\"");
}

fn spawned_at(_: *const (), out: &mut SignalWriter) {
    out.str("src/main.rs:7");
}

/// Says something, as the unconditional recursion would otherwise be optimised into a loop.
fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    if black_box(depth) == usize::MAX {
        return 0;
    }
    recurse(depth + 1) + frame[depth % 64]
}

fn overflow_a_goroutine(size: usize, owner: Option<&'static Owner>) {
    install(&DESCRIBE).expect("installed");
    let thread = std::thread::spawn(move || {
        let _alt_stack = AltStack::install().expect("installed");
        let stack = take(size).expect("a stack");
        if let Some(owner) = owner {
            stack.set_owner(std::ptr::from_ref(owner).cast());
        }
        let mut coroutine = Coroutine::<(), (), usize, _>::with_stack(stack, |_, ()| recurse(0));
        assert!(coroutine.resume(()).as_return().is_none(), "went on");
    });
    drop(thread.join());
}

#[track_caller]
fn expect_abort(output: &Output, message: &str) {
    let text = child::stderr(output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    assert!(text.contains(message), "{text}");
}

static FORTY_TWO: Owner = Owner { number: 42, name: "reader" };

#[test]
fn an_overflow_names_the_goroutine() {
    let output = child::run(module_path!(), "an_overflow_names_the_goroutine", &[], || {
        overflow_a_goroutine(256 * 1024, Some(&FORTY_TWO))
    });
    expect_abort(&output, "goroutine 42 \"reader\" overflowed its 256 KiB stack, spawned at src/main.rs:7\n");
}

#[test]
fn an_overflow_by_mprotect_names_the_goroutine() {
    let output = child::run(
        module_path!(),
        "an_overflow_by_mprotect_names_the_goroutine",
        &[("THREADLE_STACK_GUARD", "mprotect")],
        || {
            overflow_a_goroutine(1 << 20, Some(&FORTY_TWO));
        },
    );
    expect_abort(&output, "goroutine 42 \"reader\" overflowed its 1 MiB stack, spawned at src/main.rs:7\n");
}

#[test]
fn an_overflow_without_an_owner_is_told_too() {
    let output = child::run(module_path!(), "an_overflow_without_an_owner_is_told_too", &[], || {
        overflow_a_goroutine(64 * 1024, None)
    });
    expect_abort(&output, "goroutine (unknown) overflowed its 64 KiB stack\n");
}

extern "C" fn leave_quietly(_: libc::c_int) {
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(0) };
}

#[test]
fn a_handler_for_sigabrt_does_not_keep_an_overflow_alive() {
    let output = child::run(module_path!(), "a_handler_for_sigabrt_does_not_keep_an_overflow_alive", &[], || {
        // SAFETY: the handler is async-signal-safe.
        unsafe { libc::signal(libc::SIGABRT, leave_quietly as extern "C" fn(libc::c_int) as usize) };
        overflow_a_goroutine(64 * 1024, Some(&FORTY_TWO));
    });
    expect_abort(&output, "overflowed");
}

fn dereference_null() {
    // SAFETY: none: this is the fault the test is about. Past the first bytes, as the compiler may know the address 0.
    unsafe { black_box(std::ptr::without_provenance_mut::<u8>(8)).write_volatile(1) };
}

#[test]
fn a_null_dereference_is_not_swallowed() {
    let output = child::run(module_path!(), "a_null_dereference_is_not_swallowed", &[], || {
        install(&DESCRIBE).expect("installed");
        let _alt_stack = AltStack::install().expect("installed");
        let mut coroutine =
            Coroutine::<(), (), (), _>::with_stack(take(64 * 1024).expect("a stack"), |_, ()| dereference_null());
        assert!(coroutine.resume(()).as_return().is_none(), "went on");
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
    assert!(!child::stderr(&output).contains("overflowed"), "{}", child::stderr(&output));
}

#[test]
fn a_thread_that_overflows_is_still_reported_by_std() {
    let output = child::run(module_path!(), "a_thread_that_overflows_is_still_reported_by_std", &[], || {
        install(&DESCRIBE).expect("installed");
        let thread = std::thread::Builder::new().name("deep".to_owned()).stack_size(256 * 1024).spawn(|| {
            let _alt_stack = AltStack::install().expect("installed");
            recurse(0)
        });
        drop(thread.expect("spawned").join());
    });
    expect_abort(&output, "thread 'deep'");
}

extern "C" fn previous_with_information(_: libc::c_int, information: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the handler is called with what the kernel gave; the rest has no preconditions.
    unsafe { libc::_exit(if (*information).si_addr().addr() == 8 { 33 } else { 34 }) };
}

#[test]
fn the_previous_handler_gets_other_faults_with_their_address() {
    let output = child::run(module_path!(), "the_previous_handler_gets_other_faults_with_their_address", &[], || {
        // SAFETY: plain numbers, for which zero is valid.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction =
            previous_with_information as extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler is async-signal-safe and takes what SA_SIGINFO gives it.
        assert_eq!(unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()) }, 0);
        install(&DESCRIBE).expect("installed");
        dereference_null();
    });
    assert_eq!(output.status.code(), Some(33), "{}", child::stderr(&output));
}

extern "C" fn previous_of_one_argument(signal: libc::c_int) {
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(signal) };
}

#[test]
fn the_previous_handler_may_take_one_argument() {
    let output = child::run(module_path!(), "the_previous_handler_may_take_one_argument", &[], || {
        // SAFETY: the handler is async-signal-safe.
        unsafe { libc::signal(libc::SIGSEGV, previous_of_one_argument as extern "C" fn(libc::c_int) as usize) };
        install(&DESCRIBE).expect("installed");
        dereference_null();
    });
    assert_eq!(output.status.code(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
}

fn with_previous(action: libc::sighandler_t, body: impl FnOnce()) {
    // SAFETY: the default, or to ignore it, is always possible.
    unsafe { libc::signal(libc::SIGSEGV, action) };
    install(&DESCRIBE).expect("installed");
    // A second time changes nothing, least of all the memory of what was there before.
    install(&DESCRIBE).expect("installed");
    body();
}

fn send_to_self() {
    // SAFETY: has no preconditions.
    unsafe { libc::raise(libc::SIGSEGV) };
}

#[test]
fn the_default_action_is_taken() {
    let output = child::run(module_path!(), "the_default_action_is_taken", &[], || {
        with_previous(libc::SIG_DFL, dereference_null)
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
}

#[test]
fn a_signal_that_was_sent_takes_the_default_action_too() {
    let output = child::run(module_path!(), "a_signal_that_was_sent_takes_the_default_action_too", &[], || {
        with_previous(libc::SIG_DFL, send_to_self)
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
}

#[test]
fn a_fault_cannot_be_ignored_but_a_sent_signal_can() {
    let output = child::run(module_path!(), "a_fault_cannot_be_ignored_but_a_sent_signal_can", &[], || {
        with_previous(libc::SIG_IGN, || {
            send_to_self();
            eprintln!("went on");
            dereference_null();
        });
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
    assert!(child::stderr(&output).contains("went on"), "{}", child::stderr(&output));
}

fn current_alt_stack() -> (usize, usize, bool) {
    // SAFETY: plain numbers and a pointer, for which zero is valid.
    let mut current: libc::stack_t = unsafe { std::mem::zeroed() };
    // SAFETY: asks only; `current` is a valid place for the answer.
    assert_eq!(unsafe { libc::sigaltstack(std::ptr::null(), &raw mut current) }, 0);
    (current.ss_sp.addr(), current.ss_size, current.ss_flags & libc::SS_DISABLE == 0)
}

#[test]
fn the_alternate_stack_is_large_kept_if_large_and_restored() {
    std::thread::spawn(|| {
        let before = current_alt_stack();
        {
            let _first = AltStack::install().expect("installed");
            let ours = current_alt_stack();
            assert!(ours.2 && ours.1 >= 32 * 1024 && ours.0 != before.0);
            assert!(!super::is_readable(ours.0 - 1), "guarded");
            {
                let _second = AltStack::install().expect("installed");
                assert_eq!(current_alt_stack(), ours, "a large one is kept");
            }
            assert_eq!(current_alt_stack(), ours);
        }
        assert_eq!(current_alt_stack(), before);
    })
    .join()
    .expect("the thread ends well");
}
