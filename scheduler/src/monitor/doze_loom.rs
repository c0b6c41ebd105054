//! Models of the monitor's deep sleep, with the real lists of idle Ps and the real note. Preemption bound 3; each explored to
//! its end within 60 s. A monitor that sleeps past its call sleeps for good, which the note reports.

use super::*;
use crate::idle::{Idle, Released, Sleeper};
use crate::m::note::Note;
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
    note: Note,
    wanted: AtomicBool,
}

impl World {
    /// Every P idles.
    fn new(procs: u32) -> Arc<World> {
        let world = World { idle: Idle::new(), doze: Doze::new(), note: Note::new(), wanted: AtomicBool::new(false) };
        for p in 0..procs {
            assert!(matches!(world.idle.release(p, false), Released::Idles));
        }
        Arc::new(world)
    }

    fn called(&self, procs: u32) -> bool {
        self.idle.counts().idle() != procs || self.wanted.load(Relaxed)
    }

    /// The monitor sleeps deeply until it is called.
    fn sleep(&self, procs: u32) {
        loop {
            step();
            self.doze.deepen();
            if self.called(procs) {
                return self.doze.rise();
            }
            self.note.sleep(None);
            self.doze.rise();
            if self.called(procs) {
                return;
            }
        }
    }

    fn take_p(&self) {
        step();
        assert!(self.idle.take_p().is_some());
        if self.doze.is_deep() {
            self.note.set();
        }
    }

    fn want_thread(&self) {
        step();
        self.wanted.store(true, Relaxed);
        if self.doze.is_deep() {
            self.note.set();
        }
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

#[test]
fn loom_doze_against_two_ms() {
    check(3, || sleep_against(2, &[World::take_p, World::take_p]));
}

/// One that cuts a nap short, and finds a deep sleep, ends that.
#[test]
fn loom_doze_against_a_wanted_thread() {
    fn cut_short(world: &World) {
        step();
        if world.doze.cut_short() {
            world.note.set();
        }
    }
    check(3, || sleep_against(1, &[World::want_thread, cut_short]));
}

/// A `runnext` is filled and a P let go while the monitor begins a long nap: in the end it is awake. `looks`: who lets the P go looks at the
/// slot.
fn nap_against_push_and_release(looks: bool) {
    let world =
        Arc::new(World { idle: Idle::new(), doze: Doze::new(), note: Note::new(), wanted: AtomicBool::new(false) });
    let cut_short = |world: &World| {
        if world.doze.cut_short() {
            world.note.set();
        }
    };
    let pusher = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            // Stands for the slot.
            world.wanted.store(true, Relaxed);
            cut_short(&world);
        })
    };
    let releaser = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            assert!(matches!(world.idle.release(0, false), Released::Idles));
            if looks && world.wanted.load(Relaxed) {
                cut_short(&world);
            }
        })
    };
    loop {
        step();
        // Two Ps: who pushes holds the other.
        world.doze.nap(true, || world.idle.counts().idle() == 2);
        if world.idle.counts().idle() > 0 && world.wanted.load(Relaxed) {
            world.doze.rise();
            break;
        }
        world.note.sleep(None);
        world.doze.rise();
    }
    [pusher, releaser].into_iter().for_each(|other| other.join().unwrap());
}

#[test]
fn loom_doze_nap_against_push_and_release() {
    check(3, || nap_against_push_and_release(true));
}

/// Two Ps idle, and the monitor begins a long nap. An M takes one, and fills its `runnext` with a light fence that is nothing here: that there is
/// no heavy one to do its work is what the model is about. In the end the monitor is awake.
fn nap_while_all_idle_against_a_taker() {
    let world = World::new(2);
    let taker = {
        let world = world.clone();
        thread::spawn(move || {
            world.take_p();
            step();
            world.wanted.store(true, Relaxed);
            let doze = &world.doze.0;
            if doze.load(Relaxed) != AWAKE && doze.swap(AWAKE, AcqRel) != AWAKE {
                world.note.set();
            }
        })
    };
    let mut all_idled = true;
    while all_idled {
        step();
        world.doze.nap(true, || {
            all_idled = world.idle.counts().idle() == 2;
            all_idled
        });
        if all_idled {
            world.note.sleep(None);
        }
        world.doze.rise();
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
    check(3, || nap_against_push_and_release(false));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_nap_without_fence() {
    with_fault(Fault::NapWithoutFence, || check(3, || nap_against_push_and_release(true)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_push_without_fence() {
    with_fault(Fault::PushWithoutFence, || check(3, || nap_against_push_and_release(true)));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_without_fence() {
    with_fault(Fault::DozeWithoutFence, || check(3, || sleep_against(1, &[World::take_p])));
}

#[test]
#[should_panic(expected = "sleeps for good")]
fn loom_doze_broken_busy_without_fence() {
    with_fault(Fault::BusyWithoutFence, || check(3, || sleep_against(1, &[World::take_p])));
}
