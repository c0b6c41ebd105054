//! The run queue of a P: a ring of [`CAPACITY`] slots and one slot more, `runnext`. The essay with the memory orders is
//! `README.md` beside this file; the algorithm is Go's (`runqput`, `runqget`, `runqgrab` in `runtime/proc.go`), with
//! atomic slots, with the other half moved on overflow, and with thieves that run the oldest G they took.

use crate::injector::{BATCH, Chain, Linked, element, pointer};
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use crate::sync::faulty;
use crossbeam_utils::CachePadded;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::null_mut;

/// Slots of a ring. A power of two: the indices run freely, 64 bits wide on every platform we support, and are reduced
/// at the slot.
#[cfg(not(loom))]
pub(crate) const CAPACITY: usize = 256;
#[cfg(loom)]
pub(crate) const CAPACITY: usize = 4;

/// A run queue that one M owns at a time and everybody may steal from.
pub(crate) struct Ring<T: Linked> {
    ends: CachePadded<Ends<T>>,
    /// Slot `i % CAPACITY` holds element `i` while `head <= i < tail`. Atomic because a thief may read one that is
    /// being overwritten; what it read is then thrown away.
    slots: [AtomicPtr<T>; CAPACITY],
}

/// One cache line on purpose: whoever looks for work reads the first three, and the owner all four.
struct Ends<T> {
    /// Index of the oldest element. Only grows; whoever moves it from `h` to `h + n` owns the elements `h..h + n`.
    head: AtomicUsize,
    /// Index one past the newest. Only the owner writes it.
    tail: AtomicUsize,
    /// What runs before the ring. Only the owner puts something in, anybody takes it out by a swap with null.
    next: AtomicPtr<T>,
    /// Index one past the newest element that was promised its turn here: an overflow moves none up to it. The owner's alone.
    promised: AtomicUsize,
}

impl<T: Linked> Ring<T> {
    pub(crate) fn new() -> Self {
        Self {
            ends: CachePadded::new(Ends {
                head: AtomicUsize::new(0),
                tail: AtomicUsize::new(0),
                next: AtomicPtr::new(null_mut()),
                promised: AtomicUsize::new(0),
            }),
            slots: std::array::from_fn(|_| AtomicPtr::new(null_mut())),
        }
    }

