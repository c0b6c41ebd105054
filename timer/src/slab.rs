//! The memory of the timers: leaves of 64 entries that never move, are reused, and can be given back one by one.
//!
//! One growing array would copy a million timers while the owner's lock is held, and could give back nothing as long as
//! its last entry is in use. Leaves do neither, and with 64 entries a leaf's free places are one word.
//!
//! | a leaf is | it has memory | free places | found through |
//! |---|---|---|---|
//! | full | yes | none | nothing |
//! | roomy | yes | some; of the list's head maybe all | the list of roomy leaves |
//! | spare | yes | all | the stack of spare leaves |
//! | vacant | no | all | the stack of vacant leaves |
//! | worn out | until its last timer went | not to be used | nothing, for ever |
//!
//! A generation is drawn from a counter of the *leaf*, which outlives the leaf's memory. So giving memory back costs
//! nothing in keys: place and generation together are never used twice. A leaf whose counter has run through all 2^36
//! generations is worn out.

use crate::key::{GENERATION_END, INDEX_BITS, Key};
use crate::position::Position;
use std::mem::ManuallyDrop;

/// No entry, no leaf.
pub(crate) const NIL: u32 = u32::MAX;

const LEAF: usize = 64;
const LEAF_BITS: u32 = LEAF.ilog2();
const ALL_FREE: u64 = u64::MAX;

/// Leaves kept above what was needed lately, so that a small wheel never talks to the allocator.
const SLACK: usize = 4;

/// An armed timer, or a place for one.
pub(crate) struct Entry<T> {
    pub(crate) deadline: u64,
    /// Neighbours in the list of the slot.
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// Generation above 16 bits of position. Generation zero: the place is free.
    tag: u64,
    payload: Option<T>,
}

impl<T> Entry<T> {
    #[inline]
    fn generation(&self) -> u64 {
        self.tag >> u16::BITS
    }

    #[inline]
    pub(crate) fn position(&self) -> Position {
        Position::from_bits(self.tag as u16)
    }

    #[inline]
    pub(crate) fn set_position(&mut self, position: Position) {
        self.tag = self.tag >> u16::BITS << u16::BITS | u64::from(position.bits());
    }
}

type Leaf<T> = Box<[Entry<T>; LEAF]>;

/// What must be known of a leaf apart from its entries.
struct Room {
    /// A bit per free place.
    free: u64,
    /// The generation the next timer of this leaf gets. Never goes down.
    next_generation: u64,
    /// Neighbours in the list of roomy leaves.
    previous: u32,
    next: u32,
}

impl Room {
    fn is_worn_out(&self) -> bool {
        self.next_generation == GENERATION_END
    }
}

pub(crate) struct Slab<T> {
    /// Apart from `rooms`, so that following a link reads eight bytes a leaf and no more.
    leaves: Vec<Option<Leaf<T>>>,
    rooms: Vec<Room>,
    /// Head of the list of roomy leaves. Only the head may be empty: a wheel in which one timer comes and goes leaves it
    /// where it is, and whatever comes before it in the list makes it spare.
    roomy: u32,
    spare: Vec<u32>,
    vacant: Vec<u32>,
    /// Leaves that have memory.
    resident: usize,
    /// Leaves that [`trim`](Slab::trim) leaves alone, as the owner asked for them in advance.
    reserved: usize,
    len: usize,
    /// The greatest length since [`forget_peak`](Slab::forget_peak).
    peak: usize,
}

/// A place that was taken and has nothing in it yet: dropped, it is freed.
struct Undone<'a, T> {
    slab: &'a mut Slab<T>,
    index: u32,
}

impl<T> Undone<'_, T> {
    #[inline]
    fn kept(self, payload: T) {
        let mut undone = ManuallyDrop::new(self);
        let index = undone.index;
        undone.slab.entry_mut(index).payload = Some(payload);
    }
}

impl<T> Drop for Undone<'_, T> {
    fn drop(&mut self) {
        let nothing = self.slab.remove(self.index);
        debug_assert!(nothing.is_none(), "a payload that was not made yet");
    }
}

