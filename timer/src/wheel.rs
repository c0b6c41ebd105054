//! The wheel: placing, cancelling, and moving on in time.

use std::fmt;

use crate::key::Key;
use crate::position::{Position, TICK};
use crate::slab::{NIL, Slab};
use crate::slots::Slots;

/// Unused memory is given back when no timer has needed it for this long (2^30 ns, about 1.07 s).
const TRIM_AFTER: u64 = 1 << 30;

/// Leaves (of 64 entries) given back by one advance at most, so that an advance stays short.
const TRIM_LEAVES: usize = 128;

/// A hierarchical timing wheel: 8 levels of 64 slots over a base tick of 2^16 ns, which is all of a `u64` of
/// nanoseconds, so that there is no horizon.
///
/// Times are nanoseconds since an origin of the caller's choice. The wheel has no clock, no lock and no thread: it holds
/// payloads and hands out those that are due. None of its methods waits or switches goroutines, and none runs code of the
/// payload's type (dropping the wheel drops the payloads). The [crate's page](crate) has the structure and the reasons.
///
/// ```
/// use threadle_timer::Wheel;
///
/// let mut wheel = Wheel::new(0);
/// let mut due = Vec::new();
/// wheel.insert(2_000, "tea");
/// let coffee = wheel.insert(1_000, "coffee");
/// assert_eq!(wheel.next_expiry(), Some(1_000));
///
/// assert_eq!(wheel.cancel(coffee), Some("coffee"));
/// wheel.advance(1_999, &mut due);
/// assert!(due.is_empty());
/// wheel.advance(2_000, &mut due);
/// assert_eq!(due, ["tea"]);
/// ```
pub struct Wheel<T> {
    /// What every entry's slot is computed against. Never goes back. While a batch is interrupted it stays where the
    /// work is.
    now: u64,
    slots: Slots,
    slab: Slab<T>,
    /// The slot whose timers are being moved down, if a batch ended amidst them. Its digit is that of `now`, which holds
    /// for no other slot above level 0, and its timers may be due before those of the levels below.
    cascading: Option<Position>,
    scan: Scan,
    trimmed_at: u64,
}

/// How far one [`Wheel::advance_batch`] goes: for what the owner does with those that are due, and for how long its lock is held.
///
/// Two numbers, since an owner that has room for one timer more must not come back for each of the thousands that are moved
/// down before the first is due. A 0 counts as 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// So many timers are handed out at most.
    pub due: usize,
    /// So many are moved to a lower level, or found to be not due yet, at most.
    pub moves: usize,
}

impl Budget {
    /// The end of neither.
    const ALL: Budget = Budget { due: usize::MAX, moves: usize::MAX };

    /// `false`: that was used up before.
    fn take(left: &mut usize) -> bool {
        let any = *left > 0;
        *left -= usize::from(any);
        any
    }
}

/// How far the search for due timers in the slot of `now` has come, if a batch ended amidst it.
struct Scan {
    /// The next entry to look at; [`NIL`]: no search was interrupted.
    cursor: u32,
    /// The time that those before the cursor are not due at.
    target: u64,
    /// The earliest deadline before the cursor.
    earliest: u64,
}

impl Scan {
    const NONE: Scan = Scan { cursor: NIL, target: 0, earliest: u64::MAX };
}

impl<T> Wheel<T> {
    /// An empty wheel whose time is `now`. Takes 12 KiB for the slots, and memory for timers as they come.
    #[must_use]
    pub fn new(now: u64) -> Wheel<T> {
        Wheel::with_capacity(now, 0)
    }

    /// Like [`new`](Wheel::new), with memory for `capacity` timers, which the wheel keeps until
    /// [`shrink_to_fit`](Wheel::shrink_to_fit).
    ///
    /// # Panics
    ///
    /// If `capacity` is above 2^28.
    #[must_use]
    #[track_caller]
    pub fn with_capacity(now: u64, capacity: usize) -> Wheel<T> {
        Wheel {
            now,
            slots: Slots::new(),
            slab: Slab::with_capacity(capacity),
            cascading: None,
            scan: Scan::NONE,
            trimmed_at: now,
        }
    }

    /// Arms a timer: `payload` comes back from the first advance to `deadline` or later. A deadline that has passed is
    /// due at the next advance. O(1).
    ///
    /// # Panics
    ///
    /// If 2^28 timers are armed already.
    #[inline]
    #[track_caller]
    pub fn insert(&mut self, deadline: u64, payload: T) -> Key {
        self.insert_with(deadline, |_| payload)
    }

