use std::future::{Future, poll_fn};
use std::hint;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use tokio::time::{self, Sleep};

const FAR: Duration = Duration::from_secs(3600);

/// Its timers are futures, armed when they are first polled and stopped when they are dropped.
pub async fn run(request: Request) -> io::Result<()> {
    let operations: u64 = request.number("operations");
    let mut standing: Vec<_> = (0..request.number("standing"))
        .map(|number| Box::pin(time::sleep(FAR + Duration::from_millis(number))))
        .collect();
    for sleep in &mut standing {
        arm(sleep.as_mut()).await;
    }
    let span = Span::begin();
    for _ in 0..operations {
        arm(pin!(time::sleep(FAR))).await;
    }
    figure("armed_ns", nanoseconds_each(span.elapsed(), operations));
    // Nobody polls it: then nothing is armed.
    let span = Span::begin();
    for _ in 0..operations {
        drop(hint::black_box(time::sleep(FAR)));
    }
    figure("unwatched_ns", nanoseconds_each(span.elapsed(), operations));
    Ok(())
}

async fn arm(mut sleep: Pin<&mut Sleep>) {
    poll_fn(|context| {
        assert!(sleep.as_mut().poll(context).is_pending(), "an hour early");
        Poll::Ready(())
    })
    .await;
}
