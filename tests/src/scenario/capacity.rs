use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use threadle::{Builder, JoinHandle, chan, go, time};

use crate::{Mode, system};

/// What [`park_many`] saw.
#[derive(Clone, Debug)]
pub struct Footprint {
    /// KiB of the whole process, resident memory and page tables, for each parked goroutine.
    pub kib_each: f64,
    /// From the first spawn until all of them have begun.
    pub start: Duration,
    /// From the moment that wakes them until the last is joined.
    pub wake: Duration,
    /// Mappings of the process while they were parked.
    pub mappings: usize,
    /// How many parked, woke up and were joined.
    pub parked: usize,
    /// How many ended without a stack, and what the first of them said.
    pub stackless: usize,
    /// The first of those errors, in words.
    pub complaint: Option<String>,
}

/// [`park_many_here`], in a runtime with the default settings.
pub fn park_many(mode: Mode, count: usize) -> Footprint {
    mode.run(Builder::new(), move || park_many_here(count))
}

/// Starts `count` goroutines of the calling runtime, parks all of them at once, measures, wakes them, joins them.
///
/// # Panics
///
/// If one ends otherwise than woken or without a stack.
pub fn park_many_here(count: usize) -> Footprint {
    let (hold, gate) = chan::bounded::<()>(0);
    let settled = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let (gate, settled) = (gate.clone(), Arc::clone(&settled));
            go(move || {
                settled.fetch_add(1, Relaxed);
                gate.recv().expect_err("nothing is ever sent");
            })
        })
        .collect();
    // Each comes to its gate, or has ended without a stack: who is looked for among the handles once nobody comes any more.
    let mut before = usize::MAX;
    loop {
        let now = settled.load(Relaxed);
        let ended = |handles: &[JoinHandle<()>]| handles.iter().filter(|handle| handle.is_finished()).count();
        if now == count || (now == before && now + ended(&handles) >= count) {
            break;
        }
        before = now;
        time::sleep(Duration::from_millis(1));
    }
    let start = begun.elapsed();
    // The last ones have counted themselves and not parked yet.
    time::sleep(Duration::from_millis(20));

    let memory = peer_measure::memory().expect("/proc is there");
    let mappings = system::mappings().expect("/proc is there");
    let begun = Instant::now();
    drop(hold);
    let (mut parked, mut stackless, mut complaint) = (0, 0, None);
    for handle in handles {
        match handle.join() {
            Ok(()) => parked += 1,
            Err(error) if error.is_no_stack() => {
                stackless += 1;
                complaint.get_or_insert_with(|| error.to_string());
            }
            Err(error) => panic!("neither woken nor without a stack: {error}"),
        }
    }
    let wake = begun.elapsed();
    let kib_each = memory as f64 / 1024.0 / parked.max(1) as f64;
    Footprint { kib_each, start, wake, mappings, parked, stackless, complaint }
}
