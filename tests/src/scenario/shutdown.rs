use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, blocking, go};

use crate::Mode;

/// What [`end_with_hogs`] saw.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    /// From the end of `main` to the return of `run`.
    pub elapsed: Duration,
    /// How many threads the runtime says it left behind.
    pub left: usize,
}

/// Ends `main` while `hogs` goroutines spin for ever. They go on doing so: for a process of its own.
pub fn end_with_hogs(mode: Mode, hogs: usize) -> Shutdown {
    let ended = mode.run(Builder::new().procs(2), move || {
        let running = Arc::new(AtomicUsize::new(0));
        for _ in 0..hogs {
            let running = Arc::clone(&running);
            go(move || {
                running.fetch_add(1, Relaxed);
                loop {
                    hint::spin_loop();
                }
            });
        }
        blocking(|| {
            while running.load(Relaxed) < hogs {
                thread::yield_now();
            }
        });
        Instant::now()
    });
    Shutdown { elapsed: ended.elapsed(), left: threadle::metrics().left_threads }
}
