//! Where a select begins to look.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::base::random;

/// A few random numbers in a row (xorshift, Marsaglia 2003). Begun anew for each look, from the generator of the thread: cheaper than asking
/// that one for each number, and nothing of the thread is kept.
pub(super) struct Random(u32);

impl Random {
    pub(super) fn new() -> Self {
        // A plain thread has none: a Weyl sequence that all of those share serves them.
        static SHARED: AtomicU32 = AtomicU32::new(1);
        let seed = match random() {
            0 => SHARED.fetch_add(0x9e37_79b9, Ordering::Relaxed),
            seed => seed,
        };
        // The thread's is a xorshift too: without this, the second number of one look would be the first of the next.
        Random(seed.wrapping_mul(0x85eb_ca6b) | 1)
    }

    /// A number below `bound`, which is not 0. (The reduction is Lemire's, 2019, without the rejection: a bias of one in 2^32 / `bound` does
    /// not matter here.)
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        ((u64::from(self.0) * bound as u64) >> 32) as usize
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Random;

    fn draw() {
        const DRAWS: usize = 100_000;
        for bound in [1, 2, 3, 7, 64] {
            // The first of a generator, and the one after it.
            let (mut first, mut second) = (vec![0_usize; bound], vec![0_usize; bound]);
            for _ in 0..DRAWS {
                let mut random = Random::new();
                first[random.below(bound)] += 1;
                second[random.below(bound)] += 1;
            }
            let expected = DRAWS / bound;
            // Eight standard deviations.
            let slack = 8 * expected.isqrt();
            for seen in [first, second] {
                assert!(seen.iter().all(|&count| count.abs_diff(expected) <= slack), "{bound}: {seen:?}");
            }
        }
    }

    #[test]
    fn every_number_comes_equally_often_on_a_thread() {
        draw();
    }

    #[test]
    fn every_number_comes_equally_often_on_a_goroutine() {
        crate::run(draw);
    }
}
