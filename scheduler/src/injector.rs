//! The global queue of batches.
//!
//! # Why batches
//!
//! A queue that every M shares costs a contended operation each time it is touched. So an element of it is not one G
//! but a [`Chain`] of 1 to [`BATCH`] of them, linked through the Gs themselves: a full ring gets rid of half its load
//! in one push, and a taker fills its empty ring with one pop. The queue is `crossbeam_deque::Injector`, which is
//! lock-free and allocates a block per 63 batches; a mutexed queue stands in for it under loom, which cannot look
//! inside. Rejected: one lock around one long list, as in Go (the lock is the scheduler's, and is its first
//! bottleneck); single Gs in a lock-free queue (128 contended operations for a half ring); taking `length / procs` of
//! the queue as Go does (walks the list under the lock; thieves even things out here).
//!
//! What comes one by one, from a thread without a P, is gathered under a lock of its own until it is a batch or somebody wants it: else
//! everybody would pay for a batch of one, and those that take them meet whoever puts them in at each. A batch that comes behind such a
//! beginning closes it first, so the order stays that of the pushes.
//!
//! # What the length promises
//!
//! The length is what an M sleeps by, so it must not under-report. Both sides of the protocol put a full fence in the
//! middle:
//!
//! | who submits | who stops searching |
//! |---|---|
//! | 1. `push`: count, then queue | 1. no longer a searcher |
//! | 2. `fence(SeqCst)` | 2. `fence(SeqCst)` |
//! | 3. is there a searcher? if not, wake one | 3. `is_empty`: the length |
//!
//! Counting *before* queueing and discounting *after* taking means: at every moment, in the order of changes of the
//! length, it is at least what finished pushes have put in and nobody has taken out. Counted after queueing, a batch
//! could be taken, and discounted, before its own push counted it; that debt hides another, long finished push from
//! step 3, and whoever submitted that one has already seen a searcher and gone on. The price of counting first is that
//! an M may see a length of one and find nothing, for as long as the pusher stands between its two steps. It looks
//! again. Hence the rule: **sleep by `is_empty`, never by `pop() == None`.**
//!
//! All accesses of the length are relaxed. Those fences order them where it matters, and what is in the queue is
//! published by the queue.
//!
//! # A few at a time
//!
//! On its fairness tick an M wants one G or a few, and has no room for the other 127. [`Injector::pop_some`] leaves them
//! as the *front*: the rest of a batch that is first in line for everybody. Were they pushed again at the back, a G could
//! circle in a loaded runtime for ever.

mod chain;

pub(crate) use chain::{Chain, Linked, element, pointer};

use crate::sync::atomic::{AtomicUsize, Ordering::*};
use crate::sync::{Mutex, faulty, lock};
use std::fmt;

/// The longest batch: half a ring.
pub(crate) const BATCH: usize = crate::p::ring::CAPACITY / 2;

/// The global queue of batches. See the module's essay.
pub(crate) struct Injector<T: Linked> {
    /// Elements counted in, minus elements taken out: never less than what finished pushes left here.
    len: AtomicUsize,
    /// Says without the lock whether `front` is worth a look. Written under that lock.
    front_len: AtomicUsize,
    /// The rest of a batch that was opened for some of its elements: first in line.
    front: Mutex<Chain<T>>,
    /// As `front_len`, of `back`.
    back_len: AtomicUsize,
    /// What came one by one and is no whole batch yet: last in line.
    back: Mutex<Chain<T>>,
    queue: queue::Queue<Chain<T>>,
}

impl<T: Linked> Injector<T> {
    pub(crate) fn new() -> Self {
        Self {
            len: AtomicUsize::new(0),
            front_len: AtomicUsize::new(0),
            front: Mutex::new(Chain::new()),
            back_len: AtomicUsize::new(0),
            back: Mutex::new(Chain::new()),
            queue: queue::Queue::new(),
        }
    }

    /// Queues a chain as one batch, or as several where it is longer than [`BATCH`]; one alone is gathered with others. The
    /// caller then runs steps 2 and 3 of the essay.
    pub(crate) fn push(&self, mut chain: Chain<T>) {
        while chain.len() > BATCH {
            self.push_batch(chain.split_front(BATCH));
        }
        match chain.len() {
            0 => {}
            // Where a ring could give up nobody else: others will follow.
            1 => chain.for_each(|only| self.gather(only)),
            _ => self.push_batch(chain),
        }
    }

    /// Queues a batch of one.
    pub(crate) fn push_one(&self, only: &'static T) {
        self.push_batch(Chain::one(only));
    }

    /// Queues one of many that come one by one, as part of a batch. The caller then does as after [`push`](Self::push).
    pub(crate) fn gather(&self, only: &'static T) {
        self.counted(1, || {
            let mut back = lock(&self.back);
            back.push_back(only);
            if back.len() == BATCH {
                self.queue.push(std::mem::take(&mut *back));
            }
            self.back_len.store(back.len(), Relaxed);
        });
    }

    fn push_batch(&self, batch: Chain<T>) {
        self.counted(batch.len(), || {
            if self.back_len.load(Relaxed) > 0 {
                self.close_back();
            }
            self.queue.push(batch);
        });
    }

