//! A service that ends well: at SIGTERM it takes no more requests, finishes those it has, and only then ends.
//!
//! It sends the signal to itself, so that the example ends.
//!
//! ```text
//! $ cargo run -p threadle-examples --example graceful_shutdown
//! SIGTERM: no more requests
//! every request that was taken has been served: true
//! ```

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use threadle::signal::{self, Signal};
use threadle::sync::WaitGroup;
use threadle::{blocking, go, select, time};

fn main() -> std::io::Result<()> {
    threadle::run(|| {
        let stop = signal::notify(&[Signal::TERMINATE, Signal::INTERRUPT])?;
        go(|| {
            time::sleep(Duration::from_millis(20));
            let kill = || Command::new("sh").args(["-c", &format!("kill {}", std::process::id())]).status();
            if let Err(error) = blocking(kill) {
                eprintln!("no signal is coming: {error}");
                std::process::exit(1);
            }
        });

        let requests = time::Ticker::new(Duration::from_millis(1));
        let arrivals = requests.receiver();
        let (taken, served) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let under_way = WaitGroup::new();
        loop {
            select! {
                recv(arrivals) -> _ => {
                    taken.fetch_add(1, SeqCst);
                    let served = Arc::clone(&served);
                    under_way.go(move || {
                        time::sleep(Duration::from_millis(10));
                        served.fetch_add(1, SeqCst);
                    });
                }
                recv(stop) -> signal => {
                    if let Ok(signal) = signal {
                        println!("{signal}: no more requests");
                    }
                    break;
                }
            }
        }
        under_way.wait();
        println!("every request that was taken has been served: {}", taken.load(SeqCst) == served.load(SeqCst));
        Ok(())
    })
}
