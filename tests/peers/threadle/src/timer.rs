use std::io;
use std::time::Duration;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::time::Timer;

const FAR: Duration = Duration::from_secs(3600);

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let operations: u64 = request.number("operations");
    let standing: Vec<_> = (0..request.number("standing"))
        .map(|number| Timer::after_func(FAR + Duration::from_millis(number), || unreachable!("an hour early")))
        .collect();
    let span = Span::begin();
    for _ in 0..operations {
        Timer::after_func(FAR, || unreachable!("an hour early")).stop();
    }
    figure("armed_ns", nanoseconds_each(span.elapsed(), operations));
    // Nobody waits for it: then nothing is armed.
    let span = Span::begin();
    for _ in 0..operations {
        Timer::after(FAR).stop();
    }
    figure("unwatched_ns", nanoseconds_each(span.elapsed(), operations));
    standing.iter().for_each(|timer| assert!(timer.stop()));
    Ok(())
}
