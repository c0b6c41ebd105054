//! A one-shot sleep of one thread on one futex word (Go's note, std's parker; the three states are those of `std::thread::park`).

use crate::sync::atomic::Ordering::*;
use crate::sync::faulty;
use futex::Futex;
use std::time::Duration;

const EMPTY: u32 = 0;
const SET: u32 = 1;
const ASLEEP: u32 = 2;

/// `set` makes the owner's present or next `sleep` return; a set before the sleep is kept, two sets are one.
#[derive(Debug)]
pub(crate) struct Note(Futex);

impl Note {
    pub(crate) fn new() -> Note {
        Note(Futex::new(EMPTY))
    }

    /// Wakes the owner, now or at its next sleep.
    pub(crate) fn set(&self) {
        // A swap, also when it is set already: the release must carry this caller's writes to the sleeper.
        if self.0.swap(SET, AcqRel) == ASLEEP {
            self.0.wake();
        }
    }

    /// Whether a sleep would return at once.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Relaxed) == SET
    }

    /// Consumes a set that is waiting; the owner only, while it is awake. A `set` that comes later sees what the owner did before.
    pub(crate) fn take(&self) -> bool {
        let order = if faulty!(NoteTakenWithoutRelease) { Acquire } else { AcqRel };
        self.0.swap(EMPTY, order) == SET
    }

    /// Sleeps until set, or until the time is up; consumes the set. Only the owner may call it. False: the time was up first.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) -> bool {
        if self.0.swap(EMPTY, Acquire) == SET {
            return true;
        }
        let end = timeout.map(|d| std::time::Instant::now() + d);
        if self.0.compare_exchange(EMPTY, ASLEEP, Acquire, Acquire).is_err() {
            // A swap: a plain store could still be under way when the next set comes, and wipe it out.
            if faulty!(NoteEmptiedByStore) {
                self.0.store(EMPTY, Relaxed);
            } else {
                let _set = self.0.swap(EMPTY, Acquire);
            }
            return true;
        }
        loop {
            let left = end.map(|end| end.saturating_duration_since(std::time::Instant::now()));
            if left == Some(Duration::ZERO) {
                // A set that comes between the last look and this swap is taken now.
                return self.0.swap(EMPTY, Acquire) == SET;
            }
            self.0.wait(ASLEEP, left);
            if self.0.load(Relaxed) == SET {
                let _ = self.0.swap(EMPTY, Acquire);
                return true;
            }
        }
    }
}

/// The word, and the queue of its sleepers.
#[cfg(not(loom))]
mod futex {
    use crate::sync::atomic::AtomicU32;
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) struct Futex(AtomicU32);

    impl Futex {
        pub(super) fn new(value: u32) -> Futex {
            Futex(AtomicU32::new(value))
        }

        /// Sleeps while the word is `expected`; may also return for no reason.
        pub(super) fn wait(&self, expected: u32, timeout: Option<Duration>) {
            let spec = timeout.map(|d| libc::timespec {
                tv_sec: d.as_secs().min(libc::time_t::MAX as u64) as libc::time_t,
                tv_nsec: d.subsec_nanos() as libc::c_long,
            });
            let spec = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
            // SAFETY: the word outlives the call (borrowed), the timespec lives on this frame or is null; FUTEX_WAIT only reads them.
            // Every outcome (woken, changed word, signal, time-out) is answered by the caller's loop, which looks at the word again.
            unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), operation, expected, spec) };
        }

        /// Wakes a sleeper.
        pub(super) fn wake(&self) {
            // SAFETY: FUTEX_WAKE uses the address only as a key and never reads through it.
            unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
        }
    }

    impl std::ops::Deref for Futex {
        type Target = AtomicU32;
        fn deref(&self) -> &AtomicU32 {
            &self.0
        }
    }
}

/// Its stand-in under loom, with the kernel's promise: the word is looked at, and the sleeper queued, in one step.
#[cfg(loom)]
mod futex {
    use crate::sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
        lock, thread,
    };
    use std::time::Duration;

    /// Who has been passed over so often, while all others got on, sleeps for good.
    const PATIENCE: usize = 100;

    #[derive(Debug)]
    pub(super) struct Futex {
        word: AtomicU32,
        asleep: Mutex<bool>,
    }

    impl Futex {
        pub(super) fn new(value: u32) -> Futex {
            Futex { word: AtomicU32::new(value), asleep: Mutex::new(false) }
        }

        pub(super) fn wait(&self, expected: u32, timeout: Option<Duration>) {
            assert_eq!(timeout, None, "there is no time in a model");
            {
                let mut asleep = lock(&self.asleep);
                // The kernel's look is never stale.
                *asleep = self.word.fetch_add(0, Relaxed) == expected;
            }
            // Not loom's own blocking: it reports a deadlock by aborting the process, and no test could expect that.
            let slept = (0..PATIENCE).take_while(|_| *lock(&self.asleep)).inspect(|_| thread::yield_now()).count();
            assert!(slept < PATIENCE, "sleeps for good");
        }

        pub(super) fn wake(&self) {
            *lock(&self.asleep) = false;
        }
    }

    impl std::ops::Deref for Futex {
        type Target = AtomicU32;
        fn deref(&self) -> &AtomicU32 {
            &self.word
        }
    }
}

#[cfg(all(test, loom))]
#[path = "note_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
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