    /// As [`insert`](Wheel::insert), for a payload that knows its key, or notes it somewhere before it can come back. O(1).
    ///
    /// # Panics
    ///
    /// As [`insert`](Wheel::insert). If `payload` panics, no timer was armed.
    ///
    /// ```
    /// let mut wheel = threadle_timer::Wheel::new(0);
    /// let key = wheel.insert_with(1_000, |key| key);
    /// assert_eq!(wheel.cancel(key), Some(key));
    /// ```
    #[inline]
    #[track_caller]
    pub fn insert_with(&mut self, deadline: u64, payload: impl FnOnce(Key) -> T) -> Key {
        let key = self.slab.insert_with(deadline, payload);
        self.slots.link(&mut self.slab, key.index(), Position::of(deadline, self.now));
        key
    }

    /// Disarms a timer and gives its payload back. `None`: it has fired or was cancelled before. O(1).
    #[inline]
    pub fn cancel(&mut self, key: Key) -> Option<T> {
        let index = self.slab.find(key)?;
        self.unlink(index);
        self.slab.remove(index)
    }

    /// Gives an armed timer another deadline; its key stays good. `false`: it is armed no more, and nothing was done.
    /// O(1), and touches nothing but the timer when the new deadline lies in the same slot, as it does when the deadline
    /// of an idle connection is pushed on.
    ///
    /// ```
    /// # let mut wheel = threadle_timer::Wheel::new(0);
    /// let key = wheel.insert(1_000, "patience");
    /// assert!(wheel.reset(key, 5_000));
    /// assert_eq!(wheel.next_expiry(), Some(5_000));
    /// ```
    #[inline]
    pub fn reset(&mut self, key: Key, deadline: u64) -> bool {
        let Some(index) = self.slab.find(key) else { return false };
        let position = Position::of(deadline, self.now);
        // Not on level 0, where an interrupted search may have passed this entry by.
        if position.level() > 0 && position == self.slab.entry(index).position() {
            self.slots.change_deadline(&mut self.slab, index, deadline);
        } else {
            self.unlink(index);
            self.slab.entry_mut(index).deadline = deadline;
            self.slots.link(&mut self.slab, index, position);
        }
        true
    }

    /// The deadline of an armed timer. `None`: it is armed no more.
    #[inline]
    #[must_use]
    pub fn deadline(&self, key: Key) -> Option<u64> {
        self.slab.find(key).map(|index| self.slab.entry(index).deadline)
    }

    /// Moves on to `now` and appends to `due` the payload of every timer whose deadline has come. A `now` before the
    /// wheel's time counts as the wheel's time.
    ///
    /// Timers of different base ticks (65.5 us) come in the order of their deadlines, timers of one tick in the order they
    /// came into its slot; equal deadlines in the order they were armed, if not [reset](Wheel::reset). What was past
    /// already when it was armed counts as due at the time of its arming.
    #[inline]
    pub fn advance(&mut self, now: u64, due: &mut Vec<T>) {
        let more = self.advance_batch(now, Budget::ALL, due);
        debug_assert!(!more, "the machine has no memory for so many timers");
    }

    /// Like [`advance`](Wheel::advance), but stops where the budget ends, so that the owner's lock is not held for the length
    /// of a storm. `true`: there may be more to do; call again with the same or a later time.
    ///
    /// Each timer that is handed out counts, and each that is moved to a lower level or found to be not due yet. So `due` grows by
    /// at most [`Budget::due`], and may not grow at all although there is more.
    ///
    /// Between two batches the wheel may be used freely. [`now`](Wheel::now) lags behind, and
    /// [`next_expiry`](Wheel::next_expiry) tells of what is still to be handed out.
    ///
    /// ```
    /// # let mut wheel = threadle_timer::Wheel::new(0);
    /// # for number in 0..1000 { wheel.insert(number, number); }
    /// use threadle_timer::Budget;
    ///
    /// let mut due = Vec::new();
    /// loop {
    ///     // lock
    ///     let more = wheel.advance_batch(1_000_000, Budget { due: 64, moves: 128 }, &mut due);
    ///     // unlock, then:
    ///     for payload in due.drain(..) {
    ///         drop(payload);
    ///     }
    ///     if !more {
    ///         break;
    ///     }
    /// }
    /// assert!(wheel.is_empty());
    /// ```
    pub fn advance_batch(&mut self, now: u64, budget: Budget, due: &mut Vec<T>) -> bool {
        let target = now.max(self.now);
        let mut left = Budget { due: budget.due.max(1), moves: budget.moves.max(1) };
        loop {
            if let Some(position) = self.cascading
                && !self.cascade(position, &mut left)
            {
                return true;
            }
            let Some(position) = self.slots.first() else { break };
            let bound = self.slots.bound(position);
            let start = position.start(self.now);
            if position.level() == 0 {
                if bound > target {
                    break;
                }
                self.now = self.now.max(target.min(start + (TICK - 1)));
                if !self.hand_out(position, target, &mut left, due) {
                    return true;
                }
            } else {
                // Not the bound: when time enters a slot of this level its timers must move down, due or not.
                if start > target {
                    break;
                }
                // Straight to the first deadline and not to the start of the slot: what is due first goes to level 0 in
                // one move, and a lone timer is moved once however far it was.
                self.now = bound.min(target);
                self.cascading = Some(position);
            }
        }
        self.now = target;
        self.trim();
        false
    }

