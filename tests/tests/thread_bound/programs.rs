//! The programs: each takes something that belongs to its thread, and holds it over one call after the other.

use std::cell::Cell;
use std::collections::HashSet;
use std::mem;
use std::ptr;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use rand::Rng;
use threadle::{scope, yield_now};
use threadle_tests::system;

use super::calls::Call;
use super::home::{self, Home};

#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Walk),
    /// What it holds can be let be when it turns out to be another thread's.
    pub(crate) may_be_broken: bool,
}

/// One goroutine's way through the calls.
pub(crate) struct Walk {
    calls: Vec<Call>,
    thread: i32,
    broken: bool,
}

impl Walk {
    pub(crate) fn through(calls: &[Call]) -> Walk {
        Walk { calls: calls.to_vec(), thread: system::thread_id(), broken: false }
    }

    /// Makes the calls, one by one, until `still` or the thread says that it is on another one's ground. True: it never was.
    fn each(&mut self, mut still: impl FnMut() -> bool) -> bool {
        for (_, call) in &self.calls {
            call();
            if system::thread_id() != self.thread || !still() {
                self.broken = true;
                return false;
            }
        }
        true
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }
}

pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "an-Rc-out-of-a-thread-local", run: an_rc_out_of_a_thread_local, may_be_broken: true },
    Program { name: "a-borrow-of-a-thread-local", run: a_borrow_of_a_thread_local, may_be_broken: true },
    Program { name: "the-threads-random-numbers", run: the_threads_random_numbers, may_be_broken: true },
    Program { name: "a-guard-of-std", run: a_guard_of_std, may_be_broken: true },
    Program { name: "a-borrow-and-a-scope", run: a_borrow_and_a_scope, may_be_broken: true },
    // When it ends, std waits by parking the thread it began on, and is woken there: broken, it would not end.
    Program { name: "a-scope-of-std", run: a_scope_of_std, may_be_broken: false },
];

fn an_rc_out_of_a_thread_local(walk: &mut Walk) {
    let mine = home::share();
    let mut copies = Vec::new();
    let whole = walk.each(|| {
        let still = Rc::as_ptr(&mine) == home::here();
        if still {
            mine.visit();
            // The count is not atomic: a thread that counts beside another one would lose some.
            copies.push(Rc::clone(&mine));
            if copies.len() > 3 {
                copies.clear();
            }
        }
        still
    });
    if !whole {
        // Another thread's count.
        mem::forget((mine, copies));
    }
}

fn a_borrow_of_a_thread_local(walk: &mut Walk) {
    home::with(|home| {
        walk.each(|| {
            let still = ptr::eq(home, home::here());
            if still {
                home.visit();
                // Found anew: where the optimiser keeps the address from before the call it is the right one.
                home::with(Home::visit);
            }
            still
        });
    });
}

fn the_threads_random_numbers(walk: &mut Walk) {
    let mut numbers = rand::rng();
    let mut drawn = HashSet::new();
    let mut calls = 0;
    let whole = walk.each(|| {
        calls += 1;
        drawn.insert(numbers.next_u64());
        // Beside the one that is held, the same generator once more.
        drawn.insert(rand::random::<u64>());
        true
    });
    if whole {
        assert_eq!(drawn.len(), 2 * calls, "the same number twice");
    } else {
        mem::forget(numbers);
    }
}

fn a_guard_of_std(walk: &mut Walk) {
    let mutex = Mutex::new(0);
    let mut guard = mutex.lock().expect("nobody else has it");
    let whole = walk.each(|| {
        *guard += 1;
        true
    });
    if whole {
        drop(guard);
        assert_eq!(mutex.into_inner().expect("nobody has panicked"), walk.calls.len());
    } else {
        // To be unlocked by the thread that has locked it.
        mem::forget(guard);
    }
}

/// Its goroutines may be on other threads, and borrow what is shared; it stays where its own borrow is.
fn a_borrow_and_a_scope(walk: &mut Walk) {
    let sum = AtomicUsize::new(0);
    let mine = home::share();
    let calls = Cell::new(0);
    let whole = scope(|s| {
        let start = || {
            s.go(|| {
                yield_now();
                sum.fetch_add(1, SeqCst);
            })
        };
        walk.each(|| {
            calls.set(calls.get() + 1);
            drop(start());
            let joined = start().join();
            joined.expect("it only adds");
            let still = Rc::as_ptr(&mine) == home::here();
            if still {
                mine.visit();
            }
            still
        })
    });
    // The scope's own wait is a call as well.
    if whole && Rc::as_ptr(&mine) == home::here() {
        mine.visit();
        assert_eq!(sum.into_inner(), 2 * calls.get());
    } else {
        mem::forget(mine);
    }
}

fn a_scope_of_std(walk: &mut Walk) {
    let numbers: Vec<usize> = (0..100).collect();
    let mine = home::share();
    thread::scope(|threads| {
        let begun = thread::current().id();
        walk.each(|| {
            let sum = threads.spawn(|| numbers.iter().sum::<usize>());
            mine.visit();
            yield_now();
            // Some threads are joined, the scope waits for the others.
            if !numbers.len().is_multiple_of(2) || sum.is_finished() {
                assert_eq!(sum.join().expect("it only adds"), 4_950);
            }
            thread::current().id() == begun
        });
    });
    mine.visit();
}