    fn counted(&self, count: usize, push: impl FnOnce()) {
        if !faulty!(InjectorCountsLate) {
            self.len.fetch_add(count, Relaxed);
        }
        push();
        if faulty!(InjectorCountsLate) {
            self.len.fetch_add(count, Relaxed);
        }
    }

    /// What has gathered becomes a batch.
    #[cold]
    fn close_back(&self) {
        let mut back = lock(&self.back);
        if !back.is_empty() {
            // Under the lock, here and in `gather`: who finds the queue empty under it knows that the back is the oldest there is.
            self.queue.push(std::mem::take(&mut *back));
            self.back_len.store(0, Relaxed);
        }
    }

    /// Takes the oldest batch. `None` says only that nothing was found: see [`is_empty`](Self::is_empty).
    pub(crate) fn pop(&self) -> Option<Chain<T>> {
        if self.is_empty() {
            return None;
        }
        let batch = self.pop_front_rest().or_else(|| self.pop_behind_front())?;
        self.len.fetch_sub(batch.len(), Relaxed);
        Some(batch)
    }

    fn pop_front_rest(&self) -> Option<Chain<T>> {
        if self.front_len.load(Relaxed) == 0 {
            return None;
        }
        let rest = std::mem::take(&mut *self.opened());
        (!rest.is_empty()).then_some(rest)
    }

    fn pop_behind_front(&self) -> Option<Chain<T>> {
        let batch = self.queue.pop();
        if batch.is_some() || self.back_len.load(Relaxed) == 0 {
            return batch;
        }
        let mut back = lock(&self.back);
        // Again: it may have been closed meanwhile, and what is there now be younger.
        if !faulty!(InjectorBackUnseen)
            && let Some(batch) = self.queue.pop()
        {
            return Some(batch);
        }
        self.back_len.store(0, Relaxed);
        let gathered = std::mem::take(&mut *back);
        (!gathered.is_empty()).then_some(gathered)
    }

    /// Takes the oldest element alone; the rest of its batch stays first in line.
    pub(crate) fn pop_one(&self) -> Option<&'static T> {
        self.pop_some(1)?.pop_front()
    }

    /// Takes the oldest elements, from one batch or several, but no more than `most`; the rest of the last batch stays first
    /// in line. `None` says only that nothing was found.
    pub(crate) fn pop_some(&self, most: usize) -> Option<Chain<T>> {
        if self.is_empty() {
            return None;
        }
        let mut some = Chain::new();
        {
            let mut front = self.opened();
            while some.len() < most {
                if front.is_empty() {
                    let Some(batch) = self.pop_behind_front() else { break };
                    *front = batch;
                }
                some.append(front.split_front(most - some.len()));
            }
        }
        self.len.fetch_sub(some.len(), Relaxed);
        (!some.is_empty()).then_some(some)
    }

    fn opened(&self) -> Opened<'_, T> {
        Opened { injector: self, front: lock(&self.front) }
    }

    /// How many elements are queued; see the essay for what that promises.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Whether nothing is queued; after step 2 of the essay, no finished push is missed.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Linked> fmt::Debug for Injector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The front, locked. Keeps `front_len` true on every way out.
struct Opened<'a, T: Linked> {
    injector: &'a Injector<T>,
    front: crate::sync::MutexGuard<'a, Chain<T>>,
}

impl<T: Linked> std::ops::Deref for Opened<'_, T> {
    type Target = Chain<T>;
    fn deref(&self) -> &Chain<T> {
        &self.front
    }
}

impl<T: Linked> std::ops::DerefMut for Opened<'_, T> {
    fn deref_mut(&mut self) -> &mut Chain<T> {
        &mut self.front
    }
}

impl<T: Linked> Drop for Opened<'_, T> {
    fn drop(&mut self) {
        self.injector.front_len.store(self.front.len(), Relaxed);
    }
}

/// The one place that names crossbeam's queue.
#[cfg(not(loom))]
mod queue {
    use crossbeam_deque::{Injector, Steal};

    pub(super) struct Queue<E>(Injector<E>);

    impl<E> Queue<E> {
        pub(super) fn new() -> Self {
            Self(Injector::new())
        }
        pub(super) fn push(&self, element: E) {
            self.0.push(element);
        }
        pub(super) fn pop(&self) -> Option<E> {
            loop {
                match self.0.steal() {
                    Steal::Success(element) => return Some(element),
                    Steal::Empty => return None,
                    // Somebody else took one just now: there is progress, and this loop is as lock-free as the queue.
                    Steal::Retry => crate::sync::hint::spin_loop(),
                }
            }
        }
    }
}

/// Its stand-in under loom: also FIFO, also says "empty" only when it was.
#[cfg(loom)]
mod queue {
    use crate::sync::{Mutex, lock};
    use std::collections::VecDeque;

    pub(super) struct Queue<E>(Mutex<VecDeque<E>>);

    impl<E> Queue<E> {
        pub(super) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }
        pub(super) fn push(&self, element: E) {
            lock(&self.0).push_back(element);
        }
        pub(super) fn pop(&self) -> Option<E> {
            lock(&self.0).pop_front()
        }
    }
}

#[cfg(all(test, loom))]
#[path = "injector_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
#[path = "injector_tests.rs"]
mod tests;
