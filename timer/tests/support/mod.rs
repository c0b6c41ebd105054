//! Seeded random numbers for tests and benches.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// The seed of this run: `THREADLE_SEED`, else one taken from the clock. Printed, so that a failure can be repeated.
#[allow(dead_code, reason = "the bench and some tests run with a fixed seed")]
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("THREADLE_SEED") {
        Ok(seed) => seed.parse().expect("THREADLE_SEED is a number"),
        Err(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the clock is past 1970")
            .as_nanos() as u64,
    };
    println!("THREADLE_SEED={seed}");
    seed
}
