#![expect(clippy::disallowed_methods, reason = "that a thread is blocked is what is looked at")]

use std::io;
use std::thread;
use std::time::Duration;

use may::go;
use peer_measure::{Request, Span, figure, milliseconds};

/// It has no way to announce a call that blocks.
pub fn run(request: &Request) -> io::Result<()> {
    let (calls, call): (u64, _) = (request.number("calls"), Duration::from_millis(request.number("call_ms")));
    let span = Span::begin();
    let handles: Vec<_> =
        (0..request.number("goroutines")).map(|_| go!(move || (0..calls).for_each(|_| thread::sleep(call)))).collect();
    for handle in handles {
        handle.join().expect("it only sleeps");
    }
    figure("ms", milliseconds(span.elapsed()));
    Ok(())
}
