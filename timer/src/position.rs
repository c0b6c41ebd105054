//! Where a deadline belongs, as pure arithmetic on times.
//!
//! A time in nanoseconds is read as a number of eight digits to the base 64 above sixteen bits that only tell the
//! moments inside one base tick:
//!
//! ```text
//!  63    58 57    52 51    46 45    40 39    34 33    28 27    22 21    16 15              0
//! | digit7 | digit6 | digit5 | digit4 | digit3 | digit2 | digit1 | digit0 | inside the tick |
//! ```
//!
//! A timer belongs to the level of the highest digit in which its deadline differs from the wheel's time, and to the
//! slot which that digit numbers.

/// Levels of the wheel: 8 levels of 6 bits above the 16 bits of a tick are the 64 bits of a time.
pub(crate) const LEVELS: usize = 8;

/// Slots of one level, one bit each in a `u64`.
pub(crate) const SLOTS: usize = 1 << DIGIT_BITS;

const DIGIT_BITS: u32 = 6;
const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

const TICK_BITS: u32 = 16;

/// Nanoseconds of a base tick, the width of a slot of level 0: about 65.5 us.
pub(crate) const TICK: u64 = 1 << TICK_BITS;

/// One slot of one level: `level * 64 + digit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position(u16);

impl Position {
    #[inline]
    pub(crate) fn new(level: usize, digit: u32) -> Position {
        debug_assert!(level < LEVELS && digit < SLOTS as u32, "no slot {digit} on level {level}");
        Position((level << DIGIT_BITS) as u16 | digit as u16)
    }

    /// The slot a timer due at `deadline` belongs to while the wheel's time is `now`. What is due already belongs to the
    /// slot of `now`, which is the first one looked at.
    #[inline]
    pub(crate) fn of(deadline: u64, now: u64) -> Position {
        let now = now >> TICK_BITS;
        let tick = (deadline >> TICK_BITS).max(now);
        // The or makes the difference nonzero; it cannot reach another level.
        let level = ((tick ^ now) | DIGIT_MASK).ilog2() / DIGIT_BITS;
        Position((level << DIGIT_BITS) as u16 | (tick >> (level * DIGIT_BITS) & DIGIT_MASK) as u16)
    }

    #[inline]
    pub(crate) fn from_bits(bits: u16) -> Position {
        Position(bits)
    }

    #[inline]
    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    #[inline]
    pub(crate) fn level(self) -> usize {
        usize::from(self.0 >> DIGIT_BITS)
    }

    #[inline]
    pub(crate) fn digit(self) -> u32 {
        u32::from(self.0) & DIGIT_MASK as u32
    }

    /// The first nanosecond of this slot in the round of its level that `now` is in.
    #[inline]
    pub(crate) fn start(self, now: u64) -> u64 {
        let shift = self.level() as u32 * DIGIT_BITS + TICK_BITS;
        // Two shifts, as the top level has no bits above its digit.
        let round = now >> shift >> DIGIT_BITS << DIGIT_BITS;
        (round | u64::from(self.digit())) << shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_choose_level_and_slot() {
        for level in 0..LEVELS {
            let unit = 1_u64 << (TICK_BITS + level as u32 * DIGIT_BITS);
            for digit in 1..SLOTS as u32 {
                let start = unit * u64::from(digit);
                let position = Position::new(level, digit);
                assert_eq!(Position::of(start, 0), position);
                assert_eq!(Position::of(start + (unit - 1), 0), position, "the last moment of the slot");
                assert_eq!(position.start(0), start);
                assert_eq!(Position::from_bits(position.bits()), position);
                assert_eq!((position.level(), position.digit()), (level, digit));
            }
        }
    }

    #[test]
    fn the_past_and_the_present_share_the_slot_of_now() {
        let now = 0x1234_5678_9abc_def0;
        let current = Position::new(0, (now >> TICK_BITS & DIGIT_MASK) as u32);
        for deadline in [0, 1, now - (1 << 40), now - 1, now, now | 0xffff] {
            assert_eq!(Position::of(deadline, now), current, "deadline {deadline:#x}");
        }
        assert_ne!(Position::of((now | 0xffff) + 1, now), current);
    }

    #[test]
    fn the_end_of_time_has_a_slot() {
        assert_eq!(Position::of(u64::MAX, 0), Position::new(7, 63));
        assert_eq!(Position::new(7, 63).start(0), 63 << 58);
        assert_eq!(Position::of(u64::MAX, u64::MAX), Position::new(0, 63));
        assert_eq!(Position::new(0, 63).start(u64::MAX), u64::MAX << TICK_BITS);
    }
}
