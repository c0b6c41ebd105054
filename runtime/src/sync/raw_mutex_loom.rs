//! Models of the mutex: nobody sleeps beside a free lock, and one at a time is inside; in normal mode (a waiter never starves), in starving
//! mode (it starves at once), with waiters that give up, and with one whose runtime is gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::cell::UnsafeCell;

use loom::thread;

use super::*;
use crate::base::doomed;
use crate::base::fault::{Fault, check, step, with_fault, with_patience};

const NEVER: Duration = Duration::MAX;
const AT_ONCE: Duration = Duration::ZERO;

struct Guarded {
    mutex: RawMutex,
    /// loom tells when two are inside.
    entered: UnsafeCell<usize>,
}

// SAFETY: that the cell is touched by one thread at a time is what the models are about.
unsafe impl Sync for Guarded {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Guarded {}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Guarded { mutex: RawMutex::new(), entered: UnsafeCell::new(0) })
    }

    fn enter(&self) {
        // SAFETY: the caller believes that it holds the lock, and loom checks that.
        self.entered.with_mut(|entered| unsafe { *entered += 1 });
    }

    fn pass_through(&self) {
        step();
        self.mutex.lock();
        self.enter();
        step();
        // SAFETY: locked above.
        unsafe { self.mutex.unlock() };
    }

    /// At the end nothing is left behind.
    fn assert_settled(&self, entered: usize) {
        // SAFETY: the threads have ended.
        assert_eq!(self.entered.with(|entered| unsafe { *entered }), entered);
        assert_eq!(self.mutex.word.load(Ordering::Relaxed), 0, "{:?}", self.mutex);
        assert!(lock(&self.mutex.waiters).list.is_empty());
    }
}

/// So many threads, each of which locks so often.
fn contend(patience: Duration, threads: usize, rounds: usize, preemptions: usize) {
    with_patience(patience, || {
        check(preemptions, move || {
            let guarded = Guarded::new();
            let others: Vec<_> = (1..threads)
                .map(|_| {
                    let guarded = guarded.clone();
                    thread::spawn(move || (0..rounds).for_each(|_| guarded.pass_through()))
                })
                .collect();
            (0..rounds).for_each(|_| guarded.pass_through());
            others.into_iter().for_each(|other| other.join().unwrap());
            guarded.assert_settled(threads * rounds);
        });
    });
}

#[test]
fn loom_mutex_normal_mode() {
    contend(NEVER, 3, 1, 3);
}

#[test]
fn loom_mutex_starving_mode() {
    contend(AT_ONCE, 3, 1, 3);
}

/// A woken waiter can lose to the thread that woke it.
#[test]
fn loom_mutex_normal_mode_barging() {
    contend(NEVER, 3, 2, 2);
}

#[test]
fn loom_mutex_starving_mode_barging() {
    contend(AT_ONCE, 3, 2, 2);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_mutex_broken_queues_unlooked() {
    with_fault(Fault::MutexQueuesUnlooked, || contend(NEVER, 2, 1, 2));
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_mutex_broken_keeps_woken() {
    with_fault(Fault::MutexKeepsWoken, || contend(NEVER, 3, 2, 2));
}

#[test]
#[should_panic(expected = "not locked")]
fn loom_mutex_broken_hands_over_free() {
    with_fault(Fault::MutexHandsOverFree, || contend(AT_ONCE, 3, 1, 3));
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_mutex_broken_queues_behind_nobody() {
    with_fault(Fault::MutexQueuesBehindNobody, || contend(AT_ONCE, 3, 2, 2));
}

/// One gives up at its deadline while another unlocks and a third waits for as long as it takes.
fn give_up(patience: Duration) {
    with_patience(patience, || {
        check(3, || {
            let guarded = Guarded::new();
            let hasty = {
                let guarded = guarded.clone();
                thread::spawn(move || {
                    step();
                    let locked = guarded.mutex.lock_within(Limit::at(Instant::now())).is_ok();
                    if locked {
                        guarded.enter();
                        // SAFETY: locked above.
                        unsafe { guarded.mutex.unlock() };
                    }
                    usize::from(locked)
                })
            };
            let patient = {
                let guarded = guarded.clone();
                thread::spawn(move || guarded.pass_through())
            };
            guarded.pass_through();
            patient.join().unwrap();
            let entered = 2 + hasty.join().unwrap();
            guarded.assert_settled(entered);
        });
    });
}

#[test]
fn loom_mutex_deadline_against_unlock() {
    give_up(NEVER);
}

#[test]
fn loom_mutex_deadline_against_hand_over() {
    give_up(AT_ONCE);
}

/// One is woken, or handed the lock, as its runtime ends, and never runs: the lock goes to another who waits.
fn woken_and_gone(patience: Duration) {
    with_patience(patience, || {
        check(2, || {
            let guarded = Guarded::new();
            let late = {
                let guarded = guarded.clone();
                thread::spawn(move || doomed(|| guarded.pass_through()).is_some())
            };
            let patient = {
                let guarded = guarded.clone();
                thread::spawn(move || (0..2).for_each(|_| guarded.pass_through()))
            };
            guarded.pass_through();
            patient.join().unwrap();
            let entered = 3 + usize::from(late.join().unwrap());
            guarded.assert_settled(entered);
        });
    });
}

#[test]
fn loom_mutex_woken_and_gone() {
    woken_and_gone(NEVER);
}

#[test]
fn loom_mutex_handed_over_and_gone() {
    woken_and_gone(AT_ONCE);
}

#[test]
#[should_panic(expected = "[\"woken\"]")]
fn loom_mutex_broken_nothing_is_passed_on() {
    with_fault(Fault::NothingIsPassedOn, || woken_and_gone(AT_ONCE));
}
