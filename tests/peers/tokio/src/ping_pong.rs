use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::sync::mpsc;

/// Its channels have room for one value at least.
pub async fn run(request: Request) -> io::Result<()> {
    let rounds: u64 = request.number("rounds");
    let (ping, mut pinged) = mpsc::channel(1);
    let (pong, mut ponged) = mpsc::channel(1);
    let ponger = tokio::spawn(async move {
        while let Some(token) = pinged.recv().await {
            pong.send(token + 1).await.expect("the other end listens");
        }
    });
    let span = Span::begin();
    let mut token = 0;
    while token < rounds {
        ping.send(token).await.map_err(io::Error::other)?;
        token = ponged.recv().await.expect("the other end answers");
    }
    figure("ns", nanoseconds_each(span.elapsed(), rounds));
    drop(ping);
    ponger.await.map_err(io::Error::other)
}
