//! Models of the monitor's sleep, with the real lists of idle Ps and the real note. Preemption bound 3, or 2; each explored
//! to its end within 60 s. A monitor that sleeps past its call sleeps for good, which the note, or the alarm, reports.

use super::*;
use crate::idle::{Idle, Released, Sleeper};
use crate::monitor::alarm::NEVER;
use crate::sync::atomic::AtomicBool;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

/// There are no Ms on the lists of these models.
struct NoM;

impl Sleeper for NoM {
    fn asleep(&self) -> &AtomicBool {
        unreachable!("nobody sleeps")
    }
    fn has_own_work(&self) -> bool {
        unreachable!("nobody sleeps")
    }
    fn rank(&self) -> u8 {
        unreachable!("nobody sleeps")
    }
}

struct World {
    idle: Idle<NoM>,
    doze: Doze,
    wanted: AtomicBool,
}

impl World {
    /// Every P idles.
    fn new(procs: u32) -> Arc<World> {
        let world = World { idle: Idle::new(), doze: Doze::new(), wanted: AtomicBool::new(false) };
        world.doze.make_alarm().unwrap();
        for p in 0..procs {
            assert!(matches!(world.idle.release(p, false), Released::Idles));
        }
        Arc::new(world)
    }

    fn called(&self, procs: u32) -> bool {
        self.idle.counts().idle() != procs || self.wanted.load(Relaxed)
    }

    /// The monitor sleeps by the alarm until it is called.
    fn sleep(&self, procs: u32) {
        let mut called = false;
        while !called {
            step();
            self.doze.rest(NEVER);
            called = self.called(procs);
            if !called {
                self.doze.sleep_by_the_alarm();
            }
            let _slept = self.doze.rise();
            called |= self.called(procs);
        }
    }

    fn take_p(&self) -> u32 {
        step();
        let p = self.idle.take_p().unwrap();
        if self.doze.rests() {
            self.doze.watch();
        }
        p
    }

    fn let_go(&self, p: u32) {
        step();
        assert!(matches!(self.idle.release(p, false), Released::Idles));
    }

    fn rest_again(&self, procs: u32) {
        step();
        if self.doze.watches() {
            self.doze.rest_again(AT_REST_NS, || self.idle.counts().idle() == procs);
        }
    }

    fn want_thread(&self) {
        step();
        self.wanted.store(true, Relaxed);
        self.doze.must_look();
    }
}

fn sleep_against(procs: u32, others: &[fn(&World)]) {
    let world = World::new(procs);
    let others: Vec<_> = others
        .iter()
        .map(|&other| {
            let world = world.clone();
            thread::spawn(move || other(&world))
        })
        .collect();
    world.sleep(procs);
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// It is used for good.
fn take_p(world: &World) {
    let _p = world.take_p();
}

/// It is used for a moment.
fn take_p_and_rest(world: &World) {
    let p = world.take_p();
    world.let_go(p);
    world.rest_again(2);
}

#[test]
fn loom_doze_against_two_ms() {
    check(3, || sleep_against(2, &[take_p, take_p]));
}

#[test]
fn loom_doze_against_one_that_rests_again() {
    check(2, || sleep_against(2, &[take_p, take_p_and_rest]));
}

/// One that cuts a nap short, and finds a sleep by the alarm, ends that.
#[test]
fn loom_doze_against_a_wanted_thread() {
    check(3, || {
        sleep_against(
            1,
            &[World::want_thread, |world| {
                step();
                world.doze.cut_short();
            }],
        )
    });
}

/// What `order` does, and `stop`.
fn end_against(others: &[fn(&World)]) {
    let mut all: Vec<fn(&World)> = vec![|world| {
        step();
        world.wanted.store(true, Relaxed);
        world.doze.end();
    }];
    all.extend(others);
    let world = World::new(2);
    let all: Vec<_> = all
        .into_iter()
        .map(|other| {
            let world = world.clone();
            thread::spawn(move || other(&world))
        })
        .collect();
    // Unlike `called`, it does not look for what was left: the note says it.
    let mut ended = false;
    while !ended {
        step();
        world.doze.rest(NEVER);
        world.doze.sleep_by_the_alarm();
        ended = world.doze.rise() == Slept::Ended;
    }
    assert!(world.wanted.load(Relaxed));
    all.into_iter().for_each(|other| other.join().unwrap());
}

#[test]
fn loom_doze_ended() {
    check(3, || end_against(&[]));
}

#[test]
fn loom_doze_ended_while_the_alarm_is_moved() {
    check(2, || end_against(&[take_p_and_rest]));
}

/// The monitor rests, and the alarm is near, for a P that was just let go. Its M comes to set it far while others take theirs, one for a moment,
/// one for good: in the end it is near.
fn far_against_near(momentary: bool) {
    let world = World::new(2);
    world.doze.rest(NEVER);
    let p = world.take_p();
    world.let_go(p);
    assert!(world.doze.watches());
    let late = {
        let world = world.clone();
        thread::spawn(move || world.rest_again(2))
    };
    let other = momentary.then(|| {
        let world = world.clone();
        thread::spawn(move || take_p_and_rest(&world))
    });
    take_p(&world);
    late.join().unwrap();
    other.into_iter().for_each(|other| other.join().unwrap());
    step();
    world.doze.sleep_by_the_alarm();
}

#[test]
fn loom_doze_alarm_far_against_near() {
    check(3, || far_against_near(false));
}

#[test]
fn loom_doze_alarm_far_against_near_twice() {
    check(3, || far_against_near(true));
}

/// What who lets a P idle does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Release {
    Whole,
    /// On the thread of a locked goroutine.
    WithoutFence,
    LeavesItAtEase,
    DoesNotLook,
}

