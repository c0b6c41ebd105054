use std::io;
use std::sync::Arc;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub async fn run(request: Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let each = request.number::<u64>("locks") / goroutines;
    let counter = Arc::new(Mutex::new(0));
    let span = Span::begin();
    let mut tasks = JoinSet::new();
    for _ in 0..goroutines {
        let counter = Arc::clone(&counter);
        tasks.spawn(async move {
            for _ in 0..each {
                *counter.lock().await += 1;
            }
        });
    }
    tasks.join_all().await;
    figure("ns", nanoseconds_each(span.elapsed(), goroutines * each));
    assert_eq!(*counter.lock().await, goroutines * each);
    Ok(())
}
