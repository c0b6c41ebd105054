use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};

pub async fn run(request: Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let span = Span::begin();
    let tasks: Vec<_> = (0..goroutines).map(|_| tokio::spawn(async {})).collect();
    for task in tasks {
        task.await.map_err(io::Error::other)?;
    }
    figure("ns", nanoseconds_each(span.elapsed(), goroutines));
    Ok(())
}
