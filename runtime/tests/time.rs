//! Sleeping, from plain OS threads.

use std::time::{Duration, Instant};

use threadle::time::{sleep, sleep_until};

#[test]
fn a_sleep_is_never_short() {
    for millis in [0, 1, 3, 10] {
        let (start, length) = (Instant::now(), Duration::from_millis(millis));
        sleep(length);
        assert!(start.elapsed() >= length);
        let deadline = Instant::now() + length;
        sleep_until(deadline);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn the_past_ends_at_once() {
    let start = Instant::now();
    sleep_until(start);
    sleep(Duration::ZERO);
}
