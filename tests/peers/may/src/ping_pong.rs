use std::io;

use may::go;
use may::sync::mpsc;
use peer_measure::{Request, Span, figure, nanoseconds_each};

/// Its channels have no bound.
pub fn run(request: &Request) -> io::Result<()> {
    let rounds: u64 = request.number("rounds");
    let (ping, pinged) = mpsc::channel();
    let (pong, ponged) = mpsc::channel();
    let ponger = go!(move || {
        while let Ok(token) = pinged.recv() {
            pong.send(token + 1).expect("the other end listens");
        }
    });
    let span = Span::begin();
    let mut token = 0;
    while token < rounds {
        ping.send(token).map_err(io::Error::other)?;
        token = ponged.recv().map_err(io::Error::other)?;
    }
    figure("ns", nanoseconds_each(span.elapsed(), rounds));
    drop(ping);
    ponger.join().expect("it ends with its channel");
    Ok(())
}
