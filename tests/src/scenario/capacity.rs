use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadle::{Builder, chan, go, time};

use crate::{Mode, system};

/// What [`park_many`] saw.
#[derive(Clone, Debug)]
pub struct Footprint {
    /// KiB of the whole process, resident memory and page tables, for each parked goroutine.
    pub kib_each: f64,
    /// Mappings of the process while they were parked.
    pub mappings: usize,
    /// How many parked, woke up and were joined.
    pub parked: usize,
    /// How many ended without a stack, and what the first of them said.
    pub stackless: usize,
    /// The first of those errors, in words.
    pub complaint: Option<String>,
}

/// Starts `count` goroutines at the default settings, parks all of them at once, measures, wakes them, joins them.
///
/// # Panics
///
/// If one ends otherwise than woken or without a stack.
pub fn park_many(mode: Mode, count: usize) -> Footprint {
    mode.run(Builder::new(), move || {
        let (hold, gate) = chan::bounded::<()>(0);
        let settled = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..count)
            .map(|_| {
                let (gate, settled) = (gate.clone(), Arc::clone(&settled));
                go(move || {
                    settled.fetch_add(1, Relaxed);
                    gate.recv().expect_err("nothing is ever sent");
                })
            })
            .collect();
        // Each has either come to its gate or ended without a stack.
        while settled.load(Relaxed) < count {
            if handles.iter().filter(|handle| handle.is_finished()).count() + settled.load(Relaxed) >= count {
                break;
            }
            time::sleep(Duration::from_millis(20));
        }
        // The last ones have counted themselves and not parked yet.
        time::sleep(Duration::from_millis(20));

        let memory = ["VmRSS", "VmPTE"].map(|field| system::status_kib("self", field).expect("/proc is there"));
        let mappings = system::mappings().expect("/proc is there");
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
        let kib_each = memory.iter().sum::<u64>() as f64 / parked.max(1) as f64;
        Footprint { kib_each, mappings, parked, stackless, complaint }
    })
}