    /// The right to put in.
    ///
    /// # Safety
    /// While the token and its copies live, no other thread uses a token of this ring: the calling thread is the M that
    /// holds this P. From the last use by one owner to the first by the next there is a synchronising hand-over
    /// (release to acquire).
    #[inline]
    pub(crate) unsafe fn owner(&self) -> Owner<'_, T> {
        Owner { ring: self, not_send: PhantomData }
    }

    /// Whether nothing is queued here: ring and `runnext`. After a fence it misses nothing whose submitter has passed
    /// its own fence.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        loop {
            let head = self.ends.head.load(Acquire);
            let tail = self.ends.tail.load(Acquire);
            let next = self.ends.next.load(Acquire);
            // An element kicked out of `runnext` after the look at the tail, its successor taken before the look at
            // `runnext`: only the tail tells. The swap that emptied `runnext` is a release after that tail.
            if faulty!(RingEmptyLooksOnce) || self.ends.tail.load(Acquire) == tail {
                return head == tail && next.is_null();
            }
        }
    }

    /// How many elements the ring holds, without `runnext`: exact for the owner while nobody steals, a hint for all
    /// others.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        let head = self.ends.head.load(Acquire);
        let tail = self.ends.tail.load(Acquire);
        tail.wrapping_sub(head).min(CAPACITY)
    }

    /// Whether `runnext` is taken: a hint.
    #[inline]
    pub(crate) fn has_next(&self) -> bool {
        !self.ends.next.load(Relaxed).is_null()
    }

    /// Whether `runnext` is this one: a hint.
    pub(crate) fn is_next(&self, item: &'static T) -> bool {
        std::ptr::eq(self.ends.next.load(Relaxed), item)
    }

    /// Steals half the ring, rounded up, but no more than fits: the oldest one is returned, to be run at once on a
    /// fresh slice, the others are in the thief's ring in their order. `None`: it looked empty.
    pub(crate) fn steal_into(&self, thief: Owner<'_, T>) -> Option<&'static T> {
        debug_assert!(!std::ptr::eq(self, thief.ring), "a ring is not stolen from by its owner");
        let to = thief.tail();
        let room = if faulty!(RingStealIgnoresRoom) { CAPACITY } else { thief.room() };
        loop {
            let head = self.ends.head.load(Acquire);
            // Loaded after the head, so it is not behind it. It may be ahead by more than a ring, if the head has moved
            // on meanwhile; then the swap below fails.
            let tail = self.ends.tail.load(Acquire);
            let queued = tail.wrapping_sub(head);
            if queued == 0 {
                return None;
            }
            let count = (queued - queued / 2).min(room + 1);
            let first = self.slot(head).load(Relaxed);
            for i in 1..count {
                let moved = self.slot(head.wrapping_add(i)).load(Relaxed);
                thief.ring.slot(to.wrapping_add(i - 1)).store(moved, Relaxed);
            }
            // Release: whoever sees the new head, and so may overwrite the slots, does it after the reads above.
            if self.ends.head.compare_exchange(head, head.wrapping_add(count), Release, Relaxed).is_ok() {
                thief.publish(to.wrapping_add(count - 1));
                // SAFETY: the head was `head` from the first load to the swap (it only grows, and 2^64 elements do not
                // pass by in between), and `head..tail` was published, so this slot held element `head`: stored by
                // `publish`'s caller, from a `&'static T`.
                return Some(unsafe { element(first) });
            }
            crate::sync::hint::spin_loop();
        }
    }

    /// Steals what is in `runnext`. That its owner had time to run it first is the caller's courtesy.
    pub(crate) fn steal_next(&self) -> Option<&'static T> {
        let (look, take) = if faulty!(NextAcquiredByLoad) { (Acquire, Relaxed) } else { (Relaxed, Acquire) };
        let next = self.ends.next.load(look);
        // Acquire belongs to the swap: the same element may have run and come back since the load.
        if next.is_null() || self.ends.next.compare_exchange(next, null_mut(), take, Relaxed).is_err() {
            return None;
        }
        // SAFETY: not null, and only `push_next` puts something else there: a `&'static T`.
        Some(unsafe { element(next) })
    }

    #[inline]
    fn slot(&self, index: usize) -> &AtomicPtr<T> {
        &self.slots[index % CAPACITY]
    }
}

impl<T: Linked> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("queued", &self.queued()).field("next", &self.has_next()).finish()
    }
}

/// The token of the M that holds the P of this ring.
pub(crate) struct Owner<'r, T: Linked> {
    ring: &'r Ring<T>,
    not_send: PhantomData<*const ()>,
}

impl<T: Linked> Clone for Owner<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Linked> Copy for Owner<'_, T> {}

impl<T: Linked> fmt::Debug for Owner<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owner").field(self.ring).finish()
    }
}

