use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::sync::WaitGroup;
use threadle::{chan, yield_now};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let goroutines: u64 = request.number("goroutines");
    let yields = request.number::<u64>("yields") / goroutines;
    let (ready, done) = (WaitGroup::new(), WaitGroup::new());
    let (hold, gate) = chan::bounded::<()>(0);
    ready.add(goroutines as usize);
    for _ in 0..goroutines {
        let (ready, gate) = (ready.clone(), gate.clone());
        done.go(move || {
            ready.done();
            gate.recv().expect_err("nothing is ever sent");
            (0..yields).for_each(|_| yield_now());
        });
    }
    ready.wait();
    let span = Span::begin();
    drop(hold);
    done.wait();
    figure("ns", nanoseconds_each(span.elapsed(), goroutines * yields));
    Ok(())
}
