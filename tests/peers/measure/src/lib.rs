//! What the programs of `tests/peers` measure alike, and how they report it to `threadle-peers`, which runs them.
//!
//! A program is called as `BINARY PROGRAM KEY=NUMBER ..` ([`Request`]) and answers on standard output, one figure a line ([`figure`]).
//! Everything else it prints is taken for a complaint and shown. So a peer in another language needs nothing but two lines of its own
//! to take part.

mod process;
mod request;
mod server;

pub use process::{Span, cpu_time, cpu_time_of, memory, raise_descriptor_limit};
pub use request::Request;
pub use server::Server;

use std::fmt;
use std::time::Duration;

/// Reports a figure of the program that runs.
pub fn figure(name: &str, value: f64) {
    println!("figure {name} {value}");
}

/// Says why this system has no such program: the table shows a dash with the reason.
pub fn absent(reason: impl fmt::Display) {
    println!("absent {reason}");
}

/// Says which version of which system this is.
pub fn version(version: impl fmt::Display) {
    println!("version {version}");
}

/// Nanoseconds for each of `count` in `elapsed`.
pub fn nanoseconds_each(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

/// Milliseconds, with their fraction.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The `index`th of a sequence of numbers below `bound` that looks random and is the same in each system: SplitMix64, by Steele, Lea and
/// Flood ("Fast splittable pseudorandom number generators", 2014).
pub fn scattered(index: u64, bound: u64) -> u64 {
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) % bound
}

#[cfg(test)]
mod tests {
    use super::scattered;

    #[test]
    fn what_is_scattered_is_spread_and_the_same_each_time() {
        // The generator's own first outputs from a seed of 0, as its authors' program prints them.
        assert_eq!(scattered(0, u64::MAX), 0xe220_a839_7b1d_cdaf);
        assert_eq!(scattered(1, u64::MAX), 0x6e78_9e6a_a1b9_65f4);
        let mean = (0..10_000).map(|index| scattered(index, 2_000)).sum::<u64>() / 10_000;
        assert!((950..1_050).contains(&mean), "{mean}");
    }
}
