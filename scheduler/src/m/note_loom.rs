//! Models of the note. Preemption bound 3; each explored to its end within 60 s. Whose set is
//! lost sleeps for good, which the futex's stand-in reports.

use super::*;
use crate::sync::atomic::AtomicUsize;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

/// Two set the note, each after it has done something of its own; the owner sleeps until it has seen both.
fn two_setters() {
    let shared = Arc::new((Note::new(), [AtomicUsize::new(0), AtomicUsize::new(0)]));
    let setters = [0, 1].map(|i| {
        let shared = shared.clone();
        thread::spawn(move || {
            step();
            shared.1[i].store(1, Relaxed);
            shared.0.set();
        })
    });
    let (note, done) = &*shared;
    while done.iter().any(|done| done.load(Relaxed) == 0) {
        assert!(note.sleep(None));
    }
    setters.into_iter().for_each(|setter| setter.join().unwrap());
}

#[test]
fn loom_note_two_setters() {
    check(3, two_setters);
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_note_broken_emptied_by_store() {
    with_fault(Fault::NoteEmptiedByStore, || check(3, two_setters));
}
