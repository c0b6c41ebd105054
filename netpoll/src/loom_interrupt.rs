//! Models of the break of the blocked poller, over the real words. The eventfd is an edge: a flag that any poll eats,
//! and a sleep that ends if it is set, before or during it.

use super::*;
use crate::sync::{Arc, AtomicUsize};
use loom::thread;

struct World {
    interrupt: Interrupt,
    edge: AtomicBool,
    /// The lock of the poll: held by whoever may eat edges. (A flag: loom's `try_lock` waits.)
    driver: AtomicBool,
    timer: AtomicUsize,
}

/// When the timer of these models is due, and when one that knows nothing of it wakes.
const DUE: u64 = 50;
const LATE: u64 = 1000;

impl World {
    fn new() -> Arc<Self> {
        Arc::new(World {
            interrupt: Interrupt::new(),
            edge: AtomicBool::new(false),
            driver: AtomicBool::new(false),
            timer: AtomicUsize::new(0),
        })
    }

    fn ring(&self) {
        self.edge.store(true, Ordering::SeqCst);
    }

    fn add_timer(&self) {
        self.timer.store(1, Ordering::Relaxed);
    }

    fn sees_timer(&self) -> bool {
        self.timer.load(Ordering::Relaxed) == 1
    }

    fn try_lock(&self) -> bool {
        self.driver.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// For the blocking poll, which keeps it: at the end of these models it still sleeps.
    fn lock_for_good(&self) {
        while !self.try_lock() {
            thread::yield_now();
        }
    }

    fn poll_now(&self) {
        if !self.interrupt.is_taken() && self.try_lock() {
            self.edge.store(false, Ordering::SeqCst);
            self.driver.store(false, Ordering::Release);
        }
    }

    /// Ends the model: asleep without the timer, and nothing rings.
    fn assert_not_overslept(&self, asleep_without_timer: bool) {
        assert!(!asleep_without_timer || self.edge.load(Ordering::SeqCst), "sleeps past the timer");
    }
}

/// The blocking poll up to its sleep. True: it sleeps, and does not know of the timer.
type Block = fn(&World) -> bool;

fn real_block(world: &World) -> bool {
    let turn = world.interrupt.take_turn().expect("one blocker in this model");
    world.lock_for_good();
    if turn.is_interrupted() {
        return false;
    }
    let seen = world.sees_timer();
    turn.sleeps_until(Nanos::new(if seen { DUE } else { LATE }));
    std::mem::forget(turn); // still asleep when the others act
    !seen
}

/// R12: a zero-timeout poll eats the edge that was meant for the blocking poll.
fn edge_eaten(block: Block) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let world = World::new();
        let adder = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                world.add_timer();
                world.interrupt.raise(|| world.ring());
            }
        });
        let other = thread::spawn({
            let world = Arc::clone(&world);
            move || world.poll_now()
        });
        let asleep_without_timer = block(&world);
        adder.join().expect("the adder ends");
        other.join().expect("the other poll ends");
        world.assert_not_overslept(asleep_without_timer);
    });
}

#[test]
fn loom_r12_an_eaten_edge_is_remembered() {
    edge_eaten(real_block);
}

#[test]
#[should_panic(expected = "sleeps past the timer")]
fn loom_r12_word_not_tested() {
    edge_eaten(|world| {
        let turn = world.interrupt.take_turn().expect("one blocker in this model");
        world.lock_for_good();
        let seen = world.sees_timer();
        turn.sleeps_until(Nanos::new(LATE));
        std::mem::forget(turn);
        !seen
    });
}

#[test]
#[should_panic(expected = "sleeps past the timer")]
fn loom_r12_word_tested_before_the_poll_is_locked() {
    edge_eaten(|world| {
        let turn = world.interrupt.take_turn().expect("one blocker in this model");
        if turn.is_interrupted() {
            return false;
        }
        let seen = world.sees_timer();
        turn.sleeps_until(Nanos::new(LATE));
        world.lock_for_good();
        std::mem::forget(turn);
        !seen
    });
}

