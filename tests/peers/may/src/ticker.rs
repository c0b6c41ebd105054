use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use may::sync::Semphore;
use may::{coroutine, go};
use peer_measure::{Request, Span, figure};

const PERIOD: Duration = Duration::from_millis(10);

/// It has no tickers: a loop of sleeps.
pub fn run(request: &Request) -> io::Result<()> {
    let parked: usize = request.number("parked");
    let gate = Arc::new(Semphore::new(0));
    let started = Arc::new(AtomicUsize::new(0));
    for _ in 0..parked {
        let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
        go!(move || {
            started.fetch_add(1, Relaxed);
            gate.wait();
        });
    }
    while started.load(Relaxed) < parked {
        coroutine::sleep(Duration::from_millis(1));
    }
    let span = Span::begin();
    let mut due = Instant::now();
    for _ in 0..request.number::<u64>("ticks") {
        due += PERIOD;
        coroutine::sleep(due.saturating_duration_since(Instant::now()));
    }
    figure("cpu_percent", 100.0 * span.cpu().as_secs_f64() / span.elapsed().as_secs_f64());
    (0..parked).for_each(|_| gate.post());
    Ok(())
}
