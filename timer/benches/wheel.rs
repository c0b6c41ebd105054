//! Costs of the wheel: `cargo bench -p threadle-timer`. Each line is the median of several rounds; a run takes some
//! seconds. Without `--bench` (as under `cargo test --benches`) everything runs once and small, to see that it works.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use threadle_timer::Wheel;

#[path = "../tests/support/mod.rs"]
mod support;
use support::Random;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const DAY: u64 = 86_400 * SECOND;
const YEAR: u64 = 365 * DAY;

/// How much of everything.
struct Scale {
    armed: u64,
    operations: u64,
    rounds: usize,
}

fn main() {
    let scale = if std::env::args().any(|argument| argument == "--bench") {
        Scale { armed: 1_000_000, operations: 1_000_000, rounds: 7 }
    } else {
        Scale { armed: 1_000, operations: 1_000, rounds: 1 }
    };
    println!("{:<64} {:>12}", "", "ns each");
    churn(&scale, "insert + cancel, nothing else armed", 0, |random, _| random.below(30 * SECOND));
    churn(&scale, "insert + cancel, 1 M armed, same 30 s", scale.armed, |_, _| 30 * SECOND);
    churn(&scale, "insert + cancel, 1 M armed, random up to 60 s", scale.armed, |random, _| random.below(60 * SECOND));
    churn(&scale, "insert + cancel, 1 M armed, random up to a year", scale.armed, |random, _| random.below(YEAR));
    replace_any(&scale);
    replace_any_in_a_map(&scale);
    push_on(&scale);
    expiry(&scale);
    fire(&scale);
    sparse_year(&scale);
    idle_year(&scale);
}

/// Runs `round` some times over and prints the median time of one of its `operations`.
fn measure(scale: &Scale, name: &str, operations: u64, mut round: impl FnMut()) {
    let mut times = (0..scale.rounds)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed().as_nanos() as f64 / operations as f64
        })
        .collect::<Vec<_>>();
    times.sort_by(f64::total_cmp);
    println!("{name:<64} {:>12.1}", times[times.len() / 2]);
}

fn filled(armed: u64, span: u64) -> (Wheel<u64>, Vec<threadle_timer::Key>) {
    let mut random = Random::new(1);
    let mut wheel = Wheel::new(0);
    let keys = (0..armed).map(|number| wheel.insert(random.below(span), number)).collect();
    (wheel, keys)
}

/// A timer is armed and cancelled at once: an I/O deadline that was not needed.
fn churn(scale: &Scale, name: &str, armed: u64, mut deadline: impl FnMut(&mut Random, u64) -> u64) {
    let (mut wheel, _) = filled(armed, 60 * SECOND);
    let mut random = Random::new(2);
    measure(scale, name, scale.operations, || {
        for number in 0..scale.operations {
            let key = wheel.insert(deadline(&mut random, number), number);
            black_box(wheel.cancel(black_box(key)));
        }
    });
}

/// Any one of a million timers is cancelled and another armed: every access misses the caches.
fn replace_any(scale: &Scale) {
    let (mut wheel, mut keys) = filled(scale.armed, 60 * SECOND);
    let mut random = Random::new(3);
    measure(scale, "cancel any of 1 M, insert another", scale.operations, || {
        for number in 0..scale.operations {
            let at = random.below(scale.armed) as usize;
            black_box(wheel.cancel(keys[at]));
            keys[at] = wheel.insert(random.below(60 * SECOND), number);
        }
    });
}

/// The same with the standard sorted map, for comparison.
fn replace_any_in_a_map(scale: &Scale) {
    let mut random = Random::new(1);
    let mut keys = (0..scale.armed).map(|number| (random.below(60 * SECOND), number)).collect::<Vec<_>>();
    let mut map = keys.iter().map(|key| (*key, key.1)).collect::<BTreeMap<_, _>>();
    let mut order = scale.armed;
    measure(scale, "  the same in a BTreeMap", scale.operations, || {
        for _ in 0..scale.operations {
            let at = random.below(scale.armed) as usize;
            black_box(map.remove(&keys[at]));
            keys[at] = (random.below(60 * SECOND), order);
            map.insert(keys[at], order);
            order += 1;
        }
    });
}

/// The deadlines of a million idle connections are pushed on, one after another.
fn push_on(scale: &Scale) {
    let (mut wheel, keys) = filled(scale.armed, 60 * SECOND);
    let mut deadline = 3_600 * SECOND;
    measure(scale, "reset, 1 M armed in turn", scale.armed, || {
        for key in &keys {
            deadline += 100;
            black_box(wheel.reset(*key, deadline));
        }
    });
}

fn expiry(scale: &Scale) {
    let (mut wheel, _) = filled(scale.armed, YEAR);
    let mut due = Vec::new();
    wheel.advance(SECOND, &mut due);
    measure(scale, "next_expiry, 1 M armed", scale.operations, || {
        for _ in 0..scale.operations {
            black_box(black_box(&wheel).next_expiry());
        }
    });
}

/// A million timers within a minute are armed and fire, in steps of a millisecond.
fn fire(scale: &Scale) {
    let mut now = 0;
    let mut random = Random::new(4);
    let mut wheel = Wheel::with_capacity(0, scale.armed as usize);
    let mut due = Vec::new();
    measure(scale, "insert + fire, 1 M within a minute, 1 ms steps", scale.armed, || {
        for number in 0..scale.armed {
            wheel.insert(now + random.below(60 * SECOND), number);
        }
        while !wheel.is_empty() {
            now += MILLISECOND;
            wheel.advance(now, &mut due);
            black_box(&due);
            due.clear();
        }
    });
}

/// Ten timers in a year, one advance for each and one over the whole year.
fn sparse_year(scale: &Scale) {
    let mut random = Random::new(5);
    let mut due = Vec::new();
    let rounds = scale.operations / 100;
    measure(scale, "sparse year: arm 10, sleep to each by next_expiry; a timer", rounds * 10, || {
        let mut wheel = Wheel::new(0);
        for round in 0..rounds {
            for number in 0..10 {
                wheel.insert(round * YEAR % (400 * YEAR) + random.below(YEAR), number);
            }
            while let Some(expiry) = wheel.next_expiry() {
                wheel.advance(expiry, &mut due);
            }
            black_box(&due);
            due.clear();
            if wheel.now() > 400 * YEAR {
                wheel = Wheel::new(0);
            }
        }
    });
    measure(scale, "sparse year: arm 10, one advance over all; a year", rounds, || {
        let mut wheel = Wheel::new(0);
        for _ in 0..rounds {
            let year = wheel.now();
            for number in 0..10 {
                wheel.insert(year + random.below(YEAR), number);
            }
            wheel.advance(year + YEAR, &mut due);
            black_box(&due);
            due.clear();
            if wheel.now() > 400 * YEAR {
                wheel = Wheel::new(0);
            }
        }
    });
}

/// Nothing is due: the cost of looking, a million times within a year, with a timer at its end.
fn idle_year(scale: &Scale) {
    let mut due = Vec::new();
    measure(scale, "idle year: 1 M advances, one timer at the end", scale.operations, || {
        let mut wheel = Wheel::new(0);
        wheel.insert(YEAR, 0_u64);
        for step in 1..scale.operations {
            wheel.advance(step * (YEAR / scale.operations), &mut due);
        }
        black_box(&due);
        due.clear();
    });
}
