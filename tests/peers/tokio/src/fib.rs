use std::future::Future;
use std::io;
use std::pin::Pin;

use peer_measure::{Request, Span, figure, milliseconds};

pub async fn run(request: Request) -> io::Result<()> {
    let n = request.number("n");
    let span = Span::begin();
    let number = forked_fib(n).await;
    figure("ms", milliseconds(span.elapsed()));
    let (_, expected) = (0..n).fold((1, 0), |(before, last), _| (last, before + last));
    assert_eq!(number, expected);
    Ok(())
}

fn forked_fib(n: u32) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return u64::from(n);
        }
        let left = tokio::spawn(forked_fib(n - 2));
        let right = forked_fib(n - 1).await;
        left.await.expect("it only adds") + right
    })
}
