//! How long calls took, recorded by many at once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;

use crate::store::{PutError, Store};

/// Longest latency that is told apart.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

/// An empty histogram of microseconds.
pub(super) fn new_histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, 3).expect("bounds and precision are valid")
}

/// The middle, the end, and the worst of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Percentiles {
    pub(super) fn of(microseconds: &Histogram<u32>) -> Self {
        let milliseconds = |microseconds: u64| microseconds as f64 / 1e3;
        Self {
            p50_ms: milliseconds(microseconds.value_at_quantile(0.5)),
            p99_ms: milliseconds(microseconds.value_at_quantile(0.99)),
            max_ms: milliseconds(microseconds.max()),
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", self.p50_ms, self.p99_ms, self.max_ms)
    }
}

/// Latencies of one kind of call. Clones record into the same.
#[derive(Clone, Debug)]
pub struct Latencies(Arc<Mutex<Histogram<u32>>>);

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(new_histogram())))
    }

    /// Adds one that has begun at `begun` and is over now.
    pub fn record_since(&self, begun: Instant) {
        self.lock().saturating_record(begun.elapsed().as_micros() as u64);
    }

    /// Of those so far.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles::of(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// A store whose puts are timed.
#[derive(Debug)]
pub struct Timed {
    /// Where they go.
    pub store: Arc<dyn Store>,
    /// From the call until it has returned, those that failed included.
    pub puts: Latencies,
}

impl Store for Timed {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        let begun = Instant::now();
        let result = self.store.put(key, object);
        self.puts.record_since(begun);
        result
    }
}
