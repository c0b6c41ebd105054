use std::io;

use may::go;
use may::sync::mpmc;
use peer_measure::{Request, Span, figure, nanoseconds_each};

/// Its channels have no bound.
pub fn run(request: &Request) -> io::Result<()> {
    let (values, senders): (u64, u64) = (request.number("values"), request.number("senders"));
    let (send, receive) = mpmc::channel();
    let span = Span::begin();
    for _ in 0..senders {
        let send = send.clone();
        go!(move || (0..values / senders).for_each(|value| send.send(value).expect("somebody receives")));
    }
    drop(send);
    let receivers: Vec<_> = (0..request.number("receivers"))
        .map(|_| {
            let receive = receive.clone();
            go!(move || receive.iter().count())
        })
        .collect();
    let received: usize = receivers.into_iter().map(|receiver| receiver.join().expect("it only counts")).sum();
    figure("ns", nanoseconds_each(span.elapsed(), values));
    assert_eq!(received as u64, values / senders * senders);
    Ok(())
}
