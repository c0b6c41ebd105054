#![expect(clippy::disallowed_methods, reason = "blocking the thread is what is looked at")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, blocking, go, time};

use crate::Mode;

const GOROUTINES: usize = 64;
const CALLS: usize = 20;
const CALL: Duration = Duration::from_millis(10);

/// What [`overlap`] saw.
#[derive(Clone, Copy, Debug)]
pub struct Overlap {
    /// From the first spawn to the last join. Were every call to overlap fully, 200 ms.
    pub elapsed: Duration,
    /// How often a goroutine that sleeps a millisecond at a time came round meanwhile.
    pub turns: u64,
}

/// 64 goroutines on two processors block their thread for 10 ms, 20 times each, inside [`blocking`] if `announced`, while another one
/// sleeps a millisecond at a time.
pub fn overlap(mode: Mode, announced: bool) -> Overlap {
    mode.run(Builder::new().procs(2), move || {
        let stop = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicU64::new(0));
        let others = go({
            let (stop, turns) = (Arc::clone(&stop), Arc::clone(&turns));
            move || {
                while !stop.load(Relaxed) {
                    time::sleep(Duration::from_millis(1));
                    turns.fetch_add(1, Relaxed);
                }
            }
        });
        let elapsed = block_here(GOROUTINES, CALLS, CALL, announced);
        let turns = turns.load(Relaxed);
        stop.store(true, Relaxed);
        others.join().expect("it only sleeps");
        Overlap { elapsed, turns }
    })
}

/// `goroutines` of the calling runtime block their thread for `call`, `calls` times each, inside [`blocking`] if `announced`: how long that
/// takes, from the first spawn to the last join.
pub fn block_here(goroutines: usize, calls: usize, call: Duration, announced: bool) -> Duration {
    let begun = Instant::now();
    let blockers: Vec<_> = (0..goroutines)
        .map(|_| {
            go(move || {
                for _ in 0..calls {
                    if announced { blocking(|| thread::sleep(call)) } else { thread::sleep(call) }
                }
            })
        })
        .collect();
    for blocker in blockers {
        blocker.join().expect("a blocker only sleeps");
    }
    begun.elapsed()
}
