//! Models of the count of a scope's goroutines. Preemption bound 3; each explored to its end within 60 s.
//!
//! What the goroutines borrow is a cell that loom lets one thread touch at a time, and the parent, when it leaves, writes to that cell and
//! to the one of the waiter, as the next user of its frame would: a goroutine that is not done with either is found out. A parent that nobody
//! wakes sleeps for good, which its note reports.

use super::*;
use crate::m::note::Note;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

const PARENT: u32 = 7;

/// The frame of the parent.
struct Frame {
    children: Children<u32>,
    borrowed: [UnsafeCell<usize>; 2],
    /// What the parent sleeps on, as a thread does.
    note: Note,
}

// SAFETY: that the cells are touched by one thread at a time is what the models are about.
unsafe impl Sync for Frame {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Frame {}

/// A scope of so many goroutines, the last of which, if it is `nested`, was started by the one before.
fn scope(goroutines: usize, nested: bool) {
    let frame = Arc::new(Frame {
        children: Children::new(),
        borrowed: [UnsafeCell::new(0), UnsafeCell::new(0)],
        note: Note::new(),
    });
    let threads: Vec<_> = (0..if nested { 1 } else { goroutines })
        .map(|i| {
            frame.children.add();
            let frame = frame.clone();
            thread::spawn(move || {
                let sibling = nested.then(|| {
                    frame.children.add();
                    let frame = frame.clone();
                    thread::spawn(move || run(&frame, 1))
                });
                run(&frame, i);
                if let Some(sibling) = sibling {
                    sibling.join().unwrap();
                }
            })
        })
        .collect();
    step();
    // SAFETY: one parent, which waits once.
    if unsafe { frame.children.wait(PARENT) } {
        assert!(frame.note.sleep(None));
    }
    for (i, borrowed) in frame.borrowed.iter().enumerate().take(goroutines) {
        // SAFETY: the scope is over, and loom checks that.
        assert_eq!(borrowed.with(|borrowed| unsafe { *borrowed }), 1, "goroutine {i} has not run");
        // SAFETY: as above: the frame is the parent's alone.
        borrowed.with_mut(|borrowed| unsafe { *borrowed = 99 });
    }
    // SAFETY: as above.
    frame.children.waiter.with_mut(|cell| unsafe { *cell = None });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn run(frame: &Frame, i: usize) {
    // SAFETY: borrowed by this goroutine until it is over, and loom checks that.
    frame.borrowed[i].with_mut(|borrowed| unsafe { *borrowed += 1 });
    step();
    // SAFETY: added before, once; the Arc keeps the memory, whose use loom checks.
    if let Some(parent) = unsafe { Children::remove(&frame.children) } {
        assert_eq!(parent, PARENT, "what the next user of the frame left there");
        frame.note.set();
    }
}

#[test]
fn loom_children_one() {
    check(3, || scope(1, false));
}

#[test]
fn loom_children_two() {
    check(3, || scope(2, false));
}

#[test]
fn loom_children_one_starts_another() {
    check(3, || scope(2, true));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_children_broken_wait_by_store() {
    with_fault(Fault::WaitForChildrenByStore, || check(3, || scope(1, false)));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_children_broken_over_relaxed() {
    with_fault(Fault::ChildOverRelaxed, || check(3, || scope(2, false)));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_children_broken_always_looks() {
    with_fault(Fault::ChildAlwaysLooks, || check(3, || scope(1, false)));
}
