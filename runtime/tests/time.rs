//! Sleeping.

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Task, everywhere};
use threadle::time::{sleep, sleep_until};

#[test]
fn a_sleep_is_never_short() {
    everywhere("never short", |_| {
        for micros in [0, 1, 50, 1_000, 3_000, 10_000] {
            let (start, length) = (Instant::now(), Duration::from_micros(micros));
            sleep(length);
            assert!(start.elapsed() >= length);
            let deadline = Instant::now() + length;
            sleep_until(deadline);
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn the_past_ends_at_once() {
    everywhere("past", |_| {
        let start = Instant::now();
        sleep_until(start);
        sleep(Duration::ZERO);
    });
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    everywhere("order", |place| {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now() + Duration::from_millis(20);
        let step = Duration::from_millis(10);
        let sleepers: Vec<_> = (0..5u32)
            .rev()
            .map(|n| {
                let woken = Arc::clone(&woken);
                place.spawn(move || {
                    let deadline = start + n * step;
                    sleep_until(deadline);
                    // The clock is read when nobody can come in between any more.
                    let mut woken = woken.lock().unwrap();
                    woken.push((n, Instant::now() < deadline + step));
                })
            })
            .collect();
        sleepers.into_iter().for_each(Task::join);
        // One that was late by more than the step may be overtaken, on a busy machine; the others may not.
        let woken = woken.lock().unwrap();
        let on_time: Vec<_> = woken.iter().filter(|(_, on_time)| *on_time).map(|(n, _)| *n).collect();
        assert!(on_time.is_sorted(), "{on_time:?}");
    });
}
