use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::sync::WaitGroup;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let span = Span::begin();
    let done = WaitGroup::new();
    for _ in 0..goroutines {
        done.go(|| {});
    }
    done.wait();
    figure("ns", nanoseconds_each(span.elapsed(), goroutines));
    Ok(())
}
