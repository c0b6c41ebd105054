//! What is ranked.

/// Something somebody did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Activity {
    /// How long ago, in days.
    pub(crate) time: f64,
    /// How many have liked it.
    pub(crate) popularity: f64,
}

/// `count` activities, the same each time and in `ranking.py`.
pub(crate) fn generate(count: usize) -> Vec<Activity> {
    let mut state: u32 = 2_463_534_242;
    // A linear congruential generator (Numerical Recipes, 1992): its upper bits are good enough here, and Python does it in one line.
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1_u32 << 24)
    };
    (0..count).map(|_| Activity { time: draw() * 10.0, popularity: draw() * 1000.0 }).collect()
}
