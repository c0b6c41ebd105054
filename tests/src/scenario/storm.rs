use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use threadle::sync::WaitGroup;
use threadle::{Builder, chan, go, time, yield_now};

use super::Lateness;
use crate::Mode;

const SLEEP: Duration = Duration::from_millis(1);

/// A goroutine sleeps a millisecond at a time while another spawns `count` fresh ones, giving way every 256: how late does it wake?
pub fn sleep_in_a_storm(mode: Mode, count: usize) -> Lateness {
    mode.run(Builder::new().procs(2), move || {
        let over = Arc::new(AtomicBool::new(false));
        let (started, start) = chan::bounded::<()>(1);
        let sleeper = go({
            let over = Arc::clone(&over);
            move || {
                started.send(()).expect("there is room");
                let mut lateness = Vec::new();
                while !over.load(Relaxed) {
                    let due = Instant::now() + SLEEP;
                    time::sleep(SLEEP);
                    lateness.push(due.elapsed());
                }
                lateness
            }
        });
        start.recv().expect("the sleeper starts");
        let storm = WaitGroup::new();
        for number in 0..count {
            storm.go(|| {});
            if number % 256 == 255 {
                yield_now();
            }
        }
        storm.wait();
        over.store(true, Relaxed);
        sleeper.join().expect("it only sleeps").into_iter().collect()
    })
}
