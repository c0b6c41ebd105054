use std::io;

use may::go;
use peer_measure::{Request, Span, figure, nanoseconds_each};

pub fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let span = Span::begin();
    let handles: Vec<_> = (0..goroutines).map(|_| go!(|| {})).collect();
    for handle in handles {
        handle.join().expect("it does nothing");
    }
    figure("ns", nanoseconds_each(span.elapsed(), goroutines));
    Ok(())
}