/// A `runnext` is filled, and a P let go unless one `idles` already, while the monitor begins a long nap: in the end it is awake.
fn nap_against_push_and_release(idles: bool, release: Release) {
    let world = World::new(u32::from(idles));
    let pusher = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            // Stands for the slot.
            world.wanted.store(true, Relaxed);
            world.doze.a_slot_is_filled();
        })
    };
    let releaser = (!idles).then(|| {
        let world = world.clone();
        thread::spawn(move || {
            step();
            assert!(matches!(world.idle.release(0, false), Released::Idles));
            if release != Release::LeavesItAtEase {
                world.doze.a_p_idles(|| release != Release::WithoutFence);
            }
            if release != Release::DoesNotLook && world.wanted.load(Relaxed) {
                world.doze.a_slot_is_filled();
            }
        })
    });
    loop {
        step();
        // Two Ps: who pushes holds the other.
        world.doze.nap(true, 2, || world.idle.counts().idle());
        if world.idle.counts().idle() > 0 && world.wanted.load(Relaxed) {
            break;
        }
        world.doze.sleep(None);
    }
    pusher.join().unwrap();
    releaser.into_iter().for_each(|releaser| releaser.join().unwrap());
}

#[test]
fn loom_doze_nap_against_push_and_release() {
    check(3, || nap_against_push_and_release(false, Release::Whole));
}

#[test]
fn loom_doze_nap_against_push_and_release_by_an_exclusive_m() {
    check(3, || nap_against_push_and_release(false, Release::WithoutFence));
}

#[test]
fn loom_doze_nap_beside_an_idle_p_against_push() {
    check(3, || nap_against_push_and_release(true, Release::Whole));
}

/// Two Ps idle, and the monitor begins a long nap. An M takes one, and fills its `runnext` with a light fence that is nothing here: that there is
/// no heavy one to do its work is what the model is about. In the end the monitor is awake.
fn nap_while_all_idle_against_a_taker() {
    let world = World::new(2);
    let taker = {
        let world = world.clone();
        thread::spawn(move || {
            take_p(&world);
            step();
            world.wanted.store(true, Relaxed);
            if world.doze.state.load(Relaxed) > AT_EASE {
                world.doze.end_once();
            }
        })
    };
    let mut all_idled = true;
    while all_idled {
        step();
        world.doze.nap(true, 2, || world.idle.counts().idle());
        all_idled = world.idle.counts().idle() == 2;
        if all_idled {
            world.doze.sleep(None);
        }
        all_idled &= !world.wanted.load(Relaxed);
    }
    taker.join().unwrap();
}

#[test]
fn loom_doze_nap_while_all_idle_against_a_taker() {
    check(3, nap_while_all_idle_against_a_taker);
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_nap_while_all_idle_without_fence() {
    with_fault(Fault::IdleNapWithoutFence, || check(3, nap_while_all_idle_against_a_taker));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_taker_without_fence() {
    with_fault(Fault::BusyWithoutFence, || check(3, nap_while_all_idle_against_a_taker));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_release_without_look() {
    check(3, || nap_against_push_and_release(false, Release::DoesNotLook));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_release_leaves_it_at_ease() {
    check(3, || nap_against_push_and_release(false, Release::LeavesItAtEase));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_ease_without_fence() {
    with_fault(Fault::EaseWithoutFence, || check(3, || nap_against_push_and_release(false, Release::Whole)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_guard_without_fence() {
    with_fault(Fault::GuardWithoutFence, || check(3, || nap_against_push_and_release(false, Release::Whole)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_nap_without_fence() {
    with_fault(Fault::NapWithoutFence, || check(3, || nap_against_push_and_release(true, Release::Whole)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_push_without_fence() {
    with_fault(Fault::PushWithoutFence, || check(3, || nap_against_push_and_release(true, Release::Whole)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_without_fence() {
    with_fault(Fault::DozeWithoutFence, || check(3, || sleep_against(1, &[take_p])));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_busy_without_fence() {
    with_fault(Fault::BusyWithoutFence, || check(3, || sleep_against(1, &[take_p])));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_left_without_fence() {
    with_fault(Fault::LeftWithoutFence, || check(3, || sleep_against(1, &[World::want_thread])));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_end_without_fence() {
    with_fault(Fault::EndWithoutFence, || check(3, || end_against(&[])));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_end_is_put_off() {
    with_fault(Fault::RestAgainIgnoresOthers, || check(3, || end_against(&[take_p_and_rest])));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_far_without_fence() {
    with_fault(Fault::RestAgainWithoutFence, || check(3, || far_against_near(false)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_near_without_fence() {
    with_fault(Fault::BusyWithoutFence, || check(3, || far_against_near(false)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_far_over_a_taker() {
    with_fault(Fault::RestAgainIgnoresTaker, || check(3, || far_against_near(false)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_far_over_a_watcher() {
    with_fault(Fault::RestAgainIgnoresOthers, || check(3, || far_against_near(true)));
}
