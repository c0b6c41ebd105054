use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use peer_measure::{Request, Span, figure};
use tokio::sync::Notify;
use tokio::time;

pub async fn run(request: Request) -> io::Result<()> {
    let parked: u64 = request.number("parked");
    let gate = Arc::new(Notify::new());
    let started = Arc::new(AtomicU64::new(0));
    for _ in 0..parked {
        let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
        tokio::spawn(async move {
            started.fetch_add(1, Relaxed);
            gate.notified().await;
        });
    }
    while started.load(Relaxed) < parked {
        time::sleep(Duration::from_millis(1)).await;
    }
    let mut ticker = time::interval(Duration::from_millis(10));
    ticker.tick().await;
    let span = Span::begin();
    for _ in 0..request.number::<u64>("ticks") {
        ticker.tick().await;
    }
    figure("cpu_percent", 100.0 * span.cpu().as_secs_f64() / span.elapsed().as_secs_f64());
    gate.notify_waiters();
    Ok(())
}
