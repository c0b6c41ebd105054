//! What the tests and models queue in place of Gs.

use super::atomic::AtomicPtr;
use super::cell::UnsafeCell;
use crate::injector::Linked;
use std::fmt;
use std::ptr::null_mut;

/// Has a part that, like a G's stack, only whoever took it off a queue may touch: loom reports it where two do so at
/// once, or where the queue does not order them.
pub(crate) struct Item {
    link: AtomicPtr<Item>,
    pub(crate) id: usize,
    runs: UnsafeCell<usize>,
}

// SAFETY: `runs` is not synchronised on purpose; `run` is called only by whoever took the item off a queue, and that
// the queue makes this exclusive is what the tests are about.
unsafe impl Sync for Item {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Item {}

impl Linked for Item {
    fn link(&self) -> &AtomicPtr<Self> {
        &self.link
    }
}

impl Item {
    /// Uses the exclusive part. Called by whoever has just taken the item off a queue, or is about to put it on its
    /// first one.
    pub(crate) fn run(&self) {
        // SAFETY: see `Sync`: the caller has the item alone.
        self.runs.with_mut(|runs| unsafe { *runs += 1 });
    }

    /// How often it was run; the same rule applies.
    pub(crate) fn runs(&self) -> usize {
        // SAFETY: see `Sync`: the caller has the item alone.
        self.runs.with(|runs| unsafe { *runs })
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item {}", self.id)
    }
}

/// Items of a test. They are lent as `&'static` and freed when the test ends well: keep this until all threads are
/// joined.
pub(crate) struct Items(Vec<*mut Item>);

// SAFETY: the pointers are only ever turned into `&Item`, which is `Sync`, until the one who owns this drops it.
unsafe impl Sync for Items {}

impl Items {
    pub(crate) fn new(count: usize) -> Self {
        let item = |id| Item { link: AtomicPtr::new(null_mut()), id, runs: UnsafeCell::new(0) };
        Self((0..count).map(|id| Box::into_raw(Box::new(item(id)))).collect())
    }

    pub(crate) fn get(&self, id: usize) -> &'static Item {
        // SAFETY: boxed above, and freed only in `drop`, when the test is over and its threads are joined.
        unsafe { &*self.0[id] }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for &item in &self.0 {
                // SAFETY: boxed above; the test is over, nobody looks at it any more.
                drop(unsafe { Box::from_raw(item) });
            }
        }
    }
}

/// Random numbers for the stress tests (splitmix64). The seed is printed, and taken from `THREADLE_SEED` to repeat a
/// run.
#[cfg(not(loom))]
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

#[cfg(not(loom))]
impl Dice {
    pub(crate) fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is set");
        let given = std::env::var("THREADLE_SEED").ok().map(|seed| seed.parse().expect("THREADLE_SEED is a number"));
        let seed = given.unwrap_or(now.as_nanos() as u64);
        println!("THREADLE_SEED={seed}");
        Self(seed)
    }

    /// Other dice, for another thread.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        (self.next() % sides as u64) as usize
    }
}
