//! Goroutines that yield in a circle, as many as a ring holds and more: they always have something to do, and take nobody's turns.
//!
//! All is counted in turns of the circle, none of it in time. Not under `harass`: who loses its P at every call has no place in a queue to keep.
#![cfg(not(feature = "harass"))]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use threadle::{GoBuilder, JoinHandle, go, time, yield_now};
use threadle_tests::{Mode, undisturbed};

/// What a processor may run between two looks elsewhere.
const FAIRNESS_TICK: usize = 61;
/// What a processor's ring holds.
const RING: usize = 256;
/// As many as make a ring overflow, and some that are always in the injector.
const CIRCLES: [usize; 2] = [RING, 1000];

/// Goroutines that yield until they are told, and count their turns.
struct Circle {
    goroutines: Vec<JoinHandle<usize>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    begun: AtomicUsize,
    turns: AtomicUsize,
    over: AtomicBool,
    /// The moment that a sleeper waits for: who has a turn looks whether it has passed, and the first who sees that notes the turn.
    due: Mutex<Option<Instant>>,
    passed_at: AtomicUsize,
}

impl Shared {
    fn turn(&self) -> usize {
        let turn = self.turns.fetch_add(1, SeqCst);
        // Nobody switches while he holds the lock.
        if self.due.lock().expect("nobody panics").take_if(|due| Instant::now() >= *due).is_some() {
            self.passed_at.store(turn, SeqCst);
        }
        turn
    }

    /// Sleeps for a moment: how many turns the circle had from the end of it until this one's.
    fn sleep(&self) -> usize {
        let due = Instant::now() + Duration::from_millis(1);
        *self.due.lock().expect("nobody panics") = Some(due);
        time::sleep_until(due);
        // Nobody has seen it pass: nobody had a turn since.
        let unseen = self.due.lock().expect("nobody panics").take().is_some();
        if unseen { 0 } else { self.turns.load(SeqCst) - self.passed_at.load(SeqCst) }
    }
}

impl Circle {
    /// All of `size` have begun when this returns.
    fn start(size: usize) -> Circle {
        let shared = Arc::new(Shared::default());
        let yielding = |_| {
            let shared = Arc::clone(&shared);
            go(move || {
                shared.begun.fetch_add(1, SeqCst);
                let (mut last, mut longest) = (shared.turns.load(SeqCst), 0);
                while !shared.over.load(SeqCst) {
                    let turn = shared.turn();
                    longest = longest.max(turn - last);
                    last = turn;
                    yield_now();
                }
                longest
            })
        };
        let goroutines = (0..size).map(yielding).collect();
        while shared.begun.load(SeqCst) < size {
            yield_now();
        }
        Circle { goroutines, shared }
    }

    fn turns(&self) -> usize {
        self.shared.turns.load(SeqCst)
    }

    /// Ends it: for how many turns one of them waited at most.
    fn end(self) -> usize {
        self.shared.over.store(true, SeqCst);
        let longest = self.goroutines.into_iter().map(|goroutine| goroutine.join().expect("it only yields"));
        longest.max().expect("there are some")
    }
}

const SLEEPS: usize = 11;
const LOOKS: usize = 10;

/// A lone sleeper beside a circle: how many turns the circle had, at each of its sleeps, from the moment it was due until it was awake. In order.
fn turns_before_a_sleeper(sleeper: GoBuilder, size: usize) -> Vec<usize> {
    let circle = Circle::start(size);
    let shared = Arc::clone(&circle.shared);
    let sleeper = sleeper.go(move || (0..SLEEPS).map(|_| shared.sleep()).collect::<Vec<_>>());
    let mut turns = sleeper.join().expect("it only sleeps");
    circle.end();
    turns.sort_unstable();
    turns
}

#[test]
fn a_sleeper_has_its_turn_within_a_round() {
    for mode in Mode::BOTH {
        for size in CIRCLES {
            let turns = undisturbed(mode, || turns_before_a_sleeper(GoBuilder::new(), size));
            let most = turns[SLEEPS - 1];
            // Bound, all of the circle lie in the thread's own queue, and it goes to its end.
            let round = if mode == Mode::Bound { size } else { RING };
            println!("{mode}, {size}: at most {most} turns from the moment it was due");
            assert!(most <= round + 2 * FAIRNESS_TICK, "{mode}, {size}: due, it waited for {most} turns of others");
        }
    }
}

/// Its thread waits for the processor, which is given away at the sixty-first turns alone. The median, and in the best of some looks, since that
/// thread must have gone to sleep before it can be woken, and on a busy machine it may be kept from that, each time, for longer than it sleeps.
#[test]
fn a_locked_sleeper_has_its_turn_within_two_fairness_ticks() {
    for mode in Mode::BOTH {
        for size in CIRCLES {
            let mut looks = Vec::new();
            while looks.last().is_none_or(|(median, _)| *median > 2 * FAIRNESS_TICK + 2) {
                assert!(looks.len() < LOOKS, "{mode}, {size}: due, it waited for so many turns of others: {looks:?}");
                let turns = undisturbed(mode, || turns_before_a_sleeper(GoBuilder::new().locked(), size));
                looks.push((turns[SLEEPS / 2], turns[SLEEPS - 1]));
            }
            println!("{mode}, {size}: turns from the moment it was due, in the median and at most: {looks:?}");
        }
    }
}

/// How many turns a circle has until `fresh` goroutines have started.
fn turns_until_all_have_started(size: usize, fresh: usize) -> usize {
    let circle = Circle::start(size);
    let before = circle.turns();
    let started = Arc::new(AtomicUsize::new(0));
    let start = |_| {
        let started = Arc::clone(&started);
        go(move || started.fetch_add(1, SeqCst))
    };
    let handles: Vec<_> = (0..fresh).map(start).collect();
    while started.load(SeqCst) < fresh {
        yield_now();
    }
    let turns = circle.turns() - before;
    circle.end();
    for handle in handles {
        handle.join().expect("it only counts");
    }
    turns
}

/// Not one at every sixty-first turn.
#[test]
fn fresh_goroutines_start_beside_those_that_yield() {
    for mode in Mode::BOTH {
        for size in CIRCLES {
            let fresh = 1000;
            let turns = undisturbed(mode, || turns_until_all_have_started(size, fresh));
            println!("{mode}, {size}: {turns} turns until {fresh} had started");
            // Those of the circle in the injector wait with them.
            assert!(turns <= 6 * (fresh + size), "{mode}, {size}: {turns} turns until {fresh} had started");
        }
    }
}

/// Who had to make room for others comes back to the ring.
#[test]
fn nobody_of_the_circle_waits_for_many_rounds() {
    for mode in Mode::BOTH {
        for size in CIRCLES {
            let longest = undisturbed(mode, || {
                let circle = Circle::start(size);
                let shared = Arc::clone(&circle.shared);
                // Somebody is always due.
                let sleepers: Vec<_> = (0..8)
                    .map(|_| {
                        let shared = Arc::clone(&shared);
                        go(move || {
                            while !shared.over.load(SeqCst) {
                                time::sleep(Duration::from_nanos(1));
                            }
                        })
                    })
                    .collect();
                while circle.turns() < 10 * size {
                    yield_now();
                }
                let longest = circle.end();
                for sleeper in sleepers {
                    sleeper.join().expect("it only sleeps");
                }
                longest
            });
            println!("{mode}, {size}: {longest} turns between two of one of them");
            assert!(longest <= 8 * size, "{mode}, {size}: somebody waited for {longest} turns of others");
        }
    }
}
