//! Random numbers that can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// From `THREADLE_SEED` where it is set, else from the clock; printed, so that a failure can be repeated.
    ///
    /// # Panics
    ///
    /// If the variable is no number.
    pub fn announced() -> Seed {
        let seed = match std::env::var("THREADLE_SEED") {
            Ok(text) => text.parse().expect("THREADLE_SEED is a number"),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64),
        };
        println!("seed: THREADLE_SEED={seed}");
        Seed(seed)
    }

    /// An independent generator, for a goroutine of its own.
    pub fn split(&mut self) -> Seed {
        Seed(self.draw())
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}
