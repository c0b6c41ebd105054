//! Models of the idle protocol. Preemption bound 3; each explored to its end within 60 s.

use super::*;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::{Arc, thread};

/// An M: whether it sleeps, and how much is in its inbox.
struct Machine {
    asleep: AtomicBool,
    inbox: AtomicUsize,
}

impl Sleeper for Machine {
    fn asleep(&self) -> &AtomicBool {
        &self.asleep
    }
    fn has_own_work(&self) -> bool {
        self.inbox.load(Relaxed) != 0
    }
    fn rank(&self) -> u8 {
        1
    }
}

/// Ms are never freed; a model's are some words each, and the models here are small.
fn machine() -> &'static Machine {
    Box::leak(Box::new(Machine { asleep: AtomicBool::new(false), inbox: AtomicUsize::new(0) }))
}

struct World {
    idle: Idle<Machine>,
    /// Stands for every ring, the injector and the timers.
    work: AtomicUsize,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World { idle: Idle::new(), work: AtomicUsize::new(0) })
    }

    /// Publishes work; true: somebody was woken for it.
    fn submit(&self) -> bool {
        step();
        self.work.store(1, Release);
        self.idle.wake_wanted() && self.idle.claim().is_some()
    }

    fn finds_work(&self) -> bool {
        self.work.load(Acquire) != 0
    }
}

/// R1, R2, R29: work is submitted while the only P is let go. Not both overlook the other.
fn submit_against_release() {
    let world = World::new();
    let submitter = {
        let world = world.clone();
        thread::spawn(move || world.submit())
    };
    step();
    assert!(matches!(world.idle.release(0), Released::Idles));
    let found = world.finds_work();
    let woke = submitter.join().unwrap();
    assert!(found || woke, "work is left lying while a P idles");
    assert_eq!(world.idle.counts().idle(), u32::from(!woke));
    assert_eq!(world.idle.counts().searching(), u32::from(woke));
}

#[test]
fn loom_idle_submit_against_release() {
    check(3, submit_against_release);
}

#[test]
#[should_panic]
fn loom_idle_broken_submit_without_fence() {
    with_fault(Fault::SubmitWithoutFence, || check(3, submit_against_release));
}

#[test]
#[should_panic]
fn loom_idle_broken_release_without_fence() {
    with_fault(Fault::ReleaseWithoutFence, || check(3, submit_against_release));
}

/// R1: work is submitted while the last searcher stops, to run something it found, and another P idles.
fn submit_against_stop() {
    let world = World::new();
    assert!(matches!(world.idle.release(1), Released::Idles));
    assert!(world.idle.start_searching(2));
    let submitter = {
        let world = world.clone();
        thread::spawn(move || world.submit())
    };
    step();
    let last = world.idle.stop_searching();
    let found = world.finds_work();
    let woke = submitter.join().unwrap();
    assert!(last && (found || woke), "work is left lying while a P idles");
}

#[test]
fn loom_idle_submit_against_stop() {
    check(3, submit_against_stop);
}

#[test]
#[should_panic]
fn loom_idle_broken_stop_without_fence() {
    with_fault(Fault::StopWithoutFence, || check(3, submit_against_stop));
}

/// R31: two submitters and one idle P: one is woken, the counts come back to what they were.
#[test]
fn loom_idle_two_submitters() {
    check(3, || {
        let world = World::new();
        assert!(matches!(world.idle.release(0), Released::Idles));
        let other = {
            let world = world.clone();
            thread::spawn(move || world.submit())
        };
        let woke = [world.submit(), other.join().unwrap()];
        assert_eq!(woke.iter().filter(|&&woke| woke).count(), 1);
        assert_eq!((world.idle.counts().idle(), world.idle.counts().searching()), (0, 1));
    });
}

/// An M comes to wait for a P while one is let go: it does not wait while that P idles.
fn wait_against_release() {
    let world = World::new();
    let m = machine();
    let releaser = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            matches!(world.idle.release(0), Released::To(to) if std::ptr::eq(to, m))
        })
    };
    step();
    let took = world.idle.take_p_or_wait(m).is_some();
    let given = releaser.join().unwrap();
    assert!(took != given, "it waits while a P idles, or got it twice");
    assert_eq!((world.idle.waiting(), world.idle.counts().idle()), (0, 0));
}

#[test]
fn loom_idle_wait_against_release() {
    check(3, wait_against_release);
}

#[test]
#[should_panic]
fn loom_idle_broken_idle_while_one_waits() {
    with_fault(Fault::IdleWhileOneWaits, || check(3, wait_against_release));
}

/// A goroutine is left in an M's inbox while that M goes to sleep, and a P idles: the M is awake afterwards, and was roused
/// once.
fn inbox_against_sleep() {
    let world = World::new();
    assert!(matches!(world.idle.release(0), Released::Idles));
    let m = machine();
    let waker = {
        let world = world.clone();
        thread::spawn(move || {
            step();
            m.inbox.fetch_add(1, Release);
            matches!(world.idle.after_push(m), Roused::Has(0))
        })
    };
    step();
    // It has looked into its inbox, and into all else, and found nothing.
    let looked = m.inbox.load(Relaxed);
    let roused_itself = if looked == 0 { matches!(world.idle.sleep(m), Err(Some(0))) } else { true };
    let roused = waker.join().unwrap();
    assert!(roused != roused_itself, "asleep over a full inbox, or roused twice");
    assert!(!m.asleep.load(Relaxed));
    assert_eq!(world.idle.sleeping(), 0);
}

#[test]
fn loom_idle_inbox_against_sleep() {
    check(3, inbox_against_sleep);
}

#[test]
#[should_panic]
fn loom_idle_broken_sleep_without_look() {
    with_fault(Fault::SleepWithoutLook, || check(3, inbox_against_sleep));
}

/// A sleeping M is wanted for a P, roused by its inbox and wakes by itself, all at once: one of them takes it off the list.
#[test]
fn loom_idle_taken_off_once() {
    check(3, || {
        let world = World::new();
        let m = machine();
        assert!(world.idle.sleep(m).is_ok());
        let others = [
            (|world: &World, m| world.idle.rouse(m) != Roused::NotAsleep) as fn(&World, &'static Machine) -> bool,
            |world, _| world.idle.take_sleeper().is_some(),
        ]
        .map(|takes| {
            let world = world.clone();
            thread::spawn(move || {
                step();
                takes(&world, m)
            })
        });
        step();
        let myself = world.idle.wake_myself(m);
        let [roused, wanted] = others.map(|other| other.join().unwrap());
        assert_eq!([myself, roused, wanted].iter().filter(|&&taken| taken).count(), 1);
        assert_eq!(world.idle.waiting(), usize::from(roused));
        assert!(!m.asleep.load(Relaxed));
    });
}
