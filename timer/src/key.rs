//! The name of an armed timer: where it lives, and which of the timers that ever lived there it is.

use std::fmt;
use std::num::NonZeroU64;

/// Bits of a key that say where the timer lives. 2^28 timers may be armed in one wheel.
pub(crate) const INDEX_BITS: u32 = 28;

/// Generations are below this. Zero is never one, so a key is never zero.
pub(crate) const GENERATION_END: u64 = 1 << (u64::BITS - INDEX_BITS);

/// The name of one armed timer of one [`Wheel`](crate::Wheel).
///
/// 64 bits, never zero, so `Option<Key>` is as small as a key. A key is *stale* once its timer has fired or was
/// cancelled, and stays so for the life of the wheel: the pair of place and generation is never given out twice. A stale
/// key is harmless. A key shown to a wheel that did not make it is a mistake the wheel cannot see.
///
/// ```
/// let mut wheel = threadle_timer::Wheel::new(0);
/// let key = wheel.insert(100, "first");
/// assert_eq!(wheel.cancel(key), Some("first"));
///
/// wheel.insert(100, "second"); // takes the same place in memory
/// assert_eq!(wheel.cancel(key), None);
/// assert_eq!(wheel.len(), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    #[inline]
    pub(crate) fn new(index: u32, generation: u64) -> Key {
        debug_assert!(index >> INDEX_BITS == 0, "index {index} is wider than a key allows");
        debug_assert!(generation < GENERATION_END, "generation {generation} is wider than a key allows");
        match NonZeroU64::new(generation << INDEX_BITS | u64::from(index)) {
            Some(bits) => Key(bits),
            None => unreachable!("generations start at one"),
        }
    }

    #[inline]
    pub(crate) fn index(self) -> u32 {
        (self.0.get() & ((1 << INDEX_BITS) - 1)) as u32
    }

    #[inline]
    pub(crate) fn generation(self) -> u64 {
        self.0.get() >> INDEX_BITS
    }

    /// The key as a plain word, never zero: for an atomic cell in which zero says "not armed".
    ///
    /// ```
    /// # use threadle_timer::{Key, Wheel};
    /// let mut wheel = Wheel::new(0);
    /// let key = wheel.insert(1, ());
    /// assert_eq!(Key::from_bits(key.to_bits()), Some(key));
    /// assert_eq!(Key::from_bits(0), None);
    /// ```
    #[inline]
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// The key that [`to_bits`](Key::to_bits) made this word of; `None` for zero and other words that cannot be keys.
    ///
    /// Any further word that never was a key gives one that is stale or names some other timer.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u64) -> Option<Key> {
        // Generation zero is the mark of a free place, which must not be found.
        NonZeroU64::new(bits).map(Key).filter(|key| key.generation() != 0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("index", &self.index()).field("generation", &self.generation()).finish()
    }
}
