//! Goroutines left behind.

use std::collections::HashSet;
use std::time::Duration;

use threadle_scheduler::{dump_those, live_goroutines, mode};

use crate::time::{now, sleep};
use crate::yield_now;

/// What is about to end may end: an unjoined goroutine that has done its work.
const PATIENCE: Duration = Duration::from_secs(1);
const A_MOMENT: Duration = Duration::from_millis(1);

/// Calls `body`, and panics, with their dump, if goroutines are left that were not there before. Outside a runtime it runs one, in bound
/// mode.
///
/// They are given a second to end (of the runtime's clock: in [virtual time](crate::testing#virtual-time) it passes at once). Goroutines are
/// told apart by when they were started and not by whom, so the rest of the runtime should start none meanwhile.
///
/// **Switches.**
///
/// # Panics
/// If there are such goroutines; and with `body`'s panic, in which case nothing is looked at.
///
/// ```
/// use threadle::{chan, go, testing::assert_no_leaks};
/// assert_no_leaks(|| drop(go(|| "ends by itself")));
///
/// let left = std::panic::catch_unwind(|| {
///     assert_no_leaks(|| drop(go(|| chan::never::<()>().recv())));
/// });
/// let message = left.unwrap_err().downcast::<String>().unwrap();
/// assert!(message.contains("left behind") && message.contains("chan receive"));
/// ```
#[track_caller]
pub fn assert_no_leaks<R: Send>(body: impl FnOnce() -> R + Send) -> R {
    if mode().is_none() {
        return crate::run(|| assert_no_leaks(body));
    }
    let before: HashSet<u64> = live_goroutines().into_iter().collect();
    let value = body();
    let deadline = now() + PATIENCE;
    loop {
        let left: HashSet<u64> = live_goroutines().into_iter().filter(|id| !before.contains(id)).collect();
        if left.is_empty() {
            return value;
        }
        if now() >= deadline {
            left_behind(&left);
        }
        yield_now();
        sleep(A_MOMENT);
    }
}

#[cold]
#[track_caller]
fn left_behind(left: &HashSet<u64>) -> ! {
    let mut text = Vec::new();
    if let Err(error) = dump_those(&mut text, |id| left.contains(&id)) {
        text.extend_from_slice(format!("no dump: {error}").as_bytes());
    }
    let (were, count) = (if left.len() == 1 { "goroutine was" } else { "goroutines were" }, left.len());
    panic!("{count} {were} left behind:\n{}", String::from_utf8_lossy(&text));
}