impl<T> Slab<T> {
    pub(crate) fn with_capacity(capacity: usize) -> Slab<T> {
        let mut slab = Slab {
            leaves: Vec::new(),
            rooms: Vec::new(),
            roomy: NIL,
            spare: Vec::new(),
            vacant: Vec::new(),
            resident: 0,
            reserved: capacity.div_ceil(LEAF),
            len: 0,
            peak: 0,
        };
        for _ in 0..slab.reserved {
            let leaf = slab.new_leaf();
            slab.spare.push(leaf);
        }
        slab
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Places that have memory.
    pub(crate) fn capacity(&self) -> usize {
        self.resident * LEAF
    }

    /// Stores a timer that is in no list yet, whose payload may know its key.
    #[inline]
    #[track_caller]
    pub(crate) fn insert_with(&mut self, deadline: u64, payload: impl FnOnce(Key) -> T) -> Key {
        if self.roomy == NIL {
            self.make_room();
        }
        let leaf = self.roomy;
        let room = &mut self.rooms[leaf as usize];
        let place = room.free.trailing_zeros();
        let generation = room.next_generation;
        let index = leaf << LEAF_BITS | place;
        let key = Key::new(index, generation);
        room.free &= room.free - 1;
        room.next_generation += 1;
        if room.free == 0 || room.is_worn_out() {
            self.leave_roomy(leaf);
        }
        self.len += 1;
        self.peak = self.peak.max(self.len);
        let entry = self.entry_mut(index);
        entry.deadline = deadline;
        entry.tag = generation << u16::BITS;
        // It may panic, and has seen the key then: the place is free again, and the key is not given out a second time.
        let undone = Undone { slab: self, index };
        let payload = payload(key);
        undone.kept(payload);
        key
    }

    /// Frees a place that is in no list any more, and gives back what was in it.
    #[inline]
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let entry = self.entry_mut(index);
        entry.tag = 0;
        let payload = entry.payload.take();
        let leaf = index >> LEAF_BITS;
        let room = &mut self.rooms[leaf as usize];
        let was_full = room.free == 0;
        room.free |= 1 << (index % LEAF as u32);
        let is_empty = room.free == ALL_FREE;
        self.len -= 1;
        if room.is_worn_out() {
            if is_empty {
                self.leaves[leaf as usize] = None;
                self.resident -= 1;
            }
        } else if was_full {
            self.enter_roomy(leaf);
        } else if is_empty && leaf != self.roomy {
            self.leave_roomy(leaf);
            self.spare.push(leaf);
        }
        payload
    }

