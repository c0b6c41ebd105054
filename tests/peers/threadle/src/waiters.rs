use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::{chan, go, time};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let (values, waiters): (u64, u64) = (request.number("values"), request.number("waiters"));
    let (send, receive) = chan::bounded(0);
    let started = Arc::new(AtomicU64::new(0));
    let handles: Vec<_> = (0..waiters)
        .map(|_| {
            let (receive, started) = (receive.clone(), Arc::clone(&started));
            go(move || {
                started.fetch_add(1, Relaxed);
                receive.iter().count()
            })
        })
        .collect();
    while started.load(Relaxed) < waiters {
        time::sleep(Duration::from_millis(1));
    }
    let span = Span::begin();
    for value in 0..values {
        send.send(value).map_err(io::Error::other)?;
    }
    figure("ns", nanoseconds_each(span.elapsed(), values));
    drop(send);
    let received: usize = handles.into_iter().map(|handle| handle.join().expect("it only counts")).sum();
    assert_eq!(received as u64, values);
    Ok(())
}
