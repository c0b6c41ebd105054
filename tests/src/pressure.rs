//! What goes on around a body that is to hold whatever the scheduler does.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use threadle::{go, time};

/// Goroutines that [`under_pressure`] starts at once.
const BROOD: usize = 8;

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
    // Longer than a slice, so it is flagged and detached; not for ever, nor most of the time, because bound it holds up those on its thread,
    // whose every wait would then last a slice.
    let hog = |_| {
        let over = Arc::clone(&over);
        go(move || {
            while !over.load(SeqCst) {
                spin(Duration::from_millis(12));
                time::sleep(Duration::from_millis(40));
            }
        })
    };
    let breeder = {
        let over = Arc::clone(&over);
        go(move || {
            while !over.load(SeqCst) {
                // They are waited for: where they run more slowly than they come (a sanitizer, a busy machine), whatever the body starts
                // would wait behind more and more of them.
                let bred: Vec<_> = (0..BROOD).map(|_| go(|| ())).collect();
                for one in bred {
                    one.join().expect("it does nothing");
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
