//! The edges: borders of every level, the past, the end of time, interrupted batches, uncertain minima.

use threadle_timer::{Budget, Wheel};

const TICK: u64 = 1 << 16;

/// So many of either kind.
fn steps(number: usize) -> Budget {
    Budget { due: number, moves: number }
}

/// Advances to a moment before, then to the deadline.
fn fires_exactly(wheel: &mut Wheel<u64>, deadline: u64) {
    let mut due = Vec::new();
    if deadline > wheel.now() {
        wheel.advance(deadline - 1, &mut due);
        assert!(due.is_empty(), "{due:?} fired before {deadline}");
    }
    assert_eq!(wheel.next_expiry(), Some(deadline));
    wheel.advance(deadline, &mut due);
    assert_eq!(due, [deadline]);
}

#[test]
fn every_border_of_every_level_is_crossed_on_time() {
    for level in 0..8 {
        let unit = TICK << (6 * level);
        for origin in [0, 1, unit - 1, unit, 5 * (unit / 2), 0x0123_4567_89ab_cdef, u64::MAX / 2] {
            for slots in [1_u64, 2, 62, 63, 64, 65] {
                let Some(border) = (origin / unit).checked_add(slots).and_then(|slot| slot.checked_mul(unit)) else {
                    continue;
                };
                let deadlines = [border - 2, border - 1, border, border + 1, border + unit / 2, border + (unit - 1)];
                let mut wheel = Wheel::new(origin);
                let mut expected = Vec::new();
                for deadline in deadlines.into_iter().filter(|deadline| *deadline > origin) {
                    wheel.insert(deadline, deadline);
                    expected.push(deadline);
                }
                for deadline in expected {
                    fires_exactly(&mut wheel, deadline);
                }
                assert!(wheel.is_empty());
            }
        }
    }
}

#[test]
fn one_timer_in_every_slot_fires_in_order() {
    let mut wheel = Wheel::new(0);
    let mut expected = Vec::new();
    for level in 0..8 {
        for digit in 1..64_u64 {
            let deadline = (TICK << (6 * level)) * digit + 17;
            expected.push(deadline);
            wheel.insert(deadline, deadline);
        }
    }
    for &deadline in &expected {
        fires_exactly(&mut wheel, deadline);
    }
    for &deadline in &expected {
        wheel.insert(deadline, deadline);
    }
    // All are past by now, and come in the order they were armed.
    let mut due = Vec::new();
    wheel.advance(0, &mut due);
    assert_eq!(due, expected);
}

#[test]
fn one_advance_over_everything_keeps_the_order_of_ticks() {
    let mut wheel = Wheel::new(3);
    let mut expected = Vec::new();
    for level in 0..8 {
        for digit in 1..64_u64 {
            expected.push((TICK << (6 * level)) * digit + 17);
        }
    }
    for &deadline in expected.iter().rev() {
        wheel.insert(deadline, deadline);
    }
    let mut due = Vec::new();
    wheel.advance(u64::MAX, &mut due);
    assert_eq!(due, expected);
    assert_eq!(wheel.now(), u64::MAX);
}

#[test]
fn the_past_fires_at_the_next_advance() {
    let now = 123_456_789_000;
    let mut wheel = Wheel::new(now);
    for deadline in [0, now - TICK, now - 1, now] {
        wheel.insert(deadline, deadline);
        assert_eq!(wheel.next_expiry(), Some(deadline));
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        assert_eq!(due, [deadline]);
    }
    wheel.insert(1, 1);
    let mut due = Vec::new();
    wheel.advance(0, &mut due);
    assert_eq!(due, [1], "an advance to the past is an advance to now");
}

#[test]
fn time_never_runs_backwards() {
    let mut wheel = Wheel::new(1_000_000);
    let mut due = Vec::new();
    wheel.insert(900_000_000, "later");
    wheel.advance(500_000_000, &mut due);
    for earlier in [499_999_999, 1_000_000, 0] {
        wheel.advance(earlier, &mut due);
        assert_eq!(wheel.now(), 500_000_000);
        assert_eq!(wheel.next_expiry(), Some(900_000_000));
    }
    assert!(due.is_empty());
    wheel.advance(900_000_000, &mut due);
    assert_eq!(due, ["later"]);
}

