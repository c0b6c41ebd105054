//! The word of one direction of one descriptor: its bits, and nothing that waits.

use crate::sync::{AtomicU64, Ordering};
use std::fmt;

/// Set by an event, cleared by a waiter whose system call would have blocked *after* that event.
///
/// Means: nobody has found the direction drained since the last event. It decides whether a waiter that
/// finishes hands on to the next one.
const READY: u64 = 1 << 0;
/// Set while the list of waiters is not empty. Changes only under the list's lock; an event that is about to empty the list clears it first.
const WAITERS: u64 = 1 << 1;
/// Set when the descriptor is closed, for the rest of this generation. Excludes new waiters and events.
const CLOSED: u64 = 1 << 2;
/// Set when the owner of the poller ended, for the rest of this generation. Excludes new waiters.
const STOPPED: u64 = 1 << 3;
/// Set by an operation whose transfer was short, if no event came since it looked; cleared by the next event. Excludes READY.
///
/// Means: a system call would block, or what it would find is announced by an event that is still to come. So it need not be made.
const EXHAUSTED: u64 = 1 << 4;
/// Set by an event that told of an end, an error or urgent data, for the rest of this generation. Excludes EXHAUSTED.
///
/// Means: a short transfer proves nothing any more, since what is behind it has had its event already.
const LAST: u64 = 1 << 5;

const TICK_SHIFT: u32 = 6;
const TICK_BITS: u32 = 34;
const ONE_EVENT: u64 = 1 << TICK_SHIFT;
const TICK_MASK: u64 = ((1 << TICK_BITS) - 1) << TICK_SHIFT;

const GENERATION_SHIFT: u32 = TICK_SHIFT + TICK_BITS;
/// Width of a generation, in the word and in the token of an event alike.
pub(crate) const GENERATION_BITS: u32 = 64 - GENERATION_SHIFT;

/// Which incarnation of a recycled descriptor slot something belongs to. Wraps after 2^24 reopenings of one slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Generation(u32);

impl Generation {
    pub(crate) fn from_bits(bits: u32) -> Self {
        Generation(bits & ((1 << GENERATION_BITS) - 1))
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn next(self) -> Self {
        Generation(self.0.wrapping_add(1) & ((1 << GENERATION_BITS) - 1))
    }
}

/// A snapshot of a [`WordCell`].
///
/// ```text
///  63        40 39    6    5      4        3       2       1      0
/// [ generation | tick | LAST EXHAUSTED STOPPED CLOSED WAITERS READY ]
/// ```
/// * generation: which incarnation of the slot this is; an event carries one and its CAS fails on another;
/// * tick: how many events were delivered, modulo 2^34. "Nothing happened since I looked" is "same tick":
///   a waiter would have to sleep through 2^34 events between its system call and its wait to be fooled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(crate) fn generation(self) -> Generation {
        Generation((self.0 >> GENERATION_SHIFT) as u32)
    }

    pub(crate) fn is_ready(self) -> bool {
        self.0 & READY != 0
    }

    pub(crate) fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(crate) fn is_stopped(self) -> bool {
        self.0 & STOPPED != 0
    }

    /// Whether an event was delivered between the two snapshots.
    pub(crate) fn same_tick(self, other: Word) -> bool {
        (self.0 ^ other.0) & TICK_MASK == 0
    }

    /// Whether a system call would find nothing that is not announced by an event still to come. Not where nothing will be waited for: there
    /// the call itself must tell.
    pub(crate) fn is_exhausted(self) -> bool {
        self.0 & (EXHAUSTED | CLOSED | STOPPED) == EXHAUSTED
    }

    /// An event; `last`: of an end, an error or urgent data.
    pub(crate) fn with_event(self, last: bool) -> Self {
        let tick = self.0.wrapping_add(ONE_EVENT) & TICK_MASK;
        let last = if last { LAST } else { 0 };
        Word(self.0 & !(TICK_MASK | EXHAUSTED) | tick | READY | last)
    }

    /// After a short transfer by someone who has seen `seen` before: `None` if that proves nothing.
    pub(crate) fn exhausted(self, seen: Word) -> Option<Self> {
        (self.same_tick(seen) && self.0 & LAST == 0).then_some(Word(self.0 & !READY | EXHAUSTED))
    }

    pub(crate) fn unexhausted(self) -> Self {
        Word(self.0 & !EXHAUSTED)
    }

    pub(crate) fn drained(self) -> Self {
        Word(self.0 & !READY)
    }

    pub(crate) fn closed(self) -> Self {
        Word(self.0 | CLOSED)
    }

    pub(crate) fn stopped(self) -> Self {
        Word(self.0 | STOPPED)
    }

    pub(crate) fn with_waiters(self, any: bool) -> Self {
        if any { Word(self.0 | WAITERS) } else { Word(self.0 & !WAITERS) }
    }

    fn fresh(generation: Generation) -> Self {
        Word(u64::from(generation.0) << GENERATION_SHIFT)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Word")
            .field("generation", &self.generation().0)
            .field("tick", &((self.0 & TICK_MASK) >> TICK_SHIFT))
            .field("ready", &self.is_ready())
            .field("waiters", &self.has_waiters())
            .field("closed", &self.is_closed())
            .field("stopped", &self.is_stopped())
            .field("exhausted", &(self.0 & EXHAUSTED != 0))
            .field("last", &(self.0 & LAST != 0))
            .finish()
    }
}

