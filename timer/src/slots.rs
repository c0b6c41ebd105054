//! The lists of the slots, the bitmaps that say which are occupied, and the earliest deadline of each.

use crate::position::{LEVELS, Position, SLOTS};
use crate::slab::{NIL, Slab};

/// Above this population an earliest deadline that a removal made uncertain is not looked for on every question.
const SEARCH_LIMIT: u32 = 32;

/// A list of timers in the order they came into the slot.
#[derive(Clone, Copy)]
struct Slot {
    /// Never later than any deadline of the list. The end of time while the list is empty.
    earliest: u64,
    head: u32,
    tail: u32,
    population: u32,
    /// `earliest` is the deadline of a timer in the list. Set by what comes in early enough and by
    /// [`Slots::settle`]; cleared when a timer with that deadline goes.
    exact: bool,
}

pub(crate) struct Slots {
    /// Per level, a bit for each slot whose list is not empty.
    occupied: [u64; LEVELS],
    slots: Box<[Slot; LEVELS * SLOTS]>,
}

impl Slots {
    pub(crate) fn new() -> Slots {
        const EMPTY: Slot = Slot { earliest: u64::MAX, head: NIL, tail: NIL, population: 0, exact: true };
        Slots { occupied: [0; LEVELS], slots: Box::new([EMPTY; LEVELS * SLOTS]) }
    }

    /// Appends an entry to the list of `position`.
    #[inline]
    pub(crate) fn link<T>(&mut self, slab: &mut Slab<T>, index: u32, position: Position) {
        let slot = &mut self.slots[position.index()];
        let tail = slot.tail;
        let entry = slab.entry_mut(index);
        entry.previous = tail;
        entry.next = NIL;
        entry.set_position(position);
        slot.tail = index;
        slot.population += 1;
        slot.note_arrival(entry.deadline);
        if tail == NIL {
            slot.head = index;
            self.occupied[position.level()] |= 1 << position.digit();
        } else {
            slab.entry_mut(tail).next = index;
        }
    }

    /// Takes an entry out of its list, wherever in it it stands.
    #[inline]
    pub(crate) fn unlink<T>(&mut self, slab: &mut Slab<T>, index: u32) {
        let entry = slab.entry(index);
        let (previous, next, deadline, position) = (entry.previous, entry.next, entry.deadline, entry.position());
        let slot = &mut self.slots[position.index()];
        match previous {
            NIL => slot.head = next,
            previous => slab.entry_mut(previous).next = next,
        }
        match next {
            NIL => slot.tail = previous,
            next => slab.entry_mut(next).previous = previous,
        }
        slot.population -= 1;
        if slot.population == 0 {
            slot.earliest = u64::MAX;
            slot.exact = true;
            self.occupied[position.level()] &= !(1 << position.digit());
        } else if deadline == slot.earliest {
            slot.exact = false;
        }
    }

    /// Gives an entry a new deadline that belongs to the slot it is in.
    #[inline]
    pub(crate) fn change_deadline<T>(&mut self, slab: &mut Slab<T>, index: u32, deadline: u64) {
        let entry = slab.entry_mut(index);
        let before = std::mem::replace(&mut entry.deadline, deadline);
        let slot = &mut self.slots[entry.position().index()];
        if before == slot.earliest {
            slot.exact = false;
        }
        slot.note_arrival(deadline);
    }

    /// The first occupied slot of the lowest level that has one.
    #[inline]
    pub(crate) fn first(&self) -> Option<Position> {
        let level = self.occupied.iter().position(|occupied| *occupied != 0)?;
        Some(Position::new(level, self.occupied[level].trailing_zeros()))
    }

    /// The head of a slot's list, or [`NIL`].
    #[inline]
    pub(crate) fn head(&self, position: Position) -> u32 {
        self.slots[position.index()].head
    }

    /// A time no timer of this slot is due before.
    #[inline]
    pub(crate) fn bound(&self, position: Position) -> u64 {
        self.slots[position.index()].earliest
    }

    /// The earliest deadline of this slot; of a crowded slot that lost the timer it was known by, the bound.
    pub(crate) fn earliest<T>(&self, slab: &Slab<T>, position: Position) -> u64 {
        let slot = &self.slots[position.index()];
        if slot.exact || slot.population > SEARCH_LIMIT { slot.earliest } else { slot.search(slab) }
    }

    /// Makes the earliest deadline of this slot exact, and returns it.
    pub(crate) fn settle<T>(&mut self, slab: &Slab<T>, position: Position) -> u64 {
        let slot = &mut self.slots[position.index()];
        if !slot.exact {
            slot.earliest = slot.search(slab);
            slot.exact = true;
        }
        slot.earliest
    }

    /// Tells an occupied slot of a bound that was found in passing, and whether it is a deadline for certain.
    pub(crate) fn set_bound(&mut self, position: Position, earliest: u64, exact: bool) {
        let slot = &mut self.slots[position.index()];
        slot.earliest = earliest;
        slot.exact = exact;
    }

    /// Occupied slots of each level.
    pub(crate) fn occupied(&self) -> [u32; LEVELS] {
        self.occupied.map(u64::count_ones)
    }
}

impl Slot {
    #[inline]
    fn note_arrival(&mut self, deadline: u64) {
        if deadline <= self.earliest {
            self.earliest = deadline;
            self.exact = true;
        }
    }

    fn search<T>(&self, slab: &Slab<T>) -> u64 {
        let mut earliest = u64::MAX;
        let mut index = self.head;
        while index != NIL {
            let entry = slab.entry(index);
            earliest = earliest.min(entry.deadline);
            index = entry.next;
        }
        earliest
    }
}

#[cfg(test)]
impl Slots {
    /// Every entry by slot, after checking that lists, bitmaps, populations and earliest deadlines agree.
    pub(crate) fn check<T>(&self, slab: &Slab<T>) -> Vec<(Position, Vec<u32>)> {
        let mut lists = Vec::new();
        for bits in 0..(LEVELS * SLOTS) as u16 {
            let position = Position::from_bits(bits);
            let slot = &self.slots[position.index()];
            let mut list = Vec::new();
            let mut index = slot.head;
            while index != NIL {
                let entry = slab.entry(index);
                assert_eq!(entry.position(), position);
                assert_eq!(entry.previous, list.last().copied().unwrap_or(NIL));
                list.push(index);
                index = entry.next;
            }
            assert_eq!(slot.tail, list.last().copied().unwrap_or(NIL), "{position:?}");
            assert_eq!(slot.population as usize, list.len(), "{position:?}");
            let bit = self.occupied[position.level()] >> position.digit() & 1;
            assert_eq!(bit == 1, !list.is_empty(), "{position:?}");
            if !list.is_empty() {
                let earliest = slot.search(slab);
                assert!(slot.earliest <= earliest, "{position:?}: bound {} above {earliest}", slot.earliest);
                assert!(!slot.exact || slot.earliest == earliest, "{position:?}: {} is no deadline", slot.earliest);
                lists.push((position, list));
            }
        }
        lists
    }
}
