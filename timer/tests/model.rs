//! The wheel against a sorted map, by seeded random operations over spans from microseconds to centuries.

use std::collections::{BTreeMap, HashMap};

use threadle_timer::{Budget, Key, Wheel};

mod support;
use support::Random;

const TICK: u64 = 1 << 16;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const DAY: u64 = 86_400 * SECOND;
const YEAR: u64 = 365 * DAY;

/// What the wheel should be: every armed timer by (deadline, order of arming).
struct Model {
    by_deadline: BTreeMap<(u64, u64), u64>,
    armed: HashMap<u64, Armed>,
    ids: Vec<u64>,
    stale: Vec<Key>,
    orders: u64,
}

struct Armed {
    key: Key,
    deadline: u64,
    order: u64,
    /// The base tick it counts as due in: that of its arming if it was past by then.
    tick: u64,
    was_reset: bool,
}

impl Model {
    fn new() -> Model {
        Model { by_deadline: BTreeMap::new(), armed: HashMap::new(), ids: Vec::new(), stale: Vec::new(), orders: 0 }
    }

    fn arm(&mut self, id: u64, key: Key, deadline: u64, now: u64, was_reset: bool) {
        let order = self.orders;
        self.orders += 1;
        self.by_deadline.insert((deadline, order), id);
        let armed = Armed { key, deadline, order, tick: deadline.max(now) / TICK, was_reset };
        assert!(self.armed.insert(id, armed).is_none());
        if !was_reset {
            self.ids.push(id);
        }
    }

    fn disarm(&mut self, id: u64) -> Option<Armed> {
        let armed = self.armed.remove(&id)?;
        assert_eq!(self.by_deadline.remove(&(armed.deadline, armed.order)), Some(id));
        Some(armed)
    }

    fn earliest(&self) -> Option<u64> {
        self.by_deadline.keys().next().map(|(deadline, _)| *deadline)
    }

    /// Some timer that is still armed.
    fn pick(&mut self, random: &mut Random) -> Option<u64> {
        while !self.ids.is_empty() {
            let at = random.below(self.ids.len() as u64) as usize;
            if self.armed.contains_key(&self.ids[at]) {
                return Some(self.ids[at]);
            }
            self.ids.swap_remove(at);
        }
        None
    }

    /// Takes out what an advance to `now` handed out, and checks that it was due and came in order.
    fn fired(&mut self, fired: &[u64], now: u64) {
        let mut previous: Option<Armed> = None;
        for &id in fired {
            let armed = self.disarm(id).expect("a timer fires once, and not after it was cancelled");
            assert!(armed.deadline <= now, "timer {id} fired at {now}, due at {}", armed.deadline);
            if let Some(previous) = previous {
                assert!(previous.tick <= armed.tick, "base ticks out of order");
                if previous.deadline == armed.deadline && !previous.was_reset && !armed.was_reset {
                    assert!(previous.order < armed.order, "equal deadlines out of order");
                }
            }
            self.stale.push(armed.key);
            previous = Some(armed);
        }
    }

    fn compare(&self, wheel: &mut Wheel<u64>) {
        assert_eq!(wheel.len(), self.armed.len());
        assert_eq!(wheel.is_empty(), self.armed.is_empty());
        let earliest = self.earliest();
        let expiry = wheel.next_expiry();
        assert_eq!(expiry.is_some(), earliest.is_some());
        assert!(expiry <= earliest, "expiry {expiry:?} is later than the truth {earliest:?}");
        if self.armed.len() <= 32 {
            assert_eq!(expiry, earliest, "few timers, so nothing may be uncertain");
        }
    }
}

fn random_deadline(random: &mut Random, now: u64, span: u64) -> u64 {
    match random.below(16) {
        0 => now.saturating_sub(random.below(span)),
        1 => now,
        // On a border of some level, or a nanosecond off.
        2 => {
            let unit = TICK << (6 * random.below(8));
            (now / unit).saturating_add(1).saturating_mul(unit).saturating_add(random.below(3)).saturating_sub(1)
        }
        3 => now.saturating_add(span),
        // Small distances are as likely as great ones.
        _ => now.saturating_add(random.below(span) >> random.below(32)),
    }
}

