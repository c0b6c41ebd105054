use std::io;
use std::sync::Arc;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::go;
use threadle::sync::Mutex;

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let each = request.number::<u64>("locks") / goroutines;
    let counter = Arc::new(Mutex::new(0));
    let span = Span::begin();
    let handles: Vec<_> = (0..goroutines)
        .map(|_| {
            let counter = Arc::clone(&counter);
            go(move || (0..each).for_each(|_| *counter.lock() += 1))
        })
        .collect();
    for handle in handles {
        handle.join().expect("it only counts");
    }
    figure("ns", nanoseconds_each(span.elapsed(), goroutines * each));
    assert_eq!(*counter.lock(), goroutines * each);
    Ok(())
}
