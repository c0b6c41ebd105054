use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::{chan, go};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let (values, senders, receivers): (u64, u64, u64) =
        (request.number("values"), request.number("senders"), request.number("receivers"));
    let (send, receive) = chan::bounded(request.number("capacity"));
    let span = Span::begin();
    for _ in 0..senders {
        let send = send.clone();
        go(move || (0..values / senders).try_for_each(|value| send.send(value)));
    }
    drop(send);
    let receivers: Vec<_> = (0..receivers)
        .map(|_| {
            let receive = receive.clone();
            go(move || receive.iter().count())
        })
        .collect();
    let received: usize = receivers.into_iter().map(|receiver| receiver.join().expect("it only counts")).sum();
    figure("ns", nanoseconds_each(span.elapsed(), values));
    assert_eq!(received as u64, values / senders * senders);
    Ok(())
}
