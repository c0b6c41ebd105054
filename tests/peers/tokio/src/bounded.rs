use std::io;
use std::sync::Arc;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Its channel has one receiver, which four tasks share by a lock.
pub async fn run(request: Request) -> io::Result<()> {
    let (values, senders): (u64, u64) = (request.number("values"), request.number("senders"));
    let (send, receive) = mpsc::channel(request.number("capacity"));
    let receive = Arc::new(Mutex::new(receive));
    let span = Span::begin();
    for _ in 0..senders {
        let send = send.clone();
        tokio::spawn(async move {
            for value in 0..values / senders {
                send.send(value).await.expect("somebody receives");
            }
        });
    }
    drop(send);
    let mut receivers = JoinSet::new();
    for _ in 0..request.number("receivers") {
        let receive = Arc::clone(&receive);
        receivers.spawn(async move {
            let mut received = 0;
            while receive.lock().await.recv().await.is_some() {
                received += 1;
            }
            received
        });
    }
    let received: u64 = receivers.join_all().await.into_iter().sum();
    figure("ns", nanoseconds_each(span.elapsed(), values));
    assert_eq!(received, values / senders * senders);
    Ok(())
}
