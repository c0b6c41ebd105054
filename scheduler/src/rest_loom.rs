//! Models of rest: who sees that everybody sleeps, and that nobody was awake between two looks (`quiet/mod.rs`). Preemption bound 3.

use super::*;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

struct Machine(AtomicBool);

impl Sleeper for Machine {
    fn asleep(&self) -> &AtomicBool {
        &self.0
    }
    fn has_own_work(&self) -> bool {
        false
    }
    fn rank(&self) -> u8 {
        1
    }
}

fn machine() -> &'static Machine {
    Box::leak(Box::new(Machine(AtomicBool::new(false))))
}

fn fall_asleep(idle: &Idle<Machine>, m: &'static Machine, p: u32) {
    assert!(matches!(idle.release(p, false), Released::Idles));
    step();
    assert_eq!(idle.sleep(m), Ok(()));
}

/// Two Ms, a P each, have nothing more to do. One of them at least sees that both sleep, and one alone gets to be awake again.
fn last_to_sleep(listed_first: bool) {
    let idle = Arc::new(Idle::new());
    let one = |p: u32| {
        let idle = idle.clone();
        move || {
            let m = machine();
            let early = idle.rest(2);
            fall_asleep(&idle, m, p);
            step();
            let seen = if listed_first { idle.rest(2) } else { early };
            seen.filter(|rest| rest.sleeping() == 2).map(|rest| idle.end_rest(rest, m).is_some())
        }
    };
    let other = thread::spawn(one(0));
    let mine = one(1)();
    let looks = [mine, other.join().unwrap()];
    assert!(looks.iter().any(Option::is_some), "everybody sleeps, and nobody has seen it");
    assert_eq!(looks.iter().filter(|look| **look == Some(true)).count(), 1, "one is awake again");
    assert_eq!((idle.sleeping(), idle.counts().idle()), (1, 1));
}

#[test]
fn loom_idle_the_last_to_sleep_sees_all_at_rest() {
    check(3, || last_to_sleep(true));
}

#[test]
#[should_panic(expected = "everybody sleeps, and nobody has seen it")]
fn loom_idle_broken_looks_before_it_is_listed() {
    check(3, || last_to_sleep(false));
}

/// Something is always under way: an event that is to come (`here`), then an M that is awake for it, then the call it has made (`there`), on a
/// helper. Whoever looks at the two places while the M is at rest, before and after, must not take that for quiet.
fn something_moves() {
    let idle: Arc<Idle<Machine>> = Arc::new(Idle::new());
    let m = machine();
    fall_asleep(&idle, m, 0);
    let (here, there) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(0)));
    let mover = {
        let (idle, here, there) = (idle.clone(), here.clone(), there.clone());
        thread::spawn(move || {
            assert!(idle.wake_myself(m));
            let p = idle.take_p().expect("it idles");
            here.store(0, Release);
            step();
            there.store(1, Release);
            fall_asleep(&idle, m, p);
        })
    };
    // The other way round than it moves: both are empty when they are looked at.
    let before = idle.rest(1);
    let under_way = there.load(Acquire) + {
        step();
        here.load(Acquire)
    };
    step();
    let quiet = before.is_some() && under_way == 0 && idle.rest(1) == before;
    assert!(!quiet, "taken for quiet");
    mover.join().unwrap();
}

#[test]
fn loom_idle_nobody_was_away_between_two_looks() {
    check(3, something_moves);
}

#[test]
#[should_panic(expected = "taken for quiet")]
fn loom_idle_broken_departures_not_counted() {
    with_fault(Fault::DeparturesNotCounted, || check(3, something_moves));
}