#[test]
fn the_end_of_time_is_a_deadline_like_any_other() {
    let mut wheel = Wheel::new(0);
    let mut due = Vec::new();
    wheel.insert(u64::MAX, "end");
    assert_eq!(wheel.next_expiry(), Some(u64::MAX));
    wheel.advance(u64::MAX - 1, &mut due);
    assert!(due.is_empty());
    wheel.advance(u64::MAX, &mut due);
    wheel.insert(u64::MAX, "after the end");
    wheel.advance(u64::MAX, &mut due);
    assert_eq!(due, ["end", "after the end"]);
}

#[test]
fn timers_of_one_base_tick_keep_their_own_deadlines() {
    let mut wheel = Wheel::new(0);
    for deadline in (1..=1_000).rev() {
        wheel.insert(deadline, deadline);
    }
    for deadline in 1..=1_000 {
        fires_exactly(&mut wheel, deadline);
    }
}

#[test]
fn a_storm_of_one_deadline_is_handed_out_in_batches_and_in_order() {
    let mut wheel = Wheel::new(0);
    let deadline = 90 * 24 * 3_600 * 1_000_000_000;
    for number in 0..10_000 {
        wheel.insert(deadline, number);
    }
    let mut due = Vec::new();
    let mut batches = 1;
    while wheel.advance_batch(deadline + 5, steps(100), &mut due) {
        assert!(due.len() <= batches * 100);
        batches += 1;
        assert!(wheel.next_expiry().is_none_or(|expiry| expiry == deadline), "what is left is due");
    }
    assert_eq!(due, (0..10_000).collect::<Vec<_>>());
    // Each timer is moved down once and handed out once; the last that were moved and the first that are due share a batch.
    assert_eq!(batches, 199);
    assert_eq!(wheel.now(), deadline + 5);
}

#[test]
fn batches_at_one_time_do_not_look_twice_at_what_is_not_due() {
    let mut wheel = Wheel::new(0);
    for number in 0..10_000 {
        // Those not due come first in the slot.
        wheel.insert(if number < 5_000 { 60_000 } else { 1_000 }, number);
    }
    let mut due = Vec::new();
    let mut batches = 1;
    while wheel.advance_batch(1_000, steps(50), &mut due) {
        batches += 1;
    }
    assert_eq!(due, (5_000..10_000).collect::<Vec<_>>());
    assert!(batches <= 10_000 / 50 + 1, "{batches} batches");
    assert_eq!(wheel.next_expiry(), Some(60_000));
}

/// The batches, which are rounds of the owner's lock, until the first timer is due of `wheel`.
fn batches_until_one_is_due(mut wheel: Wheel<u64>, now: u64) -> usize {
    let mut due = Vec::new();
    (1..)
        .find(|_| {
            let more = wheel.advance_batch(now, Budget { due: 1, moves: 128 }, &mut due);
            assert!(more || !due.is_empty(), "one is due");
            !due.is_empty()
        })
        .expect("there is no last number")
}

#[test]
fn who_has_room_for_one_does_not_come_back_for_each_that_is_moved() {
    let number = 10_000;
    let enough = number as usize / 128 + 2;
    let hour = 3_600 * 1_000_000_000;
    let mut crowded_slot = Wheel::new(0);
    for number in 0..number {
        crowded_slot.insert(hour + number, number);
    }
    let batches = batches_until_one_is_due(crowded_slot, hour + number);
    assert!(batches <= enough, "{batches} batches for a slot that is moved down");

    let mut crowded_tick = Wheel::new(0);
    for number in 0..number {
        crowded_tick.insert(60_000, number);
    }
    crowded_tick.insert(50_000, number);
    let batches = batches_until_one_is_due(crowded_tick, 50_000);
    assert!(batches <= enough, "{batches} batches for a tick in which others come first");
}

#[test]
fn a_later_time_between_two_batches_keeps_equal_deadlines_in_order() {
    let mut wheel = Wheel::new(0);
    wheel.insert(500, "first");
    wheel.insert(500, "second");
    wheel.insert(50, "early");
    wheel.insert(500, "third");
    let mut due = Vec::new();
    assert!(wheel.advance_batch(100, steps(1), &mut due), "the first was looked at and is not due");
    assert!(due.is_empty());
    wheel.advance(600, &mut due);
    assert_eq!(due, ["first", "second", "early", "third"]);
}

