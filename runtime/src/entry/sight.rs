//! Looking into a runtime.

use std::io::{self, Write};

use threadle_scheduler::Metrics;

/// How many goroutines of the caller's runtime have not ended. 0 outside a runtime. Does not switch.
///
/// ```
/// assert_eq!(threadle::run(threadle::num_goroutines), 1); // main
/// assert_eq!(threadle::num_goroutines(), 0);
/// ```
pub fn num_goroutines() -> usize {
    threadle_scheduler::num_goroutines()
}

/// How many goroutines of the caller's runtime may run at once; outside a runtime, how many a new one would run by default. Does not switch.
///
/// ```
/// let usual = threadle::procs();
/// assert_eq!(threadle::run(threadle::procs), usual);
/// ```
pub fn procs() -> usize {
    threadle_scheduler::procs()
}

/// Writes what every goroutine of the caller's runtime does (outside a runtime: of every runtime in the process), sorted by number:
///
/// ```text
/// goroutine 7 "upload" [chan receive, 2.1 s]:
///     waits at src/upload.rs:112:30
///     spawned at src/main.rs:31:9
/// ```
///
/// Does not switch and stops nobody: each goroutine is shown as it is at its own instant.
///
/// # Errors
/// Those of the writer.
///
/// ```
/// threadle::run(|| {
///     let mut text = Vec::new();
///     threadle::dump(&mut text).unwrap();
///     assert!(String::from_utf8(text).unwrap().starts_with("goroutine 1 "));
/// });
/// ```
pub fn dump(out: &mut impl Write) -> io::Result<()> {
    threadle_scheduler::dump(out)
}

/// Numbers about the caller's runtime; outside a runtime, about the one that ended last, as it was then (all zero if none has). Does not
/// switch.
///
/// ```
/// threadle::run(|| {
///     threadle::go(|| ()).join().unwrap();
///     assert!(threadle::metrics().finished >= 1);
/// });
/// assert_eq!(threadle::metrics().left_threads, 0);
/// ```
pub fn metrics() -> Metrics {
    threadle_scheduler::metrics()
}