    /// When the next timer is due: what the owner may sleep until. `None`: no timer is armed. O(levels).
    ///
    /// Never later than the truth, and exact unless a crowded slot (more than 32 timers) lost its earliest one to
    /// [`cancel`](Wheel::cancel) or [`reset`](Wheel::reset): then it may be too early, though never before that lost
    /// deadline. A time that has passed: something is due now.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        let first = self.slots.first()?;
        let earliest = self.slots.earliest(&self.slab, first);
        Some(match self.cascading {
            Some(position) => earliest.min(self.slots.earliest(&self.slab, position)),
            None => earliest,
        })
    }

    /// Like [`next_expiry`](Wheel::next_expiry), but exact always: for an owner that is about to sleep for long and wants
    /// no vain wake-up. O(levels) unless a crowded slot lost its earliest timer, which then is searched, once.
    pub fn settle_next_expiry(&mut self) -> Option<u64> {
        let first = self.slots.first()?;
        let earliest = self.slots.settle(&self.slab, first);
        Some(match self.cascading {
            Some(position) => earliest.min(self.slots.settle(&self.slab, position)),
            None => earliest,
        })
    }

    /// Timers armed.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// No timer is armed.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time the wheel has come to. Never goes back.
    #[inline]
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Timers the wheel has memory for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slab.capacity()
    }

    /// Gives all unused memory of timers back at once. An advance does so bit by bit with what was not needed for a
    /// second; this is for an owner that will not advance for long. O(memory given back).
    pub fn shrink_to_fit(&mut self) {
        self.slab.shrink_to_fit();
    }

    /// Moves the timers of `position` down to where they belong now. `false`: the budget ended first.
    ///
    /// Each goes to a lower level, as its digit on this one is that of `now`; and to the tail, which keeps equal
    /// deadlines in order.
    fn cascade(&mut self, position: Position, left: &mut Budget) -> bool {
        loop {
            let index = self.slots.head(position);
            if index == NIL {
                self.cascading = None;
                return true;
            }
            if !Budget::take(&mut left.moves) {
                return false;
            }
            let below = Position::of(self.slab.entry(index).deadline, self.now);
            debug_assert!(below.level() < position.level());
            self.slots.unlink(&mut self.slab, index);
            self.slots.link(&mut self.slab, index, below);
        }
    }

    /// Takes what is due at `target` out of a slot of level 0. `false`: the budget ended first.
    fn hand_out(&mut self, position: Position, target: u64, left: &mut Budget, due: &mut Vec<T>) -> bool {
        let Scan { mut cursor, target: scanned_for, mut earliest } = std::mem::replace(&mut self.scan, Scan::NONE);
        let resumed = cursor != NIL && scanned_for == target;
        if !resumed {
            cursor = self.slots.head(position);
            earliest = u64::MAX;
        }
        while cursor != NIL {
            let index = cursor;
            let entry = self.slab.entry(index);
            let is_due = entry.deadline <= target;
            if !Budget::take(if is_due { &mut left.due } else { &mut left.moves }) {
                self.scan = Scan { cursor, target, earliest };
                return false;
            }
            cursor = entry.next;
            if is_due {
                self.slots.unlink(&mut self.slab, index);
                due.extend(self.slab.remove(index));
            } else {
                earliest = earliest.min(entry.deadline);
            }
        }
        if self.slots.head(position) != NIL {
            // Between two batches the timer found to be the earliest may have been cancelled.
            self.slots.set_bound(position, earliest, !resumed);
        }
        true
    }

    #[inline]
    fn unlink(&mut self, index: u32) {
        if index == self.scan.cursor {
            // Begins anew rather than go on behind this entry: there may be nothing behind it yet.
            self.scan = Scan::NONE;
        }
        self.slots.unlink(&mut self.slab, index);
    }

    fn trim(&mut self) {
        if self.now - self.trimmed_at >= TRIM_AFTER && self.slab.trim(TRIM_LEAVES) {
            self.slab.forget_peak();
            self.trimmed_at = self.now;
        }
    }
}

impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("now", &self.now)
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("next_expiry", &self.next_expiry())
            .field("occupied_slots", &self.slots.occupied())
            .field("cascading", &self.cascading)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod invariants;
