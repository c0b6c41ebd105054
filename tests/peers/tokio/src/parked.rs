use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use peer_measure::{Request, Span, figure, memory};
use tokio::sync::Notify;
use tokio::time;

pub async fn run(request: Request) -> io::Result<()> {
    let count: usize = request.number("goroutines");
    let gate = Arc::new(Notify::new());
    let started = Arc::new(AtomicUsize::new(0));
    let span = Span::begin();
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
            tokio::spawn(async move {
                let opened = gate.notified();
                started.fetch_add(1, Relaxed);
                opened.await;
            })
        })
        .collect();
    while started.load(Relaxed) < count {
        time::sleep(Duration::from_millis(1)).await;
    }
    let start = span.elapsed();
    figure("bytes", memory()? as f64 / count as f64);
    let span = Span::begin();
    gate.notify_waiters();
    for task in tasks {
        task.await.map_err(io::Error::other)?;
    }
    figure("start_s", start.as_secs_f64());
    figure("wake_s", span.elapsed().as_secs_f64());
    Ok(())
}
