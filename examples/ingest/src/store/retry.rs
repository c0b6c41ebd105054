//! Repeated attempts with growing, jittered pauses.
//!
//! OpenDAL brings a retry layer of its own; it sleeps on a timer of its own
//! choosing and cannot be told that the service is draining. Here an attempt
//! and a pause are plain blocking calls of the worker's goroutine.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{PutError, Store};
use crate::console;
use crate::counters::Counters;
use crate::stop::Stop;

/// How often to try, and how long to pause.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    patient: bool,
}

impl Policy {
    /// At most `attempts` attempts (at least one), with pauses of up to 100 ms
    /// after the first, doubling up to 5 s.
    pub fn new(attempts: u32) -> Self {
        Self {
            attempts: attempts.max(1),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            patient: false,
        }
    }

    /// The same pauses, without an end until the drain time is over, and also
    /// after errors that look permanent: somebody may yet mend the credentials.
    #[must_use]
    pub fn without_end(self) -> Self {
        Self { attempts: u32::MAX, patient: true, ..self }
    }

    /// The pause after attempt `attempt` (from 1): between a half and the whole
    /// of the doubled one, so that workers which failed together spread out.
    fn pause(&self, attempt: u32, key: &str) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << (attempt - 1).min(16)).min(self.longest_pause);
        // The key is random: hashing it with the attempt spares a random generator.
        let mut hasher = DefaultHasher::new();
        (attempt, key).hash(&mut hasher);
        let part = (hasher.finish() >> 40) as f64 / f64::from(1u32 << 24);
        doubled.mul_f64(0.5 + part / 2.0)
    }
}

/// Puts an object, again and again as the policy says, but begins nothing new
/// once the drain time is over.
///
/// # Errors
///
/// That of the last attempt.
pub fn put_with_retries(
    store: &dyn Store,
    key: &str,
    object: Bytes,
    policy: Policy,
    stop: &Stop,
    counters: &Counters,
) -> Result<(), PutError> {
    let mut attempt = 1;
    loop {
        let error = match store.put(key, object.clone()) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let worth_it = policy.patient || error.is_temporary();
        let pause = policy.pause(attempt, key);
        let in_time = |cutoff: Instant| Instant::now() + pause < cutoff;
        if attempt >= policy.attempts || !worth_it || !stop.cutoff().is_none_or(in_time) {
            return Err(error);
        }
        if attempt == 1 {
            console::log(format_args!("ingest: storing {key} failed, trying again: {error}"));
        }
        counters.retry();
        threadle::time::sleep(pause);
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_within_bounds() {
        let policy = Policy::new(4);
        for (attempt, longest) in [(1, 100), (2, 200), (3, 400), (6, 3200), (7, 5000), (99, 5000)] {
            let longest = Duration::from_millis(longest);
            for key in ["a", "b", "c"] {
                let pause = policy.pause(attempt, key);
                assert!(pause >= longest / 2 && pause <= longest, "{attempt}: {pause:?}");
            }
        }
    }
}
