use std::io;
use std::sync::Arc;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::sync::Barrier;
use tokio::task::{self, JoinSet};

pub async fn run(request: Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let yields = request.number::<u64>("yields") / goroutines;
    let gate = Arc::new(Barrier::new(goroutines as usize + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..goroutines {
        let gate = Arc::clone(&gate);
        tasks.spawn(async move {
            gate.wait().await;
            for _ in 0..yields {
                task::yield_now().await;
            }
        });
    }
    gate.wait().await;
    let span = Span::begin();
    tasks.join_all().await;
    figure("ns", nanoseconds_each(span.elapsed(), goroutines * yields));
    Ok(())
}
