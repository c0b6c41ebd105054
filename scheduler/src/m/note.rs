//! A one-shot sleep of one thread on one futex word (Go's note, std's parker; the three states are those of `std::thread::park`).

use crate::sync::atomic::{AtomicU32, Ordering::*};
use std::time::Duration;

const EMPTY: u32 = 0;
const SET: u32 = 1;
const ASLEEP: u32 = 2;

/// `set` makes the owner's present or next `sleep` return; a set before the sleep is kept, two sets are one.
#[derive(Debug)]
pub(crate) struct Note(AtomicU32);

impl Note {
    pub(crate) const fn new() -> Note {
        Note(AtomicU32::new(EMPTY))
    }

    /// Wakes the owner, now or at its next sleep.
    pub(crate) fn set(&self) {
        // A swap, also when it is set already: the release must carry this caller's writes to the sleeper.
        if self.0.swap(SET, AcqRel) == ASLEEP {
            futex_wake(&self.0);
        }
    }

    /// Consumes a set that is waiting; the owner only, while it is awake.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(EMPTY, Acquire) == SET
    }

    /// Sleeps until set, or until the time is up; consumes the set. Only the owner may call it. False: the time was up first.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) -> bool {
        if self.0.swap(EMPTY, Acquire) == SET {
            return true;
        }
        let end = timeout.map(|d| std::time::Instant::now() + d);
        if self.0.compare_exchange(EMPTY, ASLEEP, Acquire, Acquire).is_err() {
            self.0.store(EMPTY, Relaxed);
            return true;
        }
        loop {
            let left = end.map(|end| end.saturating_duration_since(std::time::Instant::now()));
            if left == Some(Duration::ZERO) {
                // A set that comes between the last look and this swap is taken now.
                return self.0.swap(EMPTY, Acquire) == SET;
            }
            futex_wait(&self.0, ASLEEP, left);
            if self.0.load(Relaxed) == SET {
                let _ = self.0.swap(EMPTY, Acquire);
                return true;
            }
        }
    }
}

fn futex_wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) {
    let spec = timeout.map(|d| libc::timespec {
        tv_sec: d.as_secs().min(libc::time_t::MAX as u64) as libc::time_t,
        tv_nsec: d.subsec_nanos() as libc::c_long,
    });
    let spec = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word outlives the call (borrowed), the timespec lives on this frame or is null; FUTEX_WAIT only reads them. Every
    // outcome (woken, changed word, signal, time-out) is answered by the caller's loop, which looks at the word again.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, expected, spec)
    };
}

fn futex_wake(word: &AtomicU32) {
    // SAFETY: FUTEX_WAKE uses the address only as a key and never reads through it.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_set_before_the_sleep_is_kept_and_consumed_once() {
        let note = Note::new();
        note.set();
        note.set();
        assert!(note.sleep(None));
        assert!(!note.sleep(Some(Duration::from_millis(1))));
    }

    #[test]
    fn a_set_ends_the_sleep() {
        let note = Arc::new(Note::new());
        let sleeper = note.clone();
        let thread = std::thread::spawn(move || (0..1000).all(|_| sleeper.sleep(None)));
        while !thread.is_finished() {
            note.set();
            std::thread::yield_now();
        }
        assert!(thread.join().unwrap());
    }
}