fn run(seed: u64, origin: u64, span: u64, operations: u64) {
    let mut random = Random::new(seed);
    let mut wheel = Wheel::new(origin);
    let mut model = Model::new();
    let mut now = origin;
    let mut due = Vec::new();
    // Changes between growing, steady and shrinking.
    let mut appetite = 8;
    for id in 0..operations {
        if id % 512 == 0 {
            appetite = 4 + random.below(10);
        }
        let deadline = random_deadline(&mut random, now, span);
        match random.below(20) {
            draw if draw < appetite => {
                let key = wheel.insert(deadline, id);
                assert_eq!(wheel.deadline(key), Some(deadline));
                model.arm(id, key, deadline, now, false);
            }
            14 | 15 => {
                if let Some(id) = model.pick(&mut random) {
                    let armed = model.disarm(id).expect("picked among the armed");
                    assert_eq!(wheel.deadline(armed.key), Some(armed.deadline));
                    assert_eq!(wheel.cancel(armed.key), Some(id));
                    model.stale.push(armed.key);
                }
            }
            16 => {
                if let Some(id) = model.pick(&mut random) {
                    let armed = model.disarm(id).expect("picked among the armed");
                    assert!(wheel.reset(armed.key, deadline));
                    assert_eq!(wheel.deadline(armed.key), Some(deadline));
                    model.arm(id, armed.key, deadline, now, true);
                }
            }
            17 => {
                if !model.stale.is_empty() {
                    let key = model.stale[random.below(model.stale.len() as u64) as usize];
                    assert_eq!(wheel.cancel(key), None);
                    assert!(!wheel.reset(key, deadline));
                    assert_eq!(wheel.deadline(key), None);
                }
            }
            18 => assert_eq!(wheel.settle_next_expiry(), model.earliest()),
            draw => {
                let target = match random.below(8) {
                    0 => wheel.next_expiry().unwrap_or(now),
                    1 => model.earliest().map_or(now, |earliest| earliest.saturating_sub(1)),
                    2 => now.saturating_sub(random.below(span)),
                    3 => now.saturating_add(random.below(span) >> random.below(8)),
                    _ => now.saturating_add(random.below(span) >> random.below(32)),
                };
                now = now.max(target);
                if draw % 2 == 0 {
                    wheel.advance(target, &mut due);
                } else {
                    let budget = Budget { due: 1 + random.below(40) as usize, moves: 1 + random.below(40) as usize };
                    let mut before = due.len();
                    while wheel.advance_batch(target, budget, &mut due) {
                        assert!(due.len() - before <= budget.due);
                        assert!(wheel.now() <= now);
                        before = due.len();
                    }
                }
                model.fired(&due, now);
                due.clear();
                assert_eq!(wheel.now(), now);
                assert!(model.earliest().is_none_or(|earliest| earliest > now), "a due timer was kept");
            }
        }
        model.compare(&mut wheel);
    }
    wheel.advance(u64::MAX, &mut due);
    model.fired(&due, u64::MAX);
    assert!(wheel.is_empty() && model.armed.is_empty());
    assert_eq!(wheel.next_expiry(), None);
}

fn check_span(span: u64) {
    let seed = support::seed();
    let mut random = Random::new(seed);
    for _ in 0..6 {
        let origin = match random.below(3) {
            0 => 0,
            1 => random.next() >> 8,
            _ => random.next(),
        };
        run(random.next(), origin, span, 5_000);
    }
}

#[test]
fn agrees_over_microseconds() {
    check_span(20 * MICROSECOND);
}

#[test]
fn agrees_over_milliseconds() {
    check_span(10 * MILLISECOND);
}

#[test]
fn agrees_over_seconds() {
    check_span(30 * SECOND);
}

#[test]
fn agrees_over_days() {
    check_span(40 * DAY);
}

#[test]
fn agrees_over_years() {
    check_span(3 * YEAR);
}

#[test]
fn agrees_over_centuries() {
    check_span(500 * YEAR);
}

#[test]
fn a_lone_timer_is_known_exactly_and_wakes_its_owner_once() {
    let mut random = Random::new(support::seed());
    let mut due = Vec::new();
    for _ in 0..20_000 {
        let origin = random.next() >> random.below(64);
        let deadline = origin.saturating_add(random.next() >> random.below(64));
        let mut wheel = Wheel::new(origin);
        wheel.insert(deadline, ());
        assert_eq!(wheel.next_expiry(), Some(deadline));
        // Somebody looks in on the way: that changes nothing.
        if deadline > origin {
            for _ in 0..random.below(4) {
                let now = wheel.now();
                wheel.advance(now + random.below(deadline - now), &mut due);
                assert_eq!(wheel.next_expiry(), Some(deadline));
            }
        }
        assert!(due.is_empty());
        wheel.advance(deadline, &mut due);
        assert_eq!(due.len(), 1);
        due.clear();
    }
}

#[test]
fn an_owner_that_sleeps_until_next_expiry_wakes_once_a_deadline() {
    let mut random = Random::new(support::seed());
    for span_bits in [12, 18, 30, 45, 60] {
        let mut wheel = Wheel::new(0);
        let mut deadlines = Vec::new();
        for _ in 0..500 {
            let deadline = random.below(1 << span_bits);
            deadlines.push(deadline);
            wheel.insert(deadline, deadline);
        }
        deadlines.sort_unstable();
        deadlines.dedup();
        let mut due = Vec::new();
        let mut wakeups = Vec::new();
        while let Some(expiry) = wheel.next_expiry() {
            wheel.advance(expiry, &mut due);
            assert!(!due.is_empty(), "a vain wake-up at {expiry}");
            assert!(due.drain(..).all(|deadline| deadline == expiry));
            wakeups.push(expiry);
        }
        assert_eq!(wakeups, deadlines);
    }
}
