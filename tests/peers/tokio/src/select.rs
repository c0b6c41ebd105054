use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::sync::mpsc;

/// Its channels have room for one value at least.
pub async fn run(request: Request) -> io::Result<()> {
    let each = request.number::<u64>("values") / 3;
    let [mut one, mut two, mut three] = [(); 3].map(|()| {
        let (send, receive) = mpsc::channel(1);
        tokio::spawn(async move {
            for value in 0..each {
                send.send(value).await.expect("somebody receives");
            }
        });
        receive
    });
    let span = Span::begin();
    let mut sum = 0;
    for _ in 0..3 * each {
        sum += tokio::select! {
            Some(value) = one.recv() => value,
            Some(value) = two.recv() => value,
            Some(value) = three.recv() => value,
            else => break,
        };
    }
    figure("ns", nanoseconds_each(span.elapsed(), 3 * each));
    assert_eq!(sum, 3 * each * (each - 1) / 2);
    Ok(())
}
