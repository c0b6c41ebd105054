#![expect(clippy::disallowed_methods, reason = "that a thread is blocked is what is looked at")]

use std::io;
use std::thread;
use std::time::Duration;

use peer_measure::{Request, Span, figure, milliseconds};
use tokio::task::{JoinSet, spawn_blocking};

pub async fn run(request: Request) -> io::Result<()> {
    let (calls, call): (u64, _) = (request.number("calls"), Duration::from_millis(request.number("call_ms")));
    let span = Span::begin();
    let mut tasks = JoinSet::new();
    for _ in 0..request.number("goroutines") {
        tasks.spawn(async move {
            for _ in 0..calls {
                spawn_blocking(move || thread::sleep(call)).await.expect("it only sleeps");
            }
        });
    }
    tasks.join_all().await;
    figure("ms", milliseconds(span.elapsed()));
    Ok(())
}
