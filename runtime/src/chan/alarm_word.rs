//! The word of an alarm. See the table in `alarm.rs`; modelled in `alarm_loom.rs`.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

/// No message is to come. Nanoseconds have 63 bits here: 292 years.
pub(crate) const NEVER: u64 = u64::MAX >> 1;

/// Somebody may watch.
const WATCHED: u64 = 1;

#[derive(Debug)]
pub(crate) struct Word {
    /// When the message is due, shifted by one, and `WATCHED`.
    word: AtomicU64,
    /// 0: there is but one message.
    period: AtomicU64,
}

impl Word {
    pub(crate) fn new(at: u64, period: u64) -> Self {
        Word { word: AtomicU64::new(at << 1), period: AtomicU64::new(period) }
    }

    pub(crate) fn at(&self) -> u64 {
        self.word.load(Ordering::Acquire) >> 1
    }

    /// Takes the message if it is due; when it was.
    pub(crate) fn take(&self, now: u64) -> Option<u64> {
        // Acquires the period that goes with this instant.
        let word = self.word.load(Ordering::Acquire);
        let at = word >> 1;
        if at > now || at == NEVER {
            return None;
        }
        let next = match self.period.load(Ordering::Relaxed) {
            0 => NEVER,
            period => period.saturating_mul((now - at) / period + 1).saturating_add(at).min(NEVER),
        };
        let mut present = word;
        // A lost race against a watcher says nothing about the message. One against another receiver or a reset says that this very
        // message is gone, and the next one is not due yet: it lies after the `now` of whoever set it.
        while let Err(now) =
            self.word.compare_exchange(present, next << 1 | (present & WATCHED), Ordering::AcqRel, Ordering::Relaxed)
        {
            if now >> 1 != at {
                return None;
            }
            present = now;
        }
        Some(at)
    }

    /// Another instant; the former one, and whether somebody may watch.
    pub(crate) fn set(&self, at: u64) -> (u64, bool) {
        let before = self.word.swap(at << 1, Ordering::AcqRel);
        (before >> 1, before & WATCHED != 0)
    }

    /// Goes with the instants set from here on. Not to be called by two at once.
    pub(crate) fn set_period(&self, period: u64) {
        self.period.store(period, Ordering::Relaxed);
    }

    /// Somebody watches: the next `set` says so. When the message is due.
    pub(crate) fn watch(&self) -> u64 {
        self.word.fetch_or(WATCHED, Ordering::AcqRel) >> 1
    }
}
