//! A tick every 5 ms until a time-out: neither waits for the other, and a slow receiver gets no backlog of ticks.
//!
//! ```text
//! $ cargo run -p threadle-examples --example ticker
//! between 1 and 20 ticks in 100 ms: true
//! ```

use std::time::Duration;
use threadle::time::Ticker;
use threadle::{chan, select};

fn main() {
    threadle::run(|| {
        let ticker = Ticker::new(Duration::from_millis(5));
        let ticks = ticker.receiver();
        let end = chan::after(Duration::from_millis(100));
        let mut count = 0;
        loop {
            select! {
                recv(ticks) -> tick => count += u32::from(tick.is_ok()),
                recv(end) -> _ => break,
            }
        }
        println!("between 1 and 20 ticks in 100 ms: {}", (1..=20).contains(&count));
    });
}
