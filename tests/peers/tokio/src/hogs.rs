use std::hint;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use peer_measure::{Request, figure, milliseconds};
use tokio::time;

const NAP: Duration = Duration::from_millis(1);

pub async fn run(request: Request) -> io::Result<()> {
    let sleeps: u32 = request.number("sleeps");
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..request.number("hogs") {
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            while !stop.load(Relaxed) {
                hint::spin_loop();
            }
        });
    }
    let sleeper = tokio::spawn(async move {
        let mut late = Duration::ZERO;
        for _ in 0..sleeps {
            let due = Instant::now() + NAP;
            time::sleep(NAP).await;
            late += due.elapsed();
        }
        late
    });
    let late = sleeper.await.map_err(io::Error::other)?;
    figure("lateness_ms", milliseconds(late) / f64::from(sleeps));
    stop.store(true, Relaxed);
    Ok(())
}
