//! Type-stable memory for descriptors: slots are recycled and never freed, so that the token of an event leads to a
//! slot at any time, and the generation in the slot's words tells whether it is still the one that was meant.

use crate::direction::{Direction, Side};
use crate::waiters::Waits;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The first bucket's size; each further one is twice as large.
const FIRST_BUCKET: usize = 64;
/// Enough for every index of 32 bits: a process cannot have more descriptors.
const BUCKETS: usize = 27;

/// Memory for the descriptors of any number of pollers, usually one `static` of the process.
///
/// A slot takes about 250 bytes, is recycled when its descriptor is dropped, and never freed.
///
/// ```
/// use threadle_netpoll::Slab;
///
/// static DESCRIPTORS: Slab<u32> = Slab::new();
/// ```
pub struct Slab<W> {
    buckets: [OnceLock<Box<[Slot<W>]>>; BUCKETS],
    free: Mutex<Free>,
}

struct Free {
    recycled: Vec<u32>,
    /// How many indices were ever given out.
    created: u32,
}

/// One descriptor's place. Everything in it may be reached by a stale event, so everything in it is atomic.
pub(crate) struct Slot<W> {
    /// Which poller the present generation belongs to. Written before the words are reopened, read after them.
    owner: AtomicU64,
    read: Side<W>,
    write: Side<W>,
}

impl<W> Slot<W> {
    fn new() -> Self {
        Slot { owner: AtomicU64::new(0), read: Side::new(), write: Side::new() }
    }

    pub(crate) fn side(&self, direction: Direction) -> &Side<W> {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    pub(crate) fn sides(&self) -> [&Side<W>; 2] {
        [&self.read, &self.write]
    }

    /// To be read after the generation it is asked for.
    pub(crate) fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }
}

impl<W> fmt::Debug for Slot<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("owner", &self.owner())
            .field("read", &self.read)
            .field("write", &self.write)
            .finish()
    }
}

impl<W> Slab<W> {
    /// An empty slab.
    pub const fn new() -> Self {
        Slab {
            buckets: [const { OnceLock::new() }; BUCKETS],
            free: Mutex::new(Free { recycled: Vec::new(), created: 0 }),
        }
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of an index that was given out.
    pub(crate) fn get(&self, index: u32) -> Option<&Slot<W>> {
        let (bucket, offset) = position(index);
        self.buckets.get(bucket)?.get()?.get(offset)
    }

    /// Every slot that was ever given out. Those made meanwhile may be missed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot<W>> {
        let created = self.free().created;
        (0..created).filter_map(|index| self.get(index))
    }

    /// Gives a slot back. Its words must be closed.
    pub(crate) fn recycle(&self, index: u32) {
        self.free().recycled.push(index);
    }
}

impl<W: Waits> Slab<W> {
    /// Takes a slot and begins its next generation.
    pub(crate) fn take(&self, owner: u64) -> (u32, &Slot<W>) {
        let index = {
            let mut free = self.free();
            match free.recycled.pop() {
                Some(index) => index,
                None => {
                    let index = free.created;
                    free.created = index.checked_add(1).expect("fewer descriptors than 2^32");
                    index
                }
            }
        };
        let (bucket, offset) = position(index);
        let slots = self.buckets[bucket]
            .get_or_init(|| std::iter::repeat_with(Slot::new).take(FIRST_BUCKET << bucket).collect());
        let slot = &slots[offset];
        slot.owner.store(owner, Ordering::Relaxed);
        for side in slot.sides() {
            side.reopen();
        }
        (index, slot)
    }
}

/// The bucket of an index, and where in it.
fn position(index: u32) -> (usize, usize) {
    let shifted = index as usize + FIRST_BUCKET;
    let bucket = (shifted / FIRST_BUCKET).ilog2() as usize;
    (bucket, shifted - (FIRST_BUCKET << bucket))
}

impl<W> Default for Slab<W> {
    fn default() -> Self {
        Slab::new()
    }
}

impl<W> fmt::Debug for Slab<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.free();
        f.debug_struct("Slab").field("created", &free.created).field("free", &free.recycled.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direction::Event;

    #[test]
    fn positions_are_dense_and_in_range() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(position(index), expected);
            expected.1 += 1;
            if expected.1 == FIRST_BUCKET << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        let (bucket, offset) = position(u32::MAX);
        assert!(bucket < BUCKETS && offset < FIRST_BUCKET << bucket);
    }

    #[test]
    fn a_slot_is_recycled_with_another_generation() {
        let slab: Slab<u32> = Slab::new();
        let (index, slot) = slab.take(1);
        let generation = slot.side(Direction::Read).generation();
        assert_eq!(generation, slot.side(Direction::Write).generation());
        let count = crate::sync::Arc::new(crate::ready::WaiterCount::new());
        let mut ready = crate::Ready::new();
        for side in slot.sides() {
            side.end(crate::direction::End::Closed, generation, &count, &mut ready);
        }
        slab.recycle(index);
        let (again, slot) = slab.take(2);
        assert_eq!(again, index);
        assert_eq!(slot.owner(), 2);
        assert_ne!(slot.side(Direction::Read).generation(), generation);
        assert!(!slot.side(Direction::Write).deliver(Event::Ready, generation, &count, &mut ready), "stale");
        assert_eq!(slab.iter().count(), 1);
    }
}
