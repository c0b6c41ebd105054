use std::hint;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use may::{coroutine, go};
use peer_measure::{Request, figure, milliseconds};

const NAP: Duration = Duration::from_millis(1);

pub fn run(request: &Request) -> io::Result<()> {
    let sleeps: u32 = request.number("sleeps");
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..request.number("hogs") {
        let stop = Arc::clone(&stop);
        go!(move || {
            while !stop.load(Relaxed) {
                hint::spin_loop();
            }
        });
    }
    let sleeper = go!(move || {
        let mut late = Duration::ZERO;
        for _ in 0..sleeps {
            let due = Instant::now() + NAP;
            coroutine::sleep(NAP);
            late += due.elapsed();
        }
        late
    });
    let late = sleeper.join().expect("it only sleeps");
    figure("lateness_ms", milliseconds(late) / f64::from(sleeps));
    stop.store(true, Relaxed);
    Ok(())
}
