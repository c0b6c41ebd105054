//! Models of the gate. Preemption bound 3; each explored to its end within 60 s. What the gate guards is a cell: loom reports a use that is
//! not ordered before the end.

use super::*;
use crate::sync::Arc;
use crate::sync::cell::UnsafeCell;
use crate::sync::fault::{Fault, check, step, with_fault};

struct World {
    gate: Gate,
    is_freed: UnsafeCell<bool>,
}

// SAFETY: that the cell is not touched by two at once, one of whom writes, is what the models are about.
unsafe impl Sync for World {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for World {}

/// So many foreign threads pass, each at some moment of the end.
fn pass_against_the_end(threads: usize) {
    let world = Arc::new(World { gate: Gate::new(), is_freed: UnsafeCell::new(false) });
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || {
                step();
                world.gate.pass(|| {
                    // SAFETY: nobody writes while somebody is inside, and loom checks that.
                    world.is_freed.with(|is_freed| assert!(!unsafe { *is_freed }, "used after the end"));
                });
            })
        })
        .collect();
    step();
    world.gate.close();
    world.gate.wait();
    // SAFETY: nobody is inside, nor will be; loom checks that.
    world.is_freed.with_mut(|is_freed| unsafe { *is_freed = true });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn loom_gate_pass_against_the_end() {
    check(3, || pass_against_the_end(1));
}

#[test]
fn loom_gate_two_pass_against_the_end() {
    check(3, || pass_against_the_end(2));
}

#[test]
#[should_panic(expected = "Causality violation: Concurrent read and write accesses")]
fn loom_gate_broken_pass_without_fence() {
    with_fault(Fault::PassWithoutFence, || check(3, || pass_against_the_end(1)));
}

#[test]
#[should_panic(expected = "Causality violation: Concurrent read and write accesses")]
fn loom_gate_broken_close_without_fence() {
    with_fault(Fault::CloseWithoutFence, || check(3, || pass_against_the_end(1)));
}

#[test]
#[should_panic(expected = "Causality violation: Concurrent read and write accesses")]
fn loom_gate_broken_pass_relaxed() {
    with_fault(Fault::PassRelaxed, || check(3, || pass_against_the_end(1)));
}
