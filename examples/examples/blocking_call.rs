//! Ten calls that block their threads for 50 ms each, side by side on two Ps.
//!
//! ```text
//! $ cargo run -p threadle-examples --example blocking_call
//! ten calls of 50 ms took less than 500 ms: true
//! ```

use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let took = threadle::Builder::new().procs(2).run(|| {
        let start = Instant::now();
        // Announced with `blocking`, such a call holds up nobody; here it is a sleep, elsewhere a library that knows nothing of goroutines.
        #[expect(clippy::disallowed_methods, reason = "to block the thread is the point")]
        let call = || threadle::blocking(|| std::thread::sleep(Duration::from_millis(50)));
        let calls: Vec<_> = (0..10).map(|_| threadle::go(call)).collect();
        for call in calls {
            if let Err(error) = call.join() {
                eprintln!("a call failed: {error}");
            }
        }
        start.elapsed()
    })?;
    println!("ten calls of 50 ms took less than 500 ms: {}", took < Duration::from_millis(500));
    Ok(())
}
