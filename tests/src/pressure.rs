//! What goes on around a body that is to hold whatever the scheduler does.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use threadle::{go, num_goroutines, time};

/// Goroutines under which [`under_pressure`] makes no more.
const MOST_BRED: usize = 256;

/// Computes for so long, without a call.
pub fn spin(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        hint::spin_loop();
    }
}

/// Goroutines that give the monitor and the thieves something to do while `body` runs.
///
/// # Panics
///
/// If `body` does, or if called outside a runtime.
pub fn under_pressure<R>(body: impl FnOnce() -> R) -> R {
    let over = Arc::new(AtomicBool::new(false));
    // Longer than a slice, so it is flagged and detached; not for ever, because bound it holds up those on its thread.
    let hog = |_| {
        let over = Arc::clone(&over);
        go(move || {
            while !over.load(SeqCst) {
                spin(Duration::from_millis(12));
                time::sleep(Duration::from_millis(3));
            }
        })
    };
    let breeder = {
        let over = Arc::clone(&over);
        go(move || {
            while !over.load(SeqCst) {
                // Where they run more slowly than they come (a sanitizer, a busy machine), their number must not grow for ever: some
                // of the calls under test take longer the more goroutines there are.
                let room = MOST_BRED.saturating_sub(num_goroutines()).min(100);
                for _ in 0..room {
                    drop(go(|| ()));
                }
                time::sleep(Duration::from_micros(500));
            }
        })
    };
    let hogs: Vec<_> = (0..2).map(hog).collect();
    let result = body();
    over.store(true, SeqCst);
    for hog in hogs {
        hog.join().expect("a hog only spins");
    }
    breeder.join().expect("it only spawns");
    result
}
