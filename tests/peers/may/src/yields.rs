use std::io;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use may::sync::Semphore;
use may::{coroutine, go};
use peer_measure::{Request, Span, figure, nanoseconds_each};

pub fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let yields = request.number::<u64>("yields") / goroutines;
    let gate = Arc::new(Semphore::new(0));
    let started = Arc::new(AtomicU64::new(0));
    let handles: Vec<_> = (0..goroutines)
        .map(|_| {
            let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
            go!(move || {
                started.fetch_add(1, Relaxed);
                gate.wait();
                (0..yields).for_each(|_| coroutine::yield_now());
            })
        })
        .collect();
    while started.load(Relaxed) < goroutines {
        coroutine::yield_now();
    }
    let span = Span::begin();
    (0..goroutines).for_each(|_| gate.post());
    for handle in handles {
        handle.join().expect("it only yields");
    }
    figure("ns", nanoseconds_each(span.elapsed(), goroutines * yields));
    Ok(())
}