/// R12: an interrupt is on its way already, and a second one rests on it, while the poller wakes, clears the word,
/// looks at the timers and sleeps again.
fn interrupt_deduplicated(clear_first: bool) {
    loom::model(move || {
        let world = World::new();
        world.interrupt.raise(|| world.ring());
        let adder = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                world.add_timer();
                world.interrupt.raise(|| world.ring());
            }
        });
        let turn = world.interrupt.take_turn().expect("one blocker in this model");
        world.edge.store(false, Ordering::SeqCst); // the sleep ended by it
        let seen = if clear_first {
            let _ = turn.is_interrupted();
            world.sees_timer()
        } else {
            let seen = world.sees_timer();
            let _ = turn.is_interrupted();
            seen
        };
        adder.join().expect("the adder ends");
        world.assert_not_overslept(!seen);
    });
}

#[test]
fn loom_r12_the_word_is_cleared_before_the_timers_are_read() {
    interrupt_deduplicated(true);
}

#[test]
#[should_panic(expected = "sleeps past the timer")]
fn loom_r12_the_word_is_cleared_too_late() {
    interrupt_deduplicated(false);
}

/// R13: a timer is added while somebody is about to block until a later one.
fn timer_against_block(block: Block, add: fn(&World) -> Blocked) {
    loom::model(move || {
        let world = World::new();
        let adder = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                world.add_timer();
                add(&world)
            }
        });
        let asleep_without_timer = block(&world);
        let answer = adder.join().expect("the adder ends");
        world.assert_not_overslept(asleep_without_timer);
        assert!(answer != Blocked::InTime || !asleep_without_timer, "{answer:?}");
    });
}

fn real_add(world: &World) -> Blocked {
    world.interrupt.raise_if_later(Nanos::new(DUE), || world.ring())
}

#[test]
fn loom_r13_timer_or_interrupt() {
    timer_against_block(real_block, real_add);
}

#[test]
#[should_panic(expected = "sleeps past the timer")]
fn loom_r13_timers_read_before_the_turn() {
    timer_against_block(
        |world| {
            let seen = world.sees_timer();
            let turn = world.interrupt.take_turn().expect("one blocker in this model");
            world.lock_for_good();
            if turn.is_interrupted() {
                return false;
            }
            turn.sleeps_until(Nanos::new(if seen { DUE } else { LATE }));
            std::mem::forget(turn);
            !seen
        },
        real_add,
    );
}

#[test]
#[should_panic(expected = "sleeps past the timer")]
fn loom_r13_without_the_fence() {
    timer_against_block(real_block, |world| match world.interrupt.until.load(Ordering::Acquire) {
        NOBODY => Blocked::Nobody,
        until if until <= DUE => Blocked::InTime,
        _ => {
            world.interrupt.raise(|| world.ring());
            Blocked::Interrupted
        }
    });
}

#[test]
#[should_panic(expected = "sleeps past the timer")]
fn loom_r13_a_looking_poller_is_left_alone() {
    timer_against_block(real_block, |world| {
        fence(Ordering::SeqCst);
        match world.interrupt.until.load(Ordering::Acquire) {
            NOBODY | LOOKING => Blocked::Nobody,
            until if until <= DUE => Blocked::InTime,
            _ => {
                world.interrupt.raise(|| world.ring());
                Blocked::Interrupted
            }
        }
    });
}

/// R34: three contend for the turn.
fn one_turn(take: for<'a> fn(&'a World) -> Option<Turn<'a>>) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let world = World::new();
        let inside = Arc::new(AtomicUsize::new(0));
        let contend = {
            let (world, inside) = (Arc::clone(&world), Arc::clone(&inside));
            move || {
                let turn = take(&world);
                if turn.is_some() {
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two have the turn");
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
                turn.is_some()
            }
        };
        let others = [thread::spawn(contend.clone()), thread::spawn(contend.clone())];
        let mut took = contend();
        for other in others {
            took |= other.join().expect("a contender ends");
        }
        assert!(took, "nobody has the turn");
        assert!(!world.interrupt.is_taken(), "the turn was not given back");
    });
}

#[test]
fn loom_r34_one_blocked_poller() {
    one_turn(|world| world.interrupt.take_turn());
}

#[test]
#[should_panic(expected = "two have the turn")]
fn loom_r34_look_then_take() {
    one_turn(|world| {
        if world.interrupt.is_taken() {
            return None;
        }
        world.interrupt.until.store(LOOKING, Ordering::Release);
        Some(Turn { interrupt: &world.interrupt })
    });
}
