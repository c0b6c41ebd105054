//! Faults of memory: what is a goroutine's overflow says so, everything else stays what it was.

use std::hint::black_box;
use std::ptr;

use threadle::{GoBuilder, go};
use threadle_tests::{Mode, child};

/// Recurses until something ends it.
#[expect(unconditional_recursion, reason = "the overflow is what is looked at")]
#[inline(never)]
fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    descend(depth + 1) + frame[0]
}

/// A read through null, in C, where no check of a debug build is in its way.
fn read_through_null() {
    // SAFETY: it is not safe: strlen of null faults on every Linux, and to fault is what the caller, a child process, is for.
    black_box(unsafe { libc::strlen(black_box(ptr::null())) });
}

#[test]
fn overflow_names_the_goroutine() {
    const SPAWNED: u32 = line!() + 6;
    child::in_children(
        "overflow_names_the_goroutine",
        |_| {},
        |mode| {
            mode.run(threadle::Builder::new(), || {
                let deep = GoBuilder::new().name("deep").go(|| descend(0));
                deep.join().map(|_| ()).expect("the process ends first");
            });
        },
        |_, end| {
            end.died_of(libc::SIGABRT)
                .complained_of("goroutine ")
                .complained_of("\"deep\"")
                .complained_of("overflowed its");
            end.complained_of(&format!("{}:{SPAWNED}", file!()));
        },
    );
}

#[test]
fn overflow_of_a_small_stack_names_its_size() {
    child::in_children(
        "overflow_of_a_small_stack_names_its_size",
        |_| {},
        |mode| {
            mode.run(threadle::Builder::new(), || {
                let deep = GoBuilder::new().stack_size(64 << 10).go(|| descend(0));
                deep.join().map(|_| ()).expect("the process ends first");
            });
        },
        |_, end| {
            end.died_of(libc::SIGABRT).complained_of("overflowed its 64 KiB stack");
        },
    );
}

/// Goroutine 1 has a stack like the others.
#[test]
fn overflow_of_main() {
    child::in_children(
        "overflow_of_main",
        |_| {},
        |mode| {
            mode.run(threadle::Builder::new(), || descend(0));
        },
        |_, end| {
            end.died_of(libc::SIGABRT).complained_of("goroutine 1").complained_of("overflowed its");
        },
    );
}

#[test]
fn null_dereference_is_not_swallowed() {
    child::in_children(
        "null_dereference_is_not_swallowed",
        |_| {},
        |mode| {
            mode.run(threadle::Builder::new(), || {
                go(read_through_null).join().expect("the process ends first");
            });
        },
        |_, end| {
            end.died_of(libc::SIGSEGV).kept_quiet_about("overflowed");
        },
    );
}

/// The handler that was there before, std's, still has the say over plain threads.
#[test]
fn overflow_of_a_plain_thread_is_still_reported_by_std() {
    child::in_children(
        "overflow_of_a_plain_thread_is_still_reported_by_std",
        |_| {},
        |mode| {
            mode.run(threadle::Builder::new(), || {
                let plain = std::thread::Builder::new().name("plain".into()).spawn(|| descend(0));
                threadle::blocking(|| plain.map(std::thread::JoinHandle::join))
                    .map(|_| ())
                    .expect("a thread can be made");
            });
        },
        |_, end| {
            end.died_of(libc::SIGABRT).complained_of("thread 'plain'").complained_of("has overflowed its stack");
            end.kept_quiet_about("goroutine");
        },
    );
}

/// A goroutine that may overflow 60 times as much does not, at the depth where the default ends.
#[test]
fn a_larger_stack_holds_more() {
    fn descend_to(depth: u64) -> u64 {
        let frame = black_box([depth; 32]);
        if depth == 0 { 0 } else { descend_to(depth - 1) + frame[0] - depth + 1 }
    }
    for mode in Mode::BOTH {
        let reached = mode.run(threadle::Builder::new(), || {
            let deep = GoBuilder::new().stack_size(64 << 20).go(|| descend_to(50_000));
            deep.join().expect("there is room")
        });
        assert_eq!(reached, 50_000);
    }
}

/// A copy of the process by `fork` has none of the runtime's threads: using the runtime there is a panic that says so.
#[test]
fn a_forked_child_has_no_runtime() {
    child::in_children(
        "a_forked_child_has_no_runtime",
        |_| {},
        |mode| {
            let status = mode.run(threadle::Builder::new(), || {
                go(|| ()).join().expect("it only ends");
                // SAFETY: the child calls only what panics before it takes a lock of another thread's, then _exit.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    let caught = std::panic::catch_unwind(|| drop(go(|| ())));
                    // SAFETY: ends the process at once.
                    unsafe { libc::_exit(if caught.is_err() { 7 } else { 8 }) };
                }
                let mut status = 0;
                // SAFETY: the pointer is to a local; the child is ours.
                assert_eq!(threadle::blocking(|| unsafe { libc::waitpid(child, &raw mut status, 0) }), child);
                status
            });
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "the child ended with {status:#x}");
        },
        |_, end| {
            end.succeeded().complained_of("fork");
        },
    );
}
