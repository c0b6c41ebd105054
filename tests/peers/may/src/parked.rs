use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use may::sync::{Condvar, Mutex};
use may::{coroutine, go};
use peer_measure::{Request, Span, figure, memory};

pub fn run(request: &Request) -> io::Result<()> {
    let count: usize = request.number("goroutines");
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let started = Arc::new(AtomicUsize::new(0));
    let span = Span::begin();
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
            go!(move || {
                started.fetch_add(1, Relaxed);
                let mut open = gate.0.lock().expect("nobody panics");
                while !*open {
                    open = gate.1.wait(open).expect("nobody panics");
                }
            })
        })
        .collect();
    while started.load(Relaxed) < count {
        coroutine::sleep(Duration::from_millis(1));
    }
    let start = span.elapsed();
    figure("bytes", memory()? as f64 / count as f64);
    let span = Span::begin();
    *gate.0.lock().expect("nobody panics") = true;
    gate.1.notify_all();
    for handle in handles {
        handle.join().expect("it only waits");
    }
    figure("start_s", start.as_secs_f64());
    figure("wake_s", span.elapsed().as_secs_f64());
    Ok(())
}
