use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use peer_measure::{Request, Span, figure};
use threadle::time::{self, Ticker};
use threadle::{chan, go};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let parked: u64 = request.number("parked");
    let started = Arc::new(AtomicU64::new(0));
    let (hold, gate) = chan::bounded::<()>(0);
    for _ in 0..parked {
        let (gate, started) = (gate.clone(), Arc::clone(&started));
        go(move || {
            started.fetch_add(1, Relaxed);
            gate.recv()
        });
    }
    while started.load(Relaxed) < parked {
        time::sleep(Duration::from_millis(1));
    }
    let ticker = Ticker::new(Duration::from_millis(10));
    ticker.recv().map_err(io::Error::other)?;
    let span = Span::begin();
    for _ in 0..request.number::<u64>("ticks") {
        ticker.recv().map_err(io::Error::other)?;
    }
    figure("cpu_percent", 100.0 * span.cpu().as_secs_f64() / span.elapsed().as_secs_f64());
    drop(hold);
    Ok(())
}