    /// Where the timer of this key lives; `None` when it is armed no more.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<u32> {
        let index = key.index();
        let leaf = self.leaves.get((index >> LEAF_BITS) as usize)?.as_ref()?;
        (leaf[index as usize % LEAF].generation() == key.generation()).then_some(index)
    }

    #[inline]
    pub(crate) fn entry(&self, index: u32) -> &Entry<T> {
        match &self.leaves[(index >> LEAF_BITS) as usize] {
            Some(leaf) => &leaf[index as usize % LEAF],
            None => no_such_entry(index),
        }
    }

    #[inline]
    pub(crate) fn entry_mut(&mut self, index: u32) -> &mut Entry<T> {
        match &mut self.leaves[(index >> LEAF_BITS) as usize] {
            Some(leaf) => &mut leaf[index as usize % LEAF],
            None => no_such_entry(index),
        }
    }

    /// Gives back at most `limit` unused leaves above what the greatest number of timers of late needed. `true`: there
    /// are no more of them.
    pub(crate) fn trim(&mut self, limit: usize) -> bool {
        self.spare_empty_head();
        let wanted = (self.peak.div_ceil(LEAF) + SLACK).max(self.reserved);
        for _ in 0..limit {
            if self.resident <= wanted || !self.give_back_one() {
                return true;
            }
        }
        self.resident <= wanted
    }

    /// Gives back every unused leaf, reserved or not.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.reserved = 0;
        self.spare_empty_head();
        while self.give_back_one() {}
        self.spare.shrink_to_fit();
    }

    /// Begins to measure the greatest length anew.
    pub(crate) fn forget_peak(&mut self) {
        self.peak = self.len;
    }

    fn give_back_one(&mut self) -> bool {
        let Some(leaf) = self.spare.pop() else { return false };
        self.leaves[leaf as usize] = None;
        self.resident -= 1;
        self.vacant.push(leaf);
        true
    }

    /// Makes the list of roomy leaves non-empty.
    #[cold]
    #[track_caller]
    fn make_room(&mut self) {
        let leaf = match self.spare.pop() {
            Some(leaf) => leaf,
            None => self.new_leaf(),
        };
        self.enter_roomy(leaf);
    }

    /// A leaf with memory and without timers, known to no list.
    #[track_caller]
    fn new_leaf(&mut self) -> u32 {
        let leaf = self.vacant.pop().unwrap_or_else(|| {
            let leaf = self.leaves.len();
            assert!(leaf < 1 << (INDEX_BITS - LEAF_BITS), "a wheel holds at most 2^{INDEX_BITS} timers");
            self.leaves.push(None);
            self.rooms.push(Room { free: ALL_FREE, next_generation: 1, previous: NIL, next: NIL });
            leaf as u32
        });
        // By way of a vector, as an array of large payloads would be built on the stack.
        let entries = (0..LEAF)
            .map(|_| Entry { deadline: 0, previous: NIL, next: NIL, tag: 0, payload: None })
            .collect::<Vec<_>>();
        let Ok(entries) = Leaf::try_from(entries.into_boxed_slice()) else {
            unreachable!("exactly one leaf of entries was made");
        };
        self.leaves[leaf as usize] = Some(entries);
        self.resident += 1;
        leaf
    }

    fn spare_empty_head(&mut self) {
        let head = self.roomy;
        if head != NIL && self.rooms[head as usize].free == ALL_FREE {
            self.leave_roomy(head);
            self.spare.push(head);
        }
    }

    fn enter_roomy(&mut self, leaf: u32) {
        self.spare_empty_head();
        let next = self.roomy;
        let room = &mut self.rooms[leaf as usize];
        room.previous = NIL;
        room.next = next;
        if next != NIL {
            self.rooms[next as usize].previous = leaf;
        }
        self.roomy = leaf;
    }

    fn leave_roomy(&mut self, leaf: u32) {
        let Room { previous, next, .. } = self.rooms[leaf as usize];
        match previous {
            NIL => self.roomy = next,
            previous => self.rooms[previous as usize].next = next,
        }
        if next != NIL {
            self.rooms[next as usize].previous = previous;
        }
    }
}

