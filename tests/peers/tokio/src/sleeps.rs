use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use peer_measure::{Request, Span, figure, scattered};
use tokio::time::{self, Instant};

pub async fn run(request: Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let longest = request.number::<u64>("longest_ms") * 1000;
    let late = Arc::new(AtomicU64::new(0));
    let span = Span::begin();
    let tasks: Vec<_> = (0..goroutines)
        .map(|index| {
            let late = Arc::clone(&late);
            tokio::spawn(async move {
                let due = Instant::now() + Duration::from_micros(scattered(index, longest));
                time::sleep_until(due).await;
                late.fetch_add(due.elapsed().as_nanos() as u64, Relaxed);
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(io::Error::other)?;
    }
    figure("cpu_s", span.cpu().as_secs_f64());
    figure("lateness_ms", late.load(Relaxed) as f64 / goroutines as f64 / 1e6);
    Ok(())
}