#[test]
fn the_wheel_may_be_used_between_two_batches() {
    let mut wheel = Wheel::new(0);
    let far = TICK * 64 * 64 * 3;
    let keys = (0..100).map(|number| wheel.insert(far + number * 10, number)).collect::<Vec<_>>();
    let mut due = Vec::new();
    // Amidst moving the slot down.
    assert!(wheel.advance_batch(far + 2_000, steps(30), &mut due));
    assert!(due.is_empty());
    // One that was moved, one that was not, one new and early, one new and past, one postponed.
    assert_eq!(wheel.cancel(keys[3]), Some(3));
    assert_eq!(wheel.cancel(keys[90]), Some(90));
    wheel.insert(far + 1, 1_000);
    wheel.insert(5, 1_001);
    assert!(wheel.reset(keys[60], far * 2));
    assert_eq!(wheel.next_expiry(), Some(5));
    while wheel.advance_batch(far + 2_000, steps(30), &mut due) {
        assert!(due.len() < 100);
    }
    due.sort_unstable();
    let mut expected = (0..100).filter(|number| ![3, 60, 90].contains(number)).collect::<Vec<_>>();
    expected.extend([1_000, 1_001]);
    assert_eq!(due, expected);
    assert_eq!(wheel.next_expiry(), Some(far * 2));
}

#[test]
fn a_slot_emptied_while_it_is_moved_down_leaves_no_trace() {
    let mut wheel = Wheel::new(0);
    let far = TICK * 64 * 64 * 3;
    let keys = (0..100).map(|number| wheel.insert(far + number, number)).collect::<Vec<_>>();
    let mut due = Vec::new();
    assert!(wheel.advance_batch(far, steps(10), &mut due));
    for key in keys {
        wheel.cancel(key).expect("nothing has fired yet");
    }
    assert_eq!(wheel.next_expiry(), None);
    assert_eq!(wheel.settle_next_expiry(), None);
    wheel.insert(far * 2, 0);
    assert_eq!(wheel.next_expiry(), Some(far * 2));
    assert!(!wheel.advance_batch(far, steps(10), &mut due));
    assert!(due.is_empty());
}

#[test]
fn a_crowded_slot_that_lost_its_earliest_errs_to_the_early_side_and_once() {
    let hour = 3_600 * 1_000_000_000_u64;
    let mut wheel = Wheel::new(0);
    let earliest = wheel.insert(hour, 0);
    for number in 1..=1_000 {
        wheel.insert(hour + number * 1_000_000, number);
    }
    wheel.cancel(earliest).expect("armed");
    let truth = hour + 1_000_000;
    assert_eq!(wheel.next_expiry(), Some(hour), "not later than the truth, not before what was cancelled");
    let mut due = Vec::new();
    wheel.advance(hour, &mut due);
    assert!(due.is_empty());
    assert_eq!(wheel.next_expiry(), Some(truth), "one vain wake-up, and it is exact again");

    let mut wheel = Wheel::new(0);
    let earliest = wheel.insert(hour, 0);
    for number in 1..=1_000 {
        wheel.insert(hour + number * 1_000_000, number);
    }
    assert!(wheel.reset(earliest, hour + 5_000_000));
    assert_eq!(wheel.settle_next_expiry(), Some(truth));
    assert_eq!(wheel.next_expiry(), Some(truth));
}

#[test]
fn a_key_survives_resets_across_levels() {
    let mut wheel = Wheel::new(0);
    let key = wheel.insert(1, "timer");
    let mut due = Vec::new();
    for bits in (0..64).chain((21..64).rev()) {
        let deadline = 1_u64 << bits;
        assert!(wheel.reset(key, deadline));
        assert_eq!(wheel.deadline(key), Some(deadline));
        assert_eq!(wheel.next_expiry(), Some(deadline));
        wheel.advance((deadline - 1).min(1 << 20), &mut due);
        assert!(due.is_empty());
    }
    assert!(wheel.reset(key, 0), "also into the past");
    wheel.advance(0, &mut due);
    assert_eq!(due, ["timer"]);
    assert!(!wheel.reset(key, 1));
    assert_eq!(wheel.next_expiry(), None);
}

#[test]
fn an_empty_wheel_answers() {
    let mut wheel = Wheel::<u8>::new(7);
    let mut due = Vec::new();
    assert!(!wheel.advance_batch(u64::MAX, steps(0), &mut due));
    assert_eq!((wheel.len(), wheel.next_expiry(), wheel.settle_next_expiry()), (0, None, None));
    assert!(format!("{wheel:?}").contains("now: 18446744073709551615"));
}
