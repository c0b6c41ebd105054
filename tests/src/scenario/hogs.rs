use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, blocking, go, time};

use super::Lateness;
use crate::Mode;

const SLEEP: Duration = Duration::from_millis(1);
const SLEEPS: usize = 300;

/// [`sleep_among_hogs_here`], in a runtime of `procs` processors.
pub fn sleep_among_hogs(mode: Mode, procs: usize, hogs: usize) -> Lateness {
    mode.run(Builder::new().procs(procs), move || sleep_among_hogs_here(hogs, SLEEPS))
}

/// `hogs` goroutines of the calling runtime heed nothing, and one on another thread sleeps for a millisecond, `sleeps` times: how late does
/// it wake?
pub fn sleep_among_hogs_here(hogs: usize, sleeps: usize) -> Lateness {
    let stop = Arc::new(AtomicBool::new(false));
    let running = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..hogs)
        .map(|_| {
            let (stop, running) = (Arc::clone(&stop), Arc::clone(&running));
            go(move || {
                running.fetch_add(1, Relaxed);
                while !stop.load(Relaxed) {
                    hint::spin_loop();
                }
            })
        })
        .collect();
    // Bound, a goroutine that parks lends its thread to fresh ones, and a hog among them would keep it. One that blocks does not.
    blocking(|| {
        while running.load(Relaxed) < hogs {
            thread::yield_now();
        }
    });
    let sleeper = go(move || {
        let one = |_| {
            let due = Instant::now() + SLEEP;
            time::sleep(SLEEP);
            due.elapsed()
        };
        (0..sleeps).map(one).collect()
    });
    let lateness = sleeper.join().expect("it only sleeps");
    stop.store(true, Relaxed);
    for hog in handles {
        hog.join().expect("a hog only spins");
    }
    lateness
}

/// Goroutine 1 shares its thread with a goroutine that spins for `spin` and heeds nothing: bound, they cannot both go on. Returns the file
/// and line at which that one was spawned.
pub fn hold_up_main(mode: Mode, spin: Duration) -> (&'static str, u32) {
    mode.run(Builder::new().procs(1), move || {
        let line = line!() + 1;
        let hog = go(move || {
            let begun = Instant::now();
            eprintln!("hog: begins");
            while begun.elapsed() < spin {
                hint::spin_loop();
            }
            eprintln!("hog: ends");
        });
        // Parks, on the one thread there is, which starts the hog.
        time::sleep(SLEEP);
        hog.join().expect("a hog only spins");
        (file!(), line)
    })
}