/// The atomic itself. Every change but the recycling of an unused slot is one CAS loop, so that the word
/// has one order of changes and no protocol over it needs a fence.
pub(crate) struct WordCell(AtomicU64);

impl WordCell {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        WordCell(AtomicU64::new(CLOSED))
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        WordCell(AtomicU64::new(CLOSED))
    }

    pub(crate) fn load(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    /// The one CAS loop: `change` sees a snapshot and names the next word, or `None` to leave it.
    /// Returns the snapshot that was decided on, and whether it was replaced.
    pub(crate) fn update(&self, mut change: impl FnMut(Word) -> Option<Word>) -> Result<Word, Word> {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |raw| change(Word(raw)).map(|next| next.0))
            .map(Word)
            .map_err(Word)
    }

    /// Begins the next generation of a closed word: from here on an event that carries the old one finds this one.
    ///
    /// A plain store suffices. The slot belongs to the caller, events leave a closed word alone, and a late stop
    /// of the former owner marks the old generation, which is gone either way.
    pub(crate) fn reopen(&self) {
        let word = self.load();
        debug_assert!(word.is_closed() && !word.has_waiters(), "reopening {word:?}");
        self.0.store(Word::fresh(word.generation().next()).0, Ordering::Release);
    }
}

impl fmt::Debug for WordCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_tick_wraps_inside_its_field() {
        let generation = Generation::from_bits(0x00ab_cdef);
        let last = Word(Word::fresh(generation).0 | WAITERS | TICK_MASK);
        let next = last.with_event(false);
        assert_eq!(next.generation(), generation);
        assert!(next.is_ready() && next.has_waiters() && !next.is_closed() && !next.is_stopped());
        assert!(!next.same_tick(last));
        assert_eq!(next.0 & TICK_MASK, 0);
    }

    #[test]
    fn a_short_transfer_counts_until_the_next_event_and_never_after_the_last() {
        let fresh = Word::fresh(Generation::from_bits(1));
        let ready = fresh.with_event(false);
        assert!(ready.exhausted(fresh).is_none(), "an event came since");
        let exhausted = ready.exhausted(ready).expect("nothing came since");
        assert!(exhausted.is_exhausted() && !exhausted.is_ready());
        assert!(!exhausted.stopped().is_exhausted() && !exhausted.closed().is_exhausted());
        let ended = exhausted.with_event(true);
        assert!(ended.is_ready() && !ended.is_exhausted());
        assert!(ended.exhausted(ended).is_none());
        let later = ended.with_event(false);
        assert!(later.exhausted(later).is_none());
    }

    #[test]
    fn the_generation_wraps() {
        let last = Generation::from_bits(u32::MAX);
        assert_eq!(last.bits(), (1 << GENERATION_BITS) - 1);
        assert_eq!(last.next().bits(), 0);
    }
}
