use std::future::Future;
use std::io;
use std::pin::Pin;

use peer_measure::{Request, Span, figure, milliseconds};
use tokio::sync::mpsc;

pub async fn run(request: Request) -> io::Result<()> {
    let leaves: u64 = request.number("leaves");
    let span = Span::begin();
    let (send, mut receive) = mpsc::channel(1);
    tokio::spawn(branch(0, leaves, send));
    let sum = receive.recv().await.expect("the root sends");
    figure("ms", milliseconds(span.elapsed()));
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    Ok(())
}

fn branch(first: u64, leaves: u64, parent: mpsc::Sender<u64>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let mut sum = first;
        if leaves > 1 {
            let (send, mut receive) = mpsc::channel(10);
            let each = leaves / 10;
            for child in 0..10 {
                tokio::spawn(branch(first + child * each, each, send.clone()));
            }
            drop(send);
            sum = 0;
            while let Some(part) = receive.recv().await {
                sum += part;
            }
        }
        parent.send(sum).await.expect("the parent receives");
    })
}
