//! A thread that has run out of work stays awake for a moment, where that has paid of late, and not where the CPUs are wanted by others.
//!
//! Not under `harass`, which takes processors at every turn.
#![cfg(not(feature = "harass"))]

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use threadle::{Builder, chan, go, metrics};
use threadle_tests::{Mode, Watchdog};

/// Exchanges of one look.
const ROUNDS: u64 = 1_000;

fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The caller and a goroutine of another thread send each other so many messages; the vigils in which something came, by then.
fn two_threads_answer_each_other(procs: usize, enough: impl Fn(u64, u64) -> bool + Send) -> u64 {
    Mode::Bound.run(Builder::new().procs(procs), move || {
        let (ask, asked) = chan::bounded::<u64>(0);
        let (answer, answered) = chan::bounded::<u64>(0);
        let elsewhere = Arc::new(AtomicBool::new(false));
        let begun = elsewhere.clone();
        let other = go(move || {
            begun.store(true, SeqCst);
            while let Ok(number) = asked.recv() {
                if answer.send(number + 1).is_err() {
                    return;
                }
            }
        });
        // This thread is not to be its home.
        while !elsewhere.load(SeqCst) {
            hint::spin_loop();
        }
        let mut exchanged = 0;
        while !enough(metrics().vigils, exchanged) {
            for number in 0..ROUNDS {
                ask.send(number).expect("the other receives until this end is closed");
                assert_eq!(answered.recv(), Ok(number + 1));
            }
            exchanged += ROUNDS;
        }
        let vigils = metrics().vigils;
        println!("{procs} processors: {vigils} vigils in {exchanged} exchanges");
        drop(ask);
        other.join().expect("it ends when nobody asks any more");
        vigils
    })
}

#[test]
fn threads_whose_goroutines_answer_each_other_stay_awake() {
    let _watchdog = Watchdog::new(120);
    if cpus() < 2 {
        println!("SKIPPED: there is one CPU, which the other thread needs");
        return;
    }
    // On a machine that is busy with others it may take its time.
    two_threads_answer_each_other(2, |vigils, _| vigils >= 100);
}

#[test]
fn nobody_stays_awake_where_there_are_fewer_cpus_than_processors() {
    let _watchdog = Watchdog::new(120);
    let vigils = two_threads_answer_each_other(cpus() + 1, |_, exchanged| exchanged >= 10 * ROUNDS);
    assert_eq!(vigils, 0);
}
