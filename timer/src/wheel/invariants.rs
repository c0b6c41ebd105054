//! What must hold between any two calls, checked after every step of seeded random use with interrupted batches.

use std::collections::BTreeMap;

use super::{Budget, Wheel};
use crate::key::Key;
use crate::position::Position;

impl<T> Wheel<T> {
    fn check(&self) {
        let lists = self.slots.check(&self.slab);
        assert_eq!(lists.iter().map(|(_, list)| list.len()).sum::<usize>(), self.len());
        for (position, list) in &lists {
            for &index in list {
                let deadline = self.slab.entry(index).deadline;
                if self.cascading == Some(*position) {
                    assert!(position.level() > 0 && deadline >= self.now);
                    assert!(Position::of(deadline, self.now).level() < position.level());
                } else {
                    assert_eq!(Position::of(deadline, self.now), *position, "deadline {deadline} at {}", self.now);
                }
            }
        }
        if self.scan.cursor != crate::slab::NIL {
            let cursor = self.slab.entry(self.scan.cursor);
            assert_eq!(cursor.position(), Position::of(self.now, self.now));
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn run(seed: u64, span: u64, steps: u64) {
    let mut random = Random(seed);
    let mut now = random.next() >> random.below(64);
    let mut wheel = Wheel::new(now);
    let mut armed: BTreeMap<u64, (Key, u64)> = BTreeMap::new();
    let mut due = Vec::new();
    for id in 0..steps {
        let deadline = now.saturating_add(random.below(span)).saturating_sub(span / 16);
        let victim = armed.range(random.below(id + 1)..).next().map(|(id, armed)| (*id, *armed));
        match random.below(10) {
            0..4 => {
                armed.insert(id, (wheel.insert(deadline, id), deadline));
            }
            4 => {
                if let Some((id, (key, _))) = victim {
                    assert_eq!(wheel.cancel(key), Some(id));
                    assert_eq!(wheel.deadline(key), None);
                    armed.remove(&id);
                }
            }
            5 => {
                if let Some((id, (key, _))) = victim {
                    assert!(wheel.reset(key, deadline));
                    armed.insert(id, (key, deadline));
                }
            }
            _ => {
                // Often the same time again, as an owner does who reads the clock once for many batches.
                if random.below(3) == 0 {
                    now = now.saturating_add(random.below(span) >> random.below(20));
                }
                let budget = Budget { due: 1 + random.below(4) as usize, moves: 1 + random.below(4) as usize };
                let more = wheel.advance_batch(now, budget, &mut due);
                assert!(due.len() <= budget.due);
                for id in due.drain(..) {
                    let (_, deadline) = armed.remove(&id).expect("fires once");
                    assert!(deadline <= now, "timer {id} fired at {now}, before its deadline {deadline}");
                }
                if !more {
                    assert_eq!(wheel.now(), now);
                    let late = armed.values().filter(|(_, deadline)| *deadline <= now).count();
                    assert_eq!(late, 0, "timers kept although due");
                }
            }
        }
        wheel.check();
        let earliest = armed.values().map(|(_, deadline)| *deadline).min();
        assert!(wheel.next_expiry() <= earliest && wheel.next_expiry().is_some() == earliest.is_some());
        if random.below(4) == 0 {
            assert_eq!(wheel.settle_next_expiry(), earliest);
            assert_eq!(wheel.next_expiry(), earliest);
            wheel.check();
        }
    }
}

#[test]
fn hold_after_every_step() {
    let seed: u64 = match std::env::var("THREADLE_SEED") {
        Ok(seed) => seed.parse().expect("THREADLE_SEED is a number"),
        Err(_) => 0x7174_6d65_7200,
    };
    println!("THREADLE_SEED={seed}");
    for (round, span_bits) in [4, 14, 17, 20, 23, 29, 36, 44, 52, 58, 63].into_iter().enumerate() {
        for lap in 0..4 {
            run(seed.wrapping_add(round as u64 * 1000 + lap), 1 << span_bits, 600);
        }
    }
}
