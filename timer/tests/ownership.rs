//! What becomes of payloads, keys and memory.

use std::rc::Rc;

use threadle_timer::{Budget, Key, Wheel};

mod support;
use support::Random;

const SECOND: u64 = 1_000_000_000;

#[test]
fn every_payload_is_dropped_once() {
    let witness = Rc::new(());
    let mut wheel = Wheel::new(0);
    let keys = (0..1_000_u64).map(|number| wheel.insert(number * 1_000_000, Rc::clone(&witness))).collect::<Vec<_>>();
    assert_eq!(Rc::strong_count(&witness), 1 + 1_000);

    let mut due = Vec::new();
    wheel.advance(299_000_000, &mut due);
    assert_eq!(due.len(), 300);
    assert_eq!(Rc::strong_count(&witness), 1 + 1_000, "handed over, not copied");
    due.clear();
    assert_eq!(Rc::strong_count(&witness), 1 + 700);

    for key in &keys[600..] {
        assert!(wheel.cancel(*key).is_some());
    }
    assert_eq!(Rc::strong_count(&witness), 1 + 300);
    // Those fired, those cancelled: nothing is left to cancel.
    for key in keys[..300].iter().chain(&keys[600..]) {
        assert!(wheel.cancel(*key).is_none());
    }
    assert_eq!(wheel.len(), 300);
    assert_eq!(Rc::strong_count(&witness), 1 + 300);

    drop(wheel);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_stale_key_never_touches_the_timer_that_took_its_place() {
    let mut random = Random::new(support::seed());
    let mut wheel = Wheel::new(0);
    let mut due = Vec::new();
    let mut stale: Vec<Key> = Vec::new();
    for round in 0..2_000_u64 {
        let key = wheel.insert(round, round);
        assert!(!stale.contains(&key), "{key:?} was given out twice");
        match random.below(4) {
            0 => wheel.advance(round, &mut due),
            1 => wheel.shrink_to_fit(),
            _ => assert_eq!(wheel.cancel(key), Some(round)),
        }
        for key in &stale {
            assert_eq!(wheel.deadline(*key), None);
        }
        if wheel.deadline(key).is_none() {
            stale.push(key);
        }
    }
}

#[test]
fn a_key_of_an_unknown_place_is_stale() {
    let mut wheel = Wheel::new(0);
    wheel.insert(1, ());
    for bits in [0, 1, 5, (1 << 28) - 1] {
        assert_eq!(Key::from_bits(bits), None, "a word without a generation is no key");
    }
    for bits in [u64::MAX, 2 << 28, 1 << 28, 5 << 28 | 63, 1 << 28 | 1, 1 << 28 | 1_000_000] {
        let key = Key::from_bits(bits).expect("it has a generation");
        let expected = (bits == 1 << 28).then_some(());
        assert_eq!(wheel.cancel(key), expected, "{key:?}");
    }
    assert!(wheel.is_empty());
}

#[test]
fn a_storm_of_a_million_comes_and_goes_and_gives_its_memory_back() {
    const STORM: u64 = 1_000_000;
    let mut random = Random::new(support::seed());
    let mut wheel = Wheel::new(0);
    // What stays on for the whole time must not keep the memory of the storm.
    let long = (0..10).map(|number| wheel.insert(1_000_000 * SECOND, number)).collect::<Vec<_>>();
    let keys = (0..STORM).map(|number| wheel.insert(random.below(10 * SECOND), number)).collect::<Vec<_>>();
    assert!(wheel.capacity() >= STORM as usize);
    assert!(wheel.capacity() < STORM as usize + 1_000, "no memory for more than there are");

    let mut cancelled = 0;
    for key in keys.iter().step_by(2) {
        cancelled += u64::from(wheel.cancel(*key).is_some());
    }
    assert_eq!(cancelled, STORM / 2);
    assert!(wheel.capacity() >= STORM as usize, "given back only after a while");

    let mut due = Vec::new();
    let mut fired = 0;
    let mut now = 0;
    while now < 10 * SECOND {
        now += SECOND / 100;
        while wheel.advance_batch(now, Budget { due: 4_096, moves: 4_096 }, &mut due) {
            fired += due.len() as u64;
            due.clear();
        }
        fired += due.len() as u64;
        due.clear();
    }
    assert_eq!(fired, STORM / 2);
    assert_eq!(wheel.len(), 10);
    for _ in 0..300 {
        now += SECOND / 10;
        wheel.advance(now, &mut due);
    }
    assert!(wheel.capacity() < 1_000, "{wheel:?}");

    // And once more, over the same places.
    let again = (0..STORM).map(|number| wheel.insert(now + SECOND, number)).collect::<Vec<_>>();
    assert!(keys.iter().all(|key| wheel.deadline(*key).is_none()));
    for key in again.iter().rev() {
        assert!(wheel.cancel(*key).is_some());
    }
    wheel.shrink_to_fit();
    assert!(wheel.capacity() < 1_000, "{wheel:?}");
    for (number, key) in long.into_iter().enumerate() {
        assert_eq!(wheel.cancel(key), Some(number as u64));
    }
    wheel.shrink_to_fit();
    assert_eq!(wheel.capacity(), 0);
}

#[test]
fn memory_asked_for_in_advance_stays() {
    let mut wheel = Wheel::<u64>::with_capacity(0, 10_000);
    assert!((10_000..10_064).contains(&wheel.capacity()));
    let mut due = Vec::new();
    for second in 0..10 {
        wheel.advance(second * SECOND, &mut due);
    }
    assert!(wheel.capacity() >= 10_000);
    wheel.shrink_to_fit();
    assert_eq!(wheel.capacity(), 0);
}

#[test]
fn a_wheel_goes_where_its_payloads_may_go() {
    fn assert_send_and_sync<T: Send + Sync>() {}
    assert_send_and_sync::<Wheel<std::sync::Arc<u8>>>();
    assert_send_and_sync::<Key>();
}
