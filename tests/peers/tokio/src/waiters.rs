use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time;

/// Its channel has one receiver, which the tasks share by a lock, and room for one value at least.
pub async fn run(request: Request) -> io::Result<()> {
    let (values, waiters): (u64, u64) = (request.number("values"), request.number("waiters"));
    let (send, receive) = mpsc::channel(1);
    let receive = Arc::new(Mutex::new(receive));
    let started = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..waiters {
        let (receive, started) = (Arc::clone(&receive), Arc::clone(&started));
        tasks.spawn(async move {
            started.fetch_add(1, Relaxed);
            let mut received = 0;
            while receive.lock().await.recv().await.is_some() {
                received += 1;
            }
            received
        });
    }
    while started.load(Relaxed) < waiters {
        time::sleep(Duration::from_millis(1)).await;
    }
    let span = Span::begin();
    for value in 0..values {
        send.send(value).await.map_err(io::Error::other)?;
    }
    figure("ns", nanoseconds_each(span.elapsed(), values));
    drop(send);
    assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), values);
    Ok(())
}
