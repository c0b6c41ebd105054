use std::io;

use peer_measure::{Request, Span, figure, nanoseconds_each};
use threadle::{chan, go, select};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let each = request.number::<u64>("values") / 3;
    // Open to the end, as in Go: whoever has sent all of its values is not to win by being gone.
    let channels = [(); 3].map(|()| chan::bounded(0));
    for (send, _) in &channels {
        let send = send.clone();
        go(move || (0..each).try_for_each(|value| send.send(value)));
    }
    let [(_, one), (_, two), (_, three)] = &channels;
    let span = Span::begin();
    let mut sum = 0;
    for _ in 0..3 * each {
        sum += select! {
            recv(one) -> value => value,
            recv(two) -> value => value,
            recv(three) -> value => value,
        }
        .map_err(io::Error::other)?;
    }
    figure("ns", nanoseconds_each(span.elapsed(), 3 * each));
    assert_eq!(sum, 3 * each * (each - 1) / 2);
    Ok(())
}
