//! The model of the line, with a variant that must fail. Run by `ci/loom.sh`.

#[path = "line.rs"]
mod line;

use std::convert::Infallible;

use line::Duty;
use loom::sync::{Arc, Mutex, MutexGuard};
use loom::thread;

/// What is due in the state, and what was sent.
#[derive(Default)]
struct Both {
    due: Mutex<u32>,
    line: Mutex<u32>,
}

impl Both {
    fn add(&self) {
        *self.due.lock().unwrap() += 1;
    }

    fn send(&self, sent: &mut u32) {
        *sent += std::mem::take(&mut *self.due.lock().unwrap());
    }
}

impl Duty for Both {
    type Line<'a> = MutexGuard<'a, u32>;
    type Error = Infallible;

    fn is_due(&self) -> bool {
        *self.due.lock().unwrap() != 0
    }

    fn try_line(&self) -> Option<MutexGuard<'_, u32>> {
        self.line.try_lock().ok()
    }

    fn send_due(&self, line: &mut MutexGuard<'_, u32>) -> Result<(), Infallible> {
        self.send(line);
        Ok(())
    }
}

/// A reader that finds an alert due, beside writers; all of it is to be sent in the end.
fn model(writers: u32, write: fn(&Both)) {
    let both = Arc::new(Both::default());
    let threads: Vec<_> = (0..writers)
        .map(|_| {
            let both = Arc::clone(&both);
            thread::spawn(move || write(&both))
        })
        .collect();
    both.add();
    both.settle().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*both.due.lock().unwrap(), 0, "something was left unsent");
    assert_eq!(*both.line.lock().unwrap(), 1 + writers);
}

fn writes(both: &Both) {
    let mut line = both.line.lock().unwrap();
    both.add();
    both.send(&mut line);
    thread::yield_now();
    drop(line);
    both.settle().unwrap();
}

/// Looks while it still has the line.
fn writes_and_looks_too_early(both: &Both) {
    let mut line = both.line.lock().unwrap();
    both.add();
    both.send(&mut line);
    if *both.due.lock().unwrap() != 0 {
        both.send(&mut line);
    }
    // loom lets others in at an operation, and an unlocking is none.
    thread::yield_now();
    drop(line);
}

#[test]
fn what_the_reader_finds_due_is_sent_beside_a_writer() {
    loom::model(|| model(1, writes));
}

#[test]
fn what_the_reader_finds_due_is_sent_beside_two_writers() {
    loom::model(|| model(2, writes));
}

#[test]
#[should_panic(expected = "something was left unsent")]
fn a_look_before_the_line_is_given_back_loses_the_alert() {
    loom::model(|| model(1, writes_and_looks_too_early));
}