#[cold]
#[inline(never)]
fn no_such_entry(index: u32) -> ! {
    unreachable!("entry {index} lies in a leaf without memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    impl<T> Slab<T> {
        fn insert(&mut self, deadline: u64, payload: T) -> Key {
            self.insert_with(deadline, |_| payload)
        }
    }

    #[test]
    fn a_key_that_a_payload_has_seen_is_not_given_out_again_though_it_panicked() {
        let mut slab = Slab::with_capacity(0);
        let kept = slab.insert(1, "kept");
        let mut seen = Vec::new();
        // More than a leaf has places: none may be lost.
        for _ in 0..3 * LEAF {
            let panics = std::panic::AssertUnwindSafe(|| {
                slab.insert_with(2, |key| {
                    seen.push(key);
                    std::panic::resume_unwind(Box::new("no payload"))
                })
            });
            assert!(std::panic::catch_unwind(panics).is_err());
            assert_eq!((slab.len(), slab.capacity()), (1, LEAF));
        }
        let next = slab.insert(3, "next");
        seen.push(kept);
        assert!(!seen.contains(&next));
        assert!(seen.iter().all(|key| slab.find(*key).is_some() == (*key == kept)));
    }

    #[test]
    fn entries_are_small() {
        assert_eq!(size_of::<Entry<Arc<u8>>>(), 32);
        assert_eq!(size_of::<Entry<u64>>(), 32 + 8);
        assert_eq!(size_of::<Entry<[u64; 2]>>(), 32 + 16);
        assert_eq!(size_of::<Option<Key>>(), 8);
    }

    #[test]
    fn places_are_reused_and_generations_are_not() {
        let mut slab = Slab::with_capacity(0);
        let mut seen = std::collections::HashSet::new();
        for round in 0..1000 {
            let key = slab.insert(0, round);
            assert_eq!(key.index(), 0);
            assert!(seen.insert(key.to_bits()), "{key:?} was given out twice");
            assert_eq!(slab.remove(key.index()), Some(round));
            assert_eq!(slab.find(key), None);
        }
        assert_eq!(slab.capacity(), LEAF);
    }

    #[test]
    fn a_leaf_that_lost_its_memory_goes_on_counting() {
        let mut slab = Slab::with_capacity(0);
        let before = slab.insert(0, "before");
        slab.remove(before.index());
        slab.shrink_to_fit();
        assert_eq!(slab.capacity(), 0);
        assert_eq!(slab.find(before), None);
        let after = slab.insert(0, "after");
        assert_eq!(after.index(), before.index());
        assert_eq!(slab.find(before), None);
        assert_eq!(slab.find(after), Some(after.index()));
    }

    #[test]
    fn a_worn_out_leaf_is_never_used_again() {
        let mut slab = Slab::with_capacity(LEAF);
        slab.rooms[0].next_generation = GENERATION_END - 2;
        let last = [slab.insert(0, 'a'), slab.insert(0, 'b')];
        assert_eq!(last.map(|key| key.generation()), [GENERATION_END - 2, GENERATION_END - 1]);
        let other = slab.insert(0, 'c');
        assert_eq!(other.index() as usize / LEAF, 1, "the leaf has no generation left");
        assert_eq!(slab.find(last[0]), Some(0));
        assert_eq!(slab.remove(last[0].index()), Some('a'));
        assert_eq!(slab.capacity(), 2 * LEAF);
        assert_eq!(slab.remove(last[1].index()), Some('b'));
        assert_eq!(slab.capacity(), LEAF, "its memory is given back with its last timer");
        for key in (0..3 * LEAF).map(|_| slab.insert(0, 'd')).collect::<Vec<_>>() {
            assert_ne!(key.index() as usize / LEAF, 0);
        }
        assert_eq!(slab.find(last[0]).or(slab.find(last[1])), None);
        assert_eq!(slab.find(other), Some(other.index()));
    }

    #[test]
    fn only_what_was_not_needed_of_late_is_given_back() {
        let mut slab = Slab::with_capacity(0);
        let keys = (0..100 * LEAF).map(|_| slab.insert(0, ())).collect::<Vec<_>>();
        assert_eq!(slab.capacity(), 100 * LEAF);
        for key in &keys[10 * LEAF..] {
            slab.remove(key.index());
        }
        assert!(slab.trim(usize::MAX), "nothing above the peak");
        assert_eq!(slab.capacity(), 100 * LEAF);
        slab.forget_peak();
        assert!(!slab.trim(50));
        assert_eq!(slab.capacity(), 50 * LEAF);
        assert!(slab.trim(50));
        assert_eq!(slab.capacity(), (10 + SLACK) * LEAF);
        assert!(keys[..10 * LEAF].iter().all(|key| slab.find(*key).is_some()));
    }

    #[test]
    fn what_was_reserved_stays_until_asked_for() {
        let mut slab = Slab::<()>::with_capacity(1000);
        assert_eq!(slab.capacity(), 1024);
        assert!(slab.trim(usize::MAX));
        assert_eq!(slab.capacity(), 1024);
        slab.shrink_to_fit();
        assert_eq!(slab.capacity(), 0);
    }
}
