//! The lock of a channel: held for a few dozen instructions, never over a switch, and never while user code runs.
//!
//! std's mutex frees itself by a swap, to learn whether somebody sleeps; with the compare-and-swap that takes it that is two locked
//! instructions a section, and they were two thirds of a send that does not wait (`perf`, `benches/channels.rs`). Nobody sleeps *in* this
//! lock, so freeing it is a plain store.
//!
//! Who finds it taken waits a moment and looks again, some times over, then lets other threads run, then sleeps, each time for longer, up to
//! half a millisecond: the holder is not running, and no amount of looking helps. (That is the case against a pure spinning lock, which burns the
//! slice that the holder needs, or, above the holder in priority, never lets it run.) A waiter sleeps on its thread with its P, as it would
//! in std's mutex; a section interrupted by the kernel is rare, and what it costs others is bounded by the sleep it could have saved.
//!
//! A moment is some twenty sections, not one, although the holder is done long before. Each look takes the cache line from the holder's thread,
//! which wants it back for its next section, with the lines of the buffer and the lists; who looks all the time gets in after every section or two,
//! and then each of them begins with lines that lie elsewhere. While nobody looks, the holder's thread does a few dozen sends or receives with
//! lines that are its own, and after that so does the other. Who met the holder of a lock that is seldom taken loses up to one moment by it, as a
//! rule less than a wake-up costs. Measured, two threads, four senders and four receivers, 128 places, a value: 205 ns bound and 155 migrating with
//! one pause between two looks, 172 and 194 with 8, 82 and 88 with 30, 63 and 64 with 60, 57 and 53 with 120, of some 22 ns each.
//! With 120 a `select` over channels that are seldom contended pays for it, with 40 it does not (docs/decisions/0035).
//!
//! Panics do not poison it: a section that panics (only `Parking::open` in a `no_switch` does) leaves the data whole.

//!
//! The models of the channel take loom's mutex for it, for loom cannot explore a loop that waits for others to go on; the word has a model of its
//! own.

use crate::base::atomic::{AtomicBool, Ordering};
use crate::base::faulty;

#[cfg(loom)]
pub(super) use crate::base::{Mutex as Lock, MutexGuard as Guard};
#[cfg(not(loom))]
pub(super) use waiting::{Guard, Lock};

/// Whether the lock is taken.
struct Word(AtomicBool);

impl Word {
    fn new() -> Self {
        Word(AtomicBool::new(false))
    }

    /// Takes the lock, if it is free. Who does sees what the last holder did.
    #[inline]
    fn try_take(&self) -> bool {
        // Not a swap: one that fails writes too, and loom does not know that the holder's store comes after that.
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// By the holder.
    #[inline]
    fn free(&self) {
        self.0.store(false, if faulty!(LockFreedRelaxed) { Ordering::Relaxed } else { Ordering::Release });
    }

    /// A hint. Looking is cheaper than trying: it leaves the cache line with the holder.
    fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(not(loom))]
mod waiting {
    use std::cell::UnsafeCell;
    use std::fmt;
    use std::ops::{Deref, DerefMut};
    use std::time::Duration;

    use super::Word;

    const LOOKS: u32 = 8;
    /// Between two looks.
    const PAUSES: u32 = 40;
    const YIELDS: u32 = 8;
    const SHORTEST: Duration = Duration::from_micros(10);
    const LONGEST: Duration = Duration::from_micros(500);

    pub(in crate::chan) struct Lock<T> {
        word: Word,
        value: UnsafeCell<T>,
    }

    /// The right to the value, while it lives.
    pub(in crate::chan) struct Guard<'a, T> {
        lock: &'a Lock<T>,
        /// It is freed by whoever has it, but not on another thread than it was taken on: nobody needs that, and a goroutine that switches
        /// with it is a mistake.
        _not_send: std::marker::PhantomData<*const ()>,
    }

    // SAFETY: the value is reached through a guard only, of which there is one at a time; so sharing the lock sends the value.
    unsafe impl<T: Send> Sync for Lock<T> {}

    impl<T> Lock<T> {
        pub(in crate::chan) fn new(value: T) -> Self {
            Lock { word: Word::new(), value: UnsafeCell::new(value) }
        }

        #[inline]
        pub(in crate::chan) fn lock(&self) -> Guard<'_, T> {
            if !self.word.try_take() {
                self.wait();
            }
            Guard { lock: self, _not_send: std::marker::PhantomData }
        }

        #[cold]
        #[allow(clippy::disallowed_methods, reason = "as in std's mutex, it is the thread that waits, and briefly")]
        fn wait(&self) {
            let (mut passes, mut sleep) = (0, SHORTEST);
            while self.word.is_taken() || !self.word.try_take() {
                passes += 1;
                if passes <= LOOKS {
                    (0..PAUSES).for_each(|_| std::hint::spin_loop());
                } else if passes <= LOOKS + YIELDS {
                    std::thread::yield_now();
                } else {
                    std::thread::sleep(sleep);
                    (passes, sleep) = (LOOKS + YIELDS, LONGEST.min(2 * sleep));
                }
            }
        }
    }

    impl<T> Drop for Guard<'_, T> {
        #[inline]
        fn drop(&mut self) {
            self.lock.word.free();
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: the guard exists, so nobody else has the value.
            unsafe { &*self.lock.value.get() }
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: as above, and the guard is borrowed for as long as this is.
            unsafe { &mut *self.lock.value.get() }
        }
    }

    impl<T> fmt::Debug for Lock<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(if self.word.is_taken() { "taken" } else { "free" })
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::*;
    use crate::base::fault::{Fault, check, step, with_fault};

    struct Guarded {
        word: Word,
        value: UnsafeCell<usize>,
    }

    impl Guarded {
        /// How often, of two tries, it got in.
        fn try_twice(&self) -> usize {
            let mut entered = 0;
            for _ in 0..2 {
                step();
                if self.word.try_take() {
                    // SAFETY: the lock is taken, and loom checks that this is enough.
                    self.value.with_mut(|value| unsafe { *value += 1 });
                    entered += 1;
                    self.word.free();
                }
            }
            entered
        }
    }

    // SAFETY: that the cell is touched by one thread at a time is what the model is about.
    unsafe impl Sync for Guarded {}
    // SAFETY: nothing in it belongs to a thread.
    unsafe impl Send for Guarded {}

    fn contend() {
        check(3, || {
            let guarded = Arc::new(Guarded { word: Word::new(), value: UnsafeCell::new(0) });
            let other = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || guarded.try_twice())
            };
            let entered = guarded.try_twice() + other.join().unwrap();
            assert!(entered >= 1, "nobody got in where nobody was");
            // SAFETY: the other has ended.
            assert_eq!(guarded.value.with(|value| unsafe { *value }), entered);
        });
    }

    #[test]
    fn loom_chan_lock() {
        contend();
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn loom_chan_lock_broken_freed_relaxed() {
        with_fault(Fault::LockFreedRelaxed, contend);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "no goroutine runs here")]
    fn one_at_a_time_also_where_holders_are_slow() {
        let lock = Lock::new(0_u32);
        std::thread::scope(|threads| {
            for slow in [false, false, true, true] {
                let lock = &lock;
                threads.spawn(move || {
                    for n in 0..1000 {
                        let mut value = lock.lock();
                        let before = *value;
                        if slow && n % 100 == 0 {
                            // Longer than anybody looks on.
                            std::thread::sleep(std::time::Duration::from_micros(200));
                        }
                        *value = before + 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 4000);
    }
}
