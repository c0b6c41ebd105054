use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use peer_measure::{Request, Span, figure, scattered};
use threadle::sync::WaitGroup;
use threadle::time;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let longest = request.number::<u64>("longest_ms") * 1000;
    let late = Arc::new(AtomicU64::new(0));
    let done = WaitGroup::new();
    let span = Span::begin();
    for index in 0..goroutines {
        let late = Arc::clone(&late);
        done.go(move || {
            let due = Instant::now() + Duration::from_micros(scattered(index, longest));
            time::sleep_until(due);
            late.fetch_add(due.elapsed().as_nanos() as u64, Relaxed);
        });
    }
    done.wait();
    figure("cpu_s", span.cpu().as_secs_f64());
    figure("lateness_ms", late.load(Relaxed) as f64 / goroutines as f64 / 1e6);
    Ok(())
}
