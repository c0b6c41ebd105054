//! What becomes of a thread-local's address when the goroutine that took it moves to another thread.
//!
//! Nothing here is undefined: addresses are compared, never followed, but in `a value`, where what is read was written once, before, by a
//! thread that still lives.

use std::cell::Cell;
use std::hint::black_box;
use std::ptr;

use threadle::{Builder, go, yield_now};

use crate::pressure::under_pressure;
use crate::{Mode, system};

thread_local! {
    static CONSTANT: Cell<i32> = const { Cell::new(0) };
    static LAZY: Cell<i32> = Cell::new(system::thread_id());
    static DROPPED: Box<i32> = Box::new(system::thread_id());
}

/// One way of asking for a thread-local, asked on both sides of a yield.
#[derive(Clone, Debug)]
pub struct Access {
    /// What it is.
    pub name: &'static str,
    /// How often the goroutine was on another thread after the yield.
    pub moved: usize,
    /// How often of these the thread-local was still the one of the thread it had left.
    pub stale: usize,
    /// Whether nothing but the function's own opacity to the optimiser makes it right.
    pub opaque: bool,
}

/// Whether it has moved, and whether what it found afterwards is still the old thread's.
type Round = fn() -> (bool, bool);

const ACCESSES: &[(&str, bool, Round)] = &[
    ("a constant, its address", false, || {
        let (thread, before) = (system::thread_id(), CONSTANT.with(ptr::from_ref).addr());
        yield_now();
        let after = CONSTANT.with(ptr::from_ref).addr();
        (system::thread_id() != thread, after == before)
    }),
    ("a lazy one, its value", false, || {
        let (thread, before) = (system::thread_id(), LAZY.get());
        yield_now();
        let after = LAZY.get();
        (system::thread_id() != thread, after == before)
    }),
    ("one with a destructor, its address", false, || {
        let (thread, before) = (system::thread_id(), DROPPED.with(ptr::from_ref).addr());
        yield_now();
        let after = DROPPED.with(ptr::from_ref).addr();
        (system::thread_id() != thread, after == before)
    }),
    ("inline(never)", false, || {
        #[inline(never)]
        fn address() -> usize {
            CONSTANT.with(ptr::from_ref).addr()
        }
        let (thread, before) = (system::thread_id(), address());
        yield_now();
        let after = address();
        (system::thread_id() != thread, after == before)
    }),
    ("inline(never) and black_box", true, || {
        #[inline(never)]
        fn address() -> usize {
            black_box(CONSTANT.with(ptr::from_ref).addr())
        }
        let (thread, before) = (system::thread_id(), address());
        yield_now();
        let after = address();
        (system::thread_id() != thread, after == before)
    }),
];

/// Asks in each way, until goroutines have moved `moves` times in it; bound, where they do not, so many times.
///
/// # Panics
///
/// If the runtime cannot start.
pub fn stale_thread_locals(mode: Mode, moves: usize) -> Vec<Access> {
    mode_for_breaking_the_promise(mode, move || {
        under_pressure(|| {
            ACCESSES.iter().map(|(name, opaque, round)| ask(mode, name, *opaque, *round, moves)).collect()
        })
    })
}

fn ask(mode: Mode, name: &'static str, opaque: bool, round: Round, moves: usize) -> Access {
    let mut access = Access { name, moved: 0, stale: 0, opaque };
    let mut rounds = 0;
    while access.moved < moves && (mode == Mode::Migrating || rounds < moves) {
        let askers: Vec<_> = (0..8)
            .map(|_| {
                go(move || {
                    let found: Vec<_> = (0..50).map(|_| round()).collect();
                    found
                })
            })
            .collect();
        for (moved, stale) in askers.into_iter().flat_map(|asker| asker.join().expect("it only looks")) {
            rounds += 1;
            access.moved += usize::from(moved);
            access.stale += usize::from(moved && stale);
        }
    }
    access
}

fn mode_for_breaking_the_promise<T: Send>(mode: Mode, main: impl FnOnce() -> T + Send) -> T {
    let builder = Builder::new().procs(2);
    match mode {
        Mode::Bound => builder.run(main),
        // SAFETY: the promise not to touch one thread-local on both sides of a switching call is broken, on purpose, by the functions above,
        // which do nothing with what they get but compare it. A thread that was left lives on, as none is idle for long.
        Mode::Migrating => unsafe { builder.run_migrating(main) },
    }
    .expect("the runtime starts")
}
