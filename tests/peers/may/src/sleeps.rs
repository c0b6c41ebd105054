use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use may::{coroutine, go};
use peer_measure::{Request, Span, figure, scattered};

pub fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let longest = request.number::<u64>("longest_ms") * 1000;
    let late = Arc::new(AtomicU64::new(0));
    let span = Span::begin();
    let handles: Vec<_> = (0..goroutines)
        .map(|index| {
            let late = Arc::clone(&late);
            go!(move || {
                let due = Instant::now() + Duration::from_micros(scattered(index, longest));
                coroutine::sleep(due.saturating_duration_since(Instant::now()));
                late.fetch_add(due.elapsed().as_nanos() as u64, Relaxed);
            })
        })
        .collect();
    for handle in handles {
        handle.join().expect("it only sleeps");
    }
    figure("cpu_s", span.cpu().as_secs_f64());
    figure("lateness_ms", late.load(Relaxed) as f64 / goroutines as f64 / 1e6);
    Ok(())
}
