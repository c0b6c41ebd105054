//! Ten calls that block their threads until all ten have begun, on two Ps.
//!
//! ```text
//! $ cargo run -p threadle-examples --example blocking_call
//! ten calls met on 2 Ps
//! ```

use std::sync::{Arc, Barrier};

fn main() -> std::io::Result<()> {
    threadle::Builder::new().procs(2).run(|| {
        // A lock of std: its `wait` knows nothing of goroutines, and blocks the thread.
        let barrier = Arc::new(Barrier::new(10));
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                // Announced with `blocking`, such a call holds up nobody: not the other nine, for whom it waits.
                threadle::go(move || threadle::blocking(|| barrier.wait().is_leader()))
            })
            .collect();
        let last = calls.into_iter().filter_map(|call| call.join().ok().filter(|came_last| *came_last));
        assert_eq!(last.count(), 1, "one of ten came last");
        println!("ten calls met on {} Ps", threadle::procs());
    })
}