impl<T: Linked> Owner<'_, T> {
    /// Puts `last` at the end. Where the ring is full, its newest half goes out, but for what was promised its turn, with
    /// `last` at the end: at most [`BATCH`] elements for the injector.
    ///
    /// Passing them on is a submission of its own, and must be followed by a look for a searcher: the ring looked empty
    /// for an instant.
    #[inline]
    pub(crate) fn push_back(self, last: &'static T) -> Result<(), Chain<T>> {
        let tail = self.tail();
        // Acquire: pairs with the release of the thief that moved the head here; its reads of the slot are over.
        if tail.wrapping_sub(self.ring.ends.head.load(Acquire)) < CAPACITY {
            self.ring.slot(tail).store(pointer(last), Relaxed);
            self.publish(tail.wrapping_add(1));
            return Ok(());
        }
        self.push_back_slow(last)
    }

    #[cold]
    fn push_back_slow(self, last: &'static T) -> Result<(), Chain<T>> {
        let full = self.tail().wrapping_sub(CAPACITY);
        match self.shed(full, BATCH - 1) {
            Some(mut batch) => {
                batch.push_back(last);
                Err(batch)
            }
            // Thieves made room. Only they move the head, and only forward: the second try finds a slot.
            None => self.push_back(last),
        }
    }

    /// Puts `last` at the end and promises it its turn: no overflow moves it. What must go for it comes back, to be
    /// passed on as in [`push_back`](Self::push_back): that is `last` itself where all others were promised theirs.
    pub(crate) fn push_promised(self, last: &'static T) -> Chain<T> {
        let moved = if self.room() == 0 { self.make_room(BATCH - 1) } else { Chain::new() };
        if self.room() == 0 {
            return Chain::one(last);
        }
        let tail = self.tail();
        self.ring.slot(tail).store(pointer(last), Relaxed);
        self.publish(tail.wrapping_add(1));
        self.promise();
        moved
    }

    /// Takes as many of the newest out that `wanted` fit in, but none that was promised its turn: to be passed on as in
    /// [`push_back`](Self::push_back).
    pub(crate) fn make_room(self, wanted: usize) -> Chain<T> {
        let head = self.ring.ends.head.load(Acquire);
        let room = CAPACITY - self.tail().wrapping_sub(head);
        // Where a thief comes in between there is more room than was seen.
        self.shed(head, wanted.saturating_sub(room)).unwrap_or_default()
    }

    /// Takes the newest out, `most` of them, but none that was promised its turn. `None`: thieves have moved the head from
    /// where it was seen.
    fn shed(self, head: usize, most: usize) -> Option<Chain<T>> {
        let tail = self.tail();
        let queued = tail.wrapping_sub(head);
        let newer = tail.wrapping_sub(self.ring.ends.promised.load(Relaxed));
        let count = most.min(newer).min(queued);
        if count == 0 {
            return Some(Chain::new());
        }
        let claimed = if faulty!(RingOverflowByStore) {
            self.ring.ends.head.store(tail, Release);
            true
        } else {
            self.ring.ends.head.compare_exchange(head, tail, Release, Relaxed).is_ok()
        };
        if !claimed {
            return None;
        }
        // All are ours. In a full ring giving the oldest back moves nothing: element `head + i` and element `tail + i` share
        // a slot. Else they move down, in this order over slots that were free or are done with.
        let kept = queued - count;
        if queued < CAPACITY {
            for i in 0..kept {
                let moved = self.claimed_or_not(head.wrapping_add(i));
                self.ring.slot(tail.wrapping_add(i)).store(moved, Relaxed);
            }
        }
        self.publish(tail.wrapping_add(kept));
        if newer < queued {
            // Those that were promised have other indices now.
            self.ring.ends.promised.store(tail.wrapping_add(queued - newer), Relaxed);
        }
        Some((kept..queued).map(|i| self.claimed(head.wrapping_add(i))).collect())
    }

    /// All that are in the ring shall have their turn here.
    fn promise(self) {
        self.ring.ends.promised.store(self.tail(), Relaxed);
    }

    /// Puts in as many as fit, with one publication for all, and promises them their turn; what is left comes back.
    pub(crate) fn push_chain(self, mut chain: Chain<T>) -> Chain<T> {
        let mut tail = self.tail();
        for _ in 0..self.room() {
            let Some(first) = chain.pop_front() else { break };
            self.ring.slot(tail).store(pointer(first), Relaxed);
            tail = tail.wrapping_add(1);
        }
        self.publish(tail);
        self.promise();
        chain
    }

    /// Puts `next` into `runnext`. What it kicks out belongs at the end of the ring.
    #[inline]
    pub(crate) fn push_next(self, next: &'static T) -> Option<&'static T> {
        let slot = &self.ring.ends.next;
        // Null stays null, since only the owner puts something in: then a store does for a swap.
        if slot.load(Relaxed).is_null() {
            slot.store(pointer(next), Release);
            return None;
        }
        let kicked = slot.swap(pointer(next), Release);
        // SAFETY: not null, so stored here earlier, from a `&'static T`.
        (!kicked.is_null()).then(|| unsafe { element(kicked) })
    }

    /// Takes what is in `runnext`: it goes on with the slice of whoever put it there.
    #[inline]
    pub(crate) fn pop_next(self) -> Option<&'static T> {
        let slot = &self.ring.ends.next;
        let next = slot.load(Relaxed);
        if next.is_null() {
            return None;
        }
        if faulty!(NextPopByStore) {
            slot.store(null_mut(), Release);
        } else if slot.compare_exchange(next, null_mut(), Release, Relaxed).is_err() {
            // Only a thief can have come between, and it left null.
            return None;
        }
        // SAFETY: not null, so stored by `push_next`, from a `&'static T`.
        Some(unsafe { element(next) })
    }

    /// Takes the oldest element of the ring, not of `runnext`.
    #[inline]
    pub(crate) fn pop_ring(self) -> Option<&'static T> {
        let tail = self.tail();
        let mut head = self.ring.ends.head.load(Relaxed);
        while head != tail {
            let first = self.claimed_or_not(head);
            if faulty!(RingPopByStore) {
                self.ring.ends.head.store(head.wrapping_add(1), Release);
                // SAFETY: stored by an owner, from a `&'static T`.
                return Some(unsafe { element(first) });
            }
            match self.ring.ends.head.compare_exchange_weak(head, head.wrapping_add(1), Release, Relaxed) {
                // SAFETY: `head` was before our tail and is ours now, so the slot holds what an owner stored, from a
                // `&'static T`.
                Ok(_) => return Some(unsafe { element(first) }),
                Err(moved) => head = moved,
            }
        }
        None
    }

    /// Takes everything: `runnext`, then the ring in order.
    pub(crate) fn drain(self) -> Chain<T> {
        let mut all = Chain::new();
        if let Some(next) = self.pop_next() {
            all.push_back(next);
        }
        let tail = self.tail();
        let mut head = self.ring.ends.head.load(Relaxed);
        while let Err(moved) = self.ring.ends.head.compare_exchange_weak(head, tail, Release, Relaxed) {
            head = moved;
        }
        while head != tail {
            all.push_back(self.claimed(head));
            head = head.wrapping_add(1);
        }
        all
    }

    /// How many elements fit, at least: thieves only make more room.
    #[inline]
    pub(crate) fn room(self) -> usize {
        let used = self.tail().wrapping_sub(self.ring.ends.head.load(Acquire));
        CAPACITY - used
    }

    /// How many elements the ring holds, without `runnext`, at most: thieves only take.
    #[inline]
    pub(crate) fn queued(self) -> usize {
        self.ring.queued()
    }

    /// Whether ring and `runnext` are empty. For the owner this stays so until it puts something in.
    #[cfg(test)]
    pub(crate) fn is_empty(self) -> bool {
        !self.ring.has_next() && self.ring.ends.head.load(Relaxed) == self.tail()
    }

    #[inline]
    fn tail(self) -> usize {
        // Only the owner writes it.
        self.ring.ends.tail.load(Relaxed)
    }

    #[inline]
    fn publish(self, tail: usize) {
        // Release: with the tail, the slots before it and what their elements point to.
        let order = if faulty!(RingTailRelaxed) { Relaxed } else { Release };
        self.ring.ends.tail.store(tail, order);
    }

    #[inline]
    fn claimed_or_not(self, index: usize) -> *mut T {
        self.ring.slot(index).load(Relaxed)
    }

    /// An element that the owner has claimed, and not given back.
    #[inline]
    fn claimed(self, index: usize) -> &'static T {
        // SAFETY: the slot of a claimed element was stored by an owner, from a `&'static T`, and no later one overwrote
        // it.
        unsafe { element(self.claimed_or_not(index)) }
    }
}

#[cfg(all(test, loom))]
#[path = "ring_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
#[path = "ring_tests.rs"]
mod tests;
