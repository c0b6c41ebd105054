//! Waiting for a number of things to be done.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::JoinHandle;
use crate::base::{Mutex, Parking, Reason, checkpoint, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{WaitList, Waiter};

/// A counter that [`wait`](Self::wait) waits on until it is zero. Clones share the counter; cloning does not count.
///
/// Unlike Go's, a group may be used again at once: a waiter is woken when the count it waited on reached zero, whatever is added
/// afterwards.
///
/// ```
/// use threadle::sync::WaitGroup;
///
/// threadle::run(|| {
///     let group = WaitGroup::new();
///     for n in 0..3 {
///         group.go(move || println!("{n}"));
///     }
///     group.wait();
/// });
/// ```
#[derive(Clone)]
pub struct WaitGroup {
    shared: Arc<Shared>,
}

/// The step from one to zero is made under the list's lock, together with emptying the list; every other step is one atomic operation. A
/// waiter queues under that lock after it saw a count above zero there, so it is in the list when the step to zero comes.
struct Shared {
    count: AtomicUsize,
    waiters: Mutex<WaitList<()>>,
}

impl WaitGroup {
    /// A group whose count is zero. Switches: no.
    ///
    /// ```
    /// threadle::sync::WaitGroup::new().wait(); // nothing to wait for
    /// ```
    pub fn new() -> Self {
        WaitGroup { shared: Arc::new(Shared { count: AtomicUsize::new(0), waiters: Mutex::new(WaitList::new()) }) }
    }

    /// Counts `n` more things to be done.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// If the count overflows.
    ///
    /// ```
    /// let group = threadle::sync::WaitGroup::new();
    /// group.add(1);
    /// group.done();
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn add(&self, n: usize) {
        // Relaxed: who adds hands the group on by something that orders it, or waits itself.
        let added = self.shared.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(n));
        assert!(added.is_ok(), "the count of a WaitGroup overflowed");
    }

    /// Counts one thing as done. What happened before it is seen by whom it wakes.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// If more is done than was added.
    ///
    /// ```should_panic
    /// threadle::sync::WaitGroup::new().done();
    /// ```
    #[track_caller]
    pub fn done(&self) {
        // A step that does not end at zero, without the lock.
        let not_last = |count: usize| (count > 1).then(|| count - 1);
        if self.shared.count.fetch_update(Ordering::Release, Ordering::Relaxed, not_last).is_ok() {
            return;
        }
        let mut waiters = lock(&self.shared.waiters);
        let before = self.shared.count.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1));
        let woken = match before {
            Ok(1) => waiters.claim_all(),
            // Somebody added meanwhile.
            Ok(_) => Vec::new(),
            Err(_) => {
                drop(waiters);
                panic!("WaitGroup::done without an add that it answers");
            }
        };
        drop(waiters);
        drop(woken);
    }

    /// Waits until the count is zero.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let group = threadle::sync::WaitGroup::new();
    /// group.add(1);
    /// let worker = group.clone();
    /// let thread = std::thread::spawn(move || worker.done());
    /// group.wait();
    /// # thread.join().unwrap();
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        if self.wait_within(Limit::NONE).is_err() {
            unreachable!("nothing ends this wait but the last one done");
        }
    }

    /// As [`wait`](Self::wait), for at most so long; whether the count was zero.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let group = threadle::sync::WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(std::time::Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_within(Limit::after(timeout)).is_ok()
    }

    /// As [`wait`](Self::wait), until `deadline` at most; whether the count was zero.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let group = threadle::sync::WaitGroup::new();
    /// assert!(group.wait_deadline(std::time::Instant::now()), "there is nothing to wait for");
    /// ```
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_within(Limit::at(deadline)).is_ok()
    }

    #[track_caller]
    pub(crate) fn wait_within(&self, limit: Limit<'_>) -> Result<(), GaveUp> {
        if self.shared.count.load(Ordering::Acquire) == 0 {
            checkpoint();
            return Ok(());
        }
        let mut waiters = lock(&self.shared.waiters);
        if self.shared.count.load(Ordering::Acquire) == 0 {
            drop(waiters);
            checkpoint();
            return Ok(());
        }
        let parking = Parking::open(Reason::WaitGroupWait);
        let node = Waiter::new(parking.ticket(), ());
        // SAFETY: the node is new; it stays in this frame until it is claimed, or `leave` removes it.
        unsafe { waiters.push_back(&node) };
        drop(waiters);
        let leave = || {
            // SAFETY: linked into this list or into none.
            unsafe { lock(&self.shared.waiters).remove(&node) };
        };
        // All are woken: there is nothing to pass on.
        wait(parking, &node, limit, leave, || ())
    }

    /// Starts `f` on a goroutine that counts as one thing, done when `f` has returned or panicked.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use threadle::sync::WaitGroup;
    /// threadle::run(|| {
    ///     let group = WaitGroup::new();
    ///     let handle = group.go(|| 6 * 7);
    ///     group.wait();
    ///     assert_eq!(handle.join().unwrap(), 42);
    /// });
    /// ```
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.add(1);
        let one = DoneOnDrop(self.clone());
        crate::go(move || {
            let _one = one;
            f()
        })
    }
}

/// Also when the goroutine never starts, because its runtime stops before.
struct DoneOnDrop(WaitGroup);

impl Drop for DoneOnDrop {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("count", &self.shared.count.load(Ordering::Relaxed)).finish()
    }
}
