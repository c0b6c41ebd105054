//! The list of those who became ready, and the count of those who wait.

use crate::sync::{Arc, AtomicUsize, Ordering};
use crate::waiters::Waits;
use std::fmt;
use std::task::Waker;

/// Somebody to wake.
#[derive(Debug)]
pub enum Woken<Won> {
    /// A blocking waiter: what its claim gave ([`Waits::claim`]).
    Parked(Won),
    /// The waker of a task.
    Task(Waker),
}

/// How many wait on the descriptors of one poller, or are on their way from there to a run queue.
///
/// ```text
/// a waiter that parks                         the deliverer
/// 1. count up                                 1. take it out of the list
/// 2. enter the list                           2. make it runnable
///                                             3. count down
/// ```
/// So whoever reads zero and finds nothing runnable may conclude that no event can make anything runnable.
/// The last two steps the other way round would show a moment with nobody waiting and nobody runnable (R35).
///
/// Padded to a pair of cache lines: it is written at every park, by every M.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct WaiterCount(AtomicUsize);

impl WaiterCount {
    pub(crate) fn new() -> Self {
        WaiterCount(AtomicUsize::new(0))
    }

    pub(crate) fn load(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn subtract(&self, waiters: usize) {
        if waiters == 0 {
            return;
        }
        let before = self.0.fetch_sub(waiters, Ordering::AcqRel);
        debug_assert!(before >= waiters, "{waiters} waiters taken from a count of {before}");
    }
}

/// Those that became ready, to be woken by the caller once it holds no lock. A reusable buffer.
///
/// An empty one owns no memory. One buffer holds the waiters of one poller at a time.
///
/// ```
/// use threadle_netpoll::{Ready, Woken};
///
/// let mut ready: Ready<u32> = Ready::new();
/// for woken in ready.drain() {
///     match woken {
///         Woken::Parked(number) => println!("unpark {number}"),
///         Woken::Task(waker) => waker.wake(),
///     }
/// }
/// assert!(ready.is_empty());
/// ```
#[must_use = "whoever is in this list sleeps until it is woken"]
pub struct Ready<W: Waits> {
    woken: Vec<Woken<W::Won>>,
    /// Where those in the list are still counted. `None` while it is empty.
    count: Option<Arc<WaiterCount>>,
}

impl<W: Waits> Ready<W> {
    /// An empty list. Does not allocate.
    pub const fn new() -> Self {
        Ready { woken: Vec::new(), count: None }
    }

    /// Whether nobody is to be woken.
    pub fn is_empty(&self) -> bool {
        self.woken.is_empty()
    }

    /// How many are to be woken.
    pub fn len(&self) -> usize {
        self.woken.len()
    }

    /// Hands out everybody and leaves the list empty, keeping its memory.
    ///
    /// Until the returned iterator is dropped, those it handed out count as waiting
    /// ([`Poller::waiters`](crate::Poller::waiters)): make them runnable before that. Iterate by reference and drop
    /// the iterator afterwards when they are queued as a batch.
    pub fn drain(&mut self) -> Drain<'_, W> {
        let counted = self.woken.len();
        Drain { woken: self.woken.drain(..), count: self.count.take(), counted }
    }

    /// `count`: where this waiter was counted when it began to wait.
    ///
    /// # Panics
    /// When the list holds waiters of another poller.
    pub(crate) fn push(&mut self, woken: Woken<W::Won>, count: &Arc<WaiterCount>) {
        match &self.count {
            None => self.count = Some(Arc::clone(count)),
            Some(own) => assert!(Arc::ptr_eq(own, count), "a Ready list holds the waiters of one poller at a time"),
        }
        self.woken.push(woken);
    }

    pub(crate) fn append(&mut self, other: &mut Ready<W>) {
        if let Some(count) = other.count.take() {
            for woken in other.woken.drain(..) {
                self.push(woken, &count);
            }
        }
    }
}

impl<W: Waits> Default for Ready<W> {
    fn default() -> Self {
        Ready::new()
    }
}

impl<W: Waits> Drop for Ready<W> {
    fn drop(&mut self) {
        // Wakers are dropped unwoken here, and whoever was claimed as its type would have it; at least the count stays right.
        if !self.is_empty() {
            drop(self.drain());
        }
    }
}

impl<W: Waits> fmt::Debug for Ready<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("len", &self.woken.len()).finish_non_exhaustive()
    }
}

/// Iterator over those to wake; see [`Ready::drain`].
pub struct Drain<'a, W: Waits> {
    woken: std::vec::Drain<'a, Woken<W::Won>>,
    count: Option<Arc<WaiterCount>>,
    counted: usize,
}

impl<W: Waits> Iterator for Drain<'_, W> {
    type Item = Woken<W::Won>;

    fn next(&mut self) -> Option<Woken<W::Won>> {
        self.woken.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.woken.size_hint()
    }
}

impl<W: Waits> ExactSizeIterator for Drain<'_, W> {}

impl<W: Waits> Drop for Drain<'_, W> {
    fn drop(&mut self) {
        if let Some(count) = self.count.take() {
            count.subtract(self.counted);
        }
    }
}

impl<W: Waits> fmt::Debug for Drain<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("left", &self.woken.len()).finish_non_exhaustive()
    }
}
