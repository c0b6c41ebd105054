//! `local!` and coroutines of the user's: one that is left in the middle of a `with` may outlive the goroutine whose value it was lent.

#![expect(clippy::disallowed_macros, reason = "one goroutine leaves a coroutine to another in a thread-local")]

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use corosensei::stack::{Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use threadle::{Builder, go, local, yield_now};
use threadle_tests::{Mode, Watchdog};

const BYTES: usize = 256 << 10;
const ALIVE: u64 = 0x600d_1dea;

/// What a coroutine runs on here: a plain piece of memory.
struct Memory(Box<[u128]>);

impl Memory {
    fn new() -> Memory {
        Memory(vec![0; BYTES / size_of::<u128>()].into_boxed_slice())
    }

    fn end(&self, bytes: usize) -> StackPointer {
        StackPointer::new(self.0.as_ptr().addr() + bytes).expect("it is not at zero")
    }
}

// SAFETY: both ends are aligned as a u128 is, 16 bytes, and the memory between them is this one's own until it is dropped. It has no guard
// page: what these tests call does not go deep.
unsafe impl Stack for Memory {
    fn base(&self) -> StackPointer {
        self.end(BYTES)
    }

    fn limit(&self) -> StackPointer {
        self.end(0)
    }
}

type Task = Coroutine<(), (), u64, Memory>;

fn task(body: impl FnOnce(&Yielder<(), ()>) -> u64 + 'static) -> Task {
    Coroutine::with_stack(Memory::new(), |yielder: &Yielder<(), ()>, ()| body(yielder))
}

thread_local!(static LEFT: RefCell<Option<Task>> = const { RefCell::new(None) });

/// Goes on with it until it is left again, or ends: then with its result.
fn go_on(task: &mut Task) -> Option<u64> {
    match task.resume(()) {
        CoroutineResult::Yield(()) => None,
        CoroutineResult::Return(result) => Some(result),
    }
}

/// `begin` on a goroutine, which ends, and then `finish` on another one of the same thread.
fn in_turn<A: Send + 'static, B: Send + 'static>(begin: fn() -> A, finish: fn(Task) -> B) -> (A, B) {
    let _watchdog = Watchdog::new(60);
    loop {
        let (begun, finished) = Mode::Bound.run(Builder::new().procs(1), || {
            let begun = go(begin).join().expect("its checks hold");
            let finish = go(move || LEFT.take().map(finish));
            (begun, finish.join().expect("its checks hold"))
        });
        // None: where the machine kept one from running for a slice, the other was started elsewhere.
        if let Some(finished) = finished {
            return (begun, finished);
        }
    }
}

/// A value that says whether it is there; what is dropped says so too.
struct Value(Cell<u64>, &'static AtomicUsize);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.set(0);
        self.1.fetch_add(1, SeqCst);
    }
}

#[test]
fn what_is_lent_to_a_coroutine_outlives_its_goroutine() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    local! {
        static LENT: Value = Value(Cell::new(ALIVE), &DROPPED);
        static BESIDE: Value = Value(Cell::new(ALIVE), &DROPPED);
    }
    let (before, (seen, dropped, own)) = in_turn(
        || {
            let before = DROPPED.load(SeqCst);
            BESIDE.with(|_| ());
            let mut task = task(|yielder| {
                LENT.with(|value| {
                    yielder.suspend(());
                    value.0.get()
                })
            });
            assert_eq!(go_on(&mut task), None);
            LEFT.set(Some(task));
            before
        },
        |mut task| {
            let dropped = DROPPED.load(SeqCst);
            yield_now();
            let seen = go_on(&mut task).expect("it ends");
            // Beside that one, this goroutine has one of its own.
            LENT.with(|value| value.0.set(7));
            (seen, dropped, LENT.with(|value| value.0.get()))
        },
    );
    assert_eq!(seen, ALIVE, "what it was lent is gone");
    assert_eq!((dropped - before, own), (1, 7), "the one that nobody was lent is dropped with its goroutine");
}

/// What an initialiser has made by using its own local is replaced when it returns; unless it is lent, it is dropped.
#[test]
fn what_is_lent_while_it_is_replaced_stays() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    static MADE: AtomicUsize = AtomicUsize::new(0);
    local!(static LENT: Value = {
        if MADE.fetch_add(1, SeqCst) == 0 {
            let mut task = task(|yielder| {
                LENT.with(|value| {
                    yielder.suspend(());
                    value.0.get()
                })
            });
            assert_eq!(go_on(&mut task), None);
            LEFT.set(Some(task));
        }
        Value(Cell::new(ALIVE + 1), &DROPPED)
    });
    let (dropped, seen) = in_turn(
        || {
            MADE.store(0, SeqCst);
            DROPPED.store(0, SeqCst);
            // The outer one, which has taken the place of the one that is lent.
            assert_eq!(LENT.with(|value| value.0.get()), ALIVE + 1);
            DROPPED.load(SeqCst)
        },
        |mut task| go_on(&mut task),
    );
    assert_eq!((dropped, seen), (0, Some(ALIVE + 1)));
    assert_eq!(DROPPED.load(SeqCst), 1, "the outer one");
}

/// A coroutine that is through before its goroutine ends, by a panic too, has given back what it was lent.
#[test]
fn what_was_given_back_is_dropped() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    local!(static LENT: Value = Value(Cell::new(ALIVE), &DROPPED));
    threadle::run(|| {
        let through = go(|| {
            let mut task = task(|yielder| {
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    LENT.with(|_| {
                        yielder.suspend(());
                        std::panic::resume_unwind(Box::new(()))
                    })
                }));
                u64::from(caught.is_err())
            });
            assert_eq!((go_on(&mut task), go_on(&mut task)), (None, Some(1)));
        });
        through.join().expect("its checks hold");
        assert_eq!(DROPPED.load(SeqCst), 1);
    });
}
