//! Rounds that the machine left alone.

use threadle::{Builder, metrics};

use crate::{Mode, Watchdog};

/// So many disturbed rounds in a row are no accident.
const PATIENCE: usize = 200;

/// How often, in the calling runtime, a goroutine gave way because its slice was over or lost its processor.
pub fn disturbances() -> u64 {
    let metrics = metrics();
    metrics.preempted + metrics.detached + metrics.retaken
}

/// The outcome of `round`, as goroutine 1 of a new runtime of one processor, during which nobody's slice was over.
///
/// For what is true of the order in which goroutines run: whoever has had its 10 ms goes behind everybody, or on without the processor, and
/// on a busy machine any thread may be kept from running for so long.
///
/// # Panics
///
/// If the machine leaves none of many rounds alone.
pub fn undisturbed<T: Send>(mode: Mode, round: impl Fn() -> T + Sync) -> T {
    let _watchdog = Watchdog::new(120);
    for _ in 0..PATIENCE {
        let (outcome, disturbed) = mode.run(Builder::new().procs(1), || (round(), disturbances() > 0));
        if !disturbed {
            return outcome;
        }
    }
    panic!("{mode}: {PATIENCE} rounds, and in each a slice was over");
}
