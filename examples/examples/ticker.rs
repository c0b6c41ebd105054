//! A tick every 5 ms until a time-out: neither waits for the other, and a slow receiver gets no backlog of ticks.
//!
//! ```text
//! $ cargo run -p threadle-examples --example ticker
//! a tick came, and never two in 5 ms: true
//! ```

use std::time::{Duration, Instant};
use threadle::time::Ticker;
use threadle::{chan, select_biased};

fn main() {
    threadle::run(|| {
        let begun = Instant::now();
        let ticker = Ticker::new(Duration::from_millis(5));
        let ticks = ticker.receiver();
        let end = chan::after(Duration::from_millis(100));
        let mut count = 0;
        loop {
            // A tick first, where both have come.
            select_biased! {
                recv(ticks) -> tick => count += u128::from(tick.is_ok()),
                recv(end) -> _ => break,
            }
        }
        let periods = begun.elapsed().as_millis() / 5;
        println!("a tick came, and never two in 5 ms: {}", (1..=periods).contains(&count));
    });
}
