//! Models of the idle protocol. Preemption bound 3 unless a model says otherwise; each explored to its end within
//! 60 s.

use super::*;
use crate::injector::Injector;
use crate::m::inbox::Inbox;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::item::{Item, Items};
use crate::sync::{Arc, thread};

/// An M: whether it sleeps, and its inbox.
struct Machine {
    asleep: AtomicBool,
    inbox: Inbox<Item>,
}

impl Sleeper for Machine {
    fn asleep(&self) -> &AtomicBool {
        &self.asleep
    }
    fn has_own_work(&self) -> bool {
        !self.inbox.is_empty()
    }
    fn rank(&self) -> u8 {
        1
    }
}

/// Ms are never freed; a model's are some words each, and the models here are small.
fn machine() -> &'static Machine {
    Box::leak(Box::new(Machine { asleep: AtomicBool::new(false), inbox: Inbox::new() }))
}

/// Something that another thread does.
fn beside<R: 'static>(world: &Arc<World>, act: impl FnOnce(&World) -> R + 'static) -> thread::JoinHandle<R> {
    let world = world.clone();
    thread::spawn(move || act(&world))
}

struct World {
    idle: Idle<Machine>,
    procs: u32,
    /// Stands for every ring and the injector.
    work: AtomicUsize,
}

impl World {
    /// All Ps are in use.
    fn new(procs: u32) -> Arc<World> {
        Arc::new(World { idle: Idle::new(), procs, work: AtomicUsize::new(0) })
    }

    /// A P is let go: whether this M, which waits for one, is given it.
    fn gives(&self, p: u32, m: &'static Machine) -> bool {
        step();
        matches!(self.idle.release(p, false), Released::To(to) if std::ptr::eq(to, m))
    }

    fn let_idle(&self, p: u32) {
        assert!(matches!(self.idle.release(p, false), Released::Idles));
    }

    /// Publishes work; true: somebody was woken for it.
    fn submit(&self) -> bool {
        step();
        self.work.fetch_add(1, Release);
        self.idle.wake_wanted() && self.idle.claim().is_some()
    }

    fn work_waits(&self) -> bool {
        self.work.load(Acquire) != 0
    }

    fn take_work(&self) -> bool {
        self.work.fetch_update(AcqRel, Acquire, |work| work.checked_sub(1)).is_ok()
    }

    /// Publishes work, and plays the M that is woken for it until that finds nothing more to do.
    fn submit_and_work(&self) {
        step();
        self.work.fetch_add(1, Release);
        self.wake();
    }

    fn wake(&self) {
        if self.idle.wake_wanted() {
            step();
            if let Some(Wakeup { p, .. }) = self.idle.claim() {
                self.work_until_idle(p, true);
            }
        }
    }

    /// An M with a P, until it has let its last P go and found nothing after that: the loop of `m/schedule.rs`.
    fn work_until_idle(&self, mut p: u32, mut searches: bool) {
        loop {
            while self.take_work() {
                if std::mem::take(&mut searches) && self.idle.stop_searching() {
                    self.wake();
                }
            }
            searches = searches || self.idle.start_searching(self.procs);
            if self.work_waits() {
                continue;
            }
            match self.idle.release(p, std::mem::take(&mut searches)) {
                Released::Idles => {}
                Released::To(_) => unreachable!("nobody waits in this model"),
            }
            step();
            if !self.work_waits() {
                return;
            }
            match self.idle.take_p() {
                Some(mine) => p = mine,
                None => return,
            }
        }
    }

    /// Everybody has come to rest.
    fn assert_at_rest(&self) {
        assert_eq!((self.idle.counts().idle(), self.idle.counts().searching()), (self.procs, 0));
        assert!(!self.work_waits(), "work is left lying while every P idles");
    }
}

/// R1, R2, R29: work is submitted while the only P is let go, by a searcher or by another. Not both overlook the other.
fn submit_against_release(searches: bool) {
    let world = World::new(1);
    if searches {
        assert!(world.idle.start_searching(1));
    }
    let submitter = beside(&world, World::submit);
    step();
    assert!(matches!(world.idle.release(0, searches), Released::Idles));
    let found = world.work_waits();
    let woke = submitter.join().unwrap();
    assert!(found || woke, "work is left lying while a P idles");
    assert_eq!(world.idle.counts().idle(), u32::from(!woke));
    assert_eq!(world.idle.counts().searching(), u32::from(woke));
}

#[test]
fn loom_idle_submit_against_release() {
    check(3, || submit_against_release(false));
}

#[test]
fn loom_idle_submit_against_release_of_a_searcher() {
    check(3, || submit_against_release(true));
}

#[test]
#[should_panic(expected = "work is left lying while a P idles")]
fn loom_idle_broken_submit_without_fence() {
    with_fault(Fault::SubmitWithoutFence, || check(3, || submit_against_release(false)));
}

#[test]
#[should_panic(expected = "work is left lying while a P idles")]
fn loom_idle_broken_release_without_fence() {
    with_fault(Fault::ReleaseWithoutFence, || check(3, || submit_against_release(false)));
}

/// The same, with the injector's own promise in the middle.
fn inject_against_release() {
    let items = Items::new(1);
    let world = World::new(1);
    let injector = Arc::new(Injector::new());
    let submitter = beside(&world, {
        let (injector, item) = (injector.clone(), items.get(0));
        move |world| {
            step();
            injector.push_one(item);
            world.idle.wake_wanted() && world.idle.claim().is_some()
        }
    });
    step();
    world.let_idle(0);
    let found = !injector.is_empty();
    let woke = submitter.join().unwrap();
    assert!(found || woke, "a batch is left lying while a P idles");
    assert!(injector.pop_one().is_some());
}

#[test]
fn loom_idle_inject_against_release() {
    check(3, inject_against_release);
}

#[test]
#[should_panic(expected = "a batch is left lying while a P idles")]
fn loom_idle_broken_inject_without_fence() {
    with_fault(Fault::SubmitWithoutFence, || check(3, inject_against_release));
}

/// R1: work is submitted while the last searcher stops, to run something it found, and another P idles.
fn submit_against_stop() {
    let world = World::new(2);
    world.let_idle(1);
    assert!(world.idle.start_searching(2));
    let submitter = beside(&world, World::submit);
    step();
    let last = world.idle.stop_searching();
    let found = world.work_waits();
    let woke = submitter.join().unwrap();
    assert!(last && (found || woke), "work is left lying while a P idles");
}

#[test]
fn loom_idle_submit_against_stop() {
    check(3, submit_against_stop);
}

#[test]
#[should_panic(expected = "work is left lying while a P idles")]
fn loom_idle_broken_stop_without_fence() {
    with_fault(Fault::StopWithoutFence, || check(3, submit_against_stop));
}

/// R31: two submitters and one idle P: one is woken, the counts are right.
#[test]
fn loom_idle_two_submitters() {
    check(3, || {
        let world = World::new(1);
        world.let_idle(0);
        let other = beside(&world, World::submit);
        let woke = [world.submit(), other.join().unwrap()];
        assert_eq!(woke.iter().filter(|&&woke| woke).count(), 1);
        assert_eq!((world.idle.counts().idle(), world.idle.counts().searching()), (0, 1));
    });
}

/// R31: two submitters, and an M that comes back from a call, takes the P from under the one that claims it, and lets it go
/// again. Who is woken, or finds work at the last look, stays awake here: where work waits somebody must be.
fn claim_in_vain() {
    let world = World::new(1);
    world.let_idle(0);
    let submitter = beside(&world, World::submit);
    let passer_by = beside(&world, |world| {
        step();
        if let Some(p) = world.idle.take_p() {
            let _ran = world.take_work();
            world.let_idle(p);
            if world.work_waits() {
                let _back = world.idle.take_p();
            }
        }
    });
    let woke = [world.submit(), submitter.join().unwrap()];
    passer_by.join().unwrap();
    let counts = world.idle.counts();
    assert_eq!(counts.searching(), woke.iter().filter(|&&woke| woke).count() as u32, "a claim in vain is counted");
    let awake = counts.idle() == 0 || counts.searching() > 0;
    assert!(awake || !world.work_waits(), "work is left lying while the P idles");
}

#[test]
fn loom_idle_claim_in_vain() {
    check(3, claim_in_vain);
}

#[test]
#[should_panic(expected = "work is left lying while the P idles")]
fn loom_idle_broken_claim_stops_late() {
    with_fault(Fault::ClaimStopsLate, || check(3, claim_in_vain));
}

/// Two Ms with a P each come to the end of their work while a third party submits more. Bound 2.
fn two_ms_and_a_submitter() {
    let world = World::new(2);
    let others = [beside(&world, |world| world.work_until_idle(1, false)), beside(&world, World::submit_and_work)];
    world.work_until_idle(0, false);
    others.into_iter().for_each(|other| other.join().unwrap());
    world.assert_at_rest();
}

#[test]
fn loom_idle_two_ms_and_a_submitter() {
    check(2, two_ms_and_a_submitter);
}

#[test]
#[should_panic(expected = "work is left lying while every P idles")]
fn loom_idle_broken_two_ms_release_without_fence() {
    with_fault(Fault::ReleaseWithoutFence, || check(2, two_ms_and_a_submitter));
}

/// A searcher gives its P to an M that waits for one (and will be long about its own work), another lets its P go, and
/// somebody submits. The searcher does not look again: so nobody may have left the work to it while a P idled.
fn hand_over_and_submit(give: fn(&World, &'static Machine) -> bool) {
    let world = World::new(2);
    let (waits, gives) = (machine(), machine());
    assert!(world.idle.start_searching(2));
    assert_eq!(world.idle.take_p_or_wait(waits), None);
    let releaser = beside(&world, |world| {
        step();
        match world.idle.release(1, false) {
            Released::Idles => world.work_waits(),
            // It has its P now, and the searcher keeps its own.
            Released::To(_) => false,
        }
    });
    let submitter = beside(&world, World::submit);
    step();
    let gave = give(&world, gives);
    let [found, woke] = [releaser, submitter].map(|other| other.join().unwrap());
    if gave {
        assert_eq!(world.idle.counts().searching(), u32::from(woke));
        assert!(found || woke || world.idle.counts().idle() == 0, "work is left lying while a P idles");
    }
}

fn give_to_next(world: &World, _: &'static Machine) -> bool {
    world.idle.next_waiting(true).is_some()
}

fn exchange(world: &World, gives: &'static Machine) -> bool {
    world.idle.swap_waiting(gives, true).is_some()
}

fn let_go(world: &World, _: &'static Machine) -> bool {
    matches!(world.idle.release(0, true), Released::To(_))
}

#[test]
fn loom_idle_hand_over() {
    check(3, || hand_over_and_submit(give_to_next));
}

#[test]
fn loom_idle_exchange() {
    check(3, || hand_over_and_submit(exchange));
}

#[test]
fn loom_idle_let_go_to_one_who_waits() {
    check(3, || hand_over_and_submit(let_go));
}

#[test]
#[should_panic(expected = "work is left lying while a P idles")]
fn loom_idle_broken_hand_over_stops_late() {
    with_fault(Fault::HandOverStopsLate, || check(3, || hand_over_and_submit(give_to_next)));
}

#[test]
#[should_panic(expected = "work is left lying while a P idles")]
fn loom_idle_broken_let_go_stops_late() {
    with_fault(Fault::HandOverStopsLate, || check(3, || hand_over_and_submit(let_go)));
}

/// An M comes to wait for a P while one is let go: it does not wait while that P idles.
fn wait_against_release() {
    let world = World::new(1);
    let m = machine();
    let releaser = beside(&world, move |world| world.gives(0, m));
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
#[should_panic(expected = "it waits while a P idles, or got it twice")]
fn loom_idle_broken_idle_while_one_waits() {
    with_fault(Fault::IdleWhileOneWaits, || check(3, wait_against_release));
}

/// Two wakers leave goroutines in an M's inbox while it goes to sleep, and a P is let go: the M is awake afterwards, was
/// roused once, finds all of them, and does not wait while the P idles.
fn inbox_against_sleep() {
    let items = Items::new(2);
    let world = World::new(1);
    let m = machine();
    let wakers = [0, 1].map(|id| {
        let item = items.get(id);
        beside(&world, move |world| {
            item.run();
            step();
            m.inbox.push(item);
            world.idle.after_push(m)
        })
    });
    step();
    // It has looked into its inbox, and into all else, and lets its P go.
    let mut taken = m.inbox.take().inspect(|item| item.run()).count();
    let mut roused = Vec::new();
    match world.idle.release(0, false) {
        Released::Idles => {}
        Released::To(_) => unreachable!("nobody waits"),
    }
    let awake = match world.idle.sleep(m) {
        Ok(()) => false,
        Err(p) => {
            roused.push(p);
            true
        }
    };
    let by_others = wakers.map(|waker| waker.join().unwrap());
    roused.extend(by_others.iter().filter_map(|roused| match roused {
        Roused::NotAsleep => None,
        Roused::Has(p) => Some(Some(*p)),
        Roused::Waits => Some(None),
    }));
    assert_eq!(m.asleep.load(Relaxed), roused.is_empty());
    assert!(roused.len() <= 1, "roused twice");
    assert!(!awake || roused.len() == 1);
    if let Some(p) = roused.first() {
        assert_eq!(*p, Some(0), "it waits while a P idles");
        taken += m.inbox.take().inspect(|item| item.run()).count();
    }
    assert!(m.inbox.is_empty(), "asleep over a full inbox");
    assert_eq!(taken, 2);
    assert_eq!((world.idle.sleeping(), world.idle.waiting()), (usize::from(roused.is_empty()), 0));
}

#[test]
fn loom_idle_inbox_against_sleep() {
    check(3, inbox_against_sleep);
}

#[test]
#[should_panic(expected = "asleep over a full inbox")]
fn loom_idle_broken_sleep_without_look() {
    with_fault(Fault::SleepWithoutLook, || check(3, inbox_against_sleep));
}

#[test]
#[should_panic(expected = "asleep over a full inbox")]
fn loom_idle_broken_sleep_without_fence() {
    with_fault(Fault::SleepWithoutFence, || check(3, inbox_against_sleep));
}

#[test]
#[should_panic(expected = "asleep over a full inbox")]
fn loom_idle_broken_pushed_without_fence() {
    with_fault(Fault::PushedWithoutFence, || check(3, inbox_against_sleep));
}

/// A sleeping M is roused by its inbox while the one P is let go by another: it gets that P, once, by one way or the other.
#[test]
fn loom_idle_rouse_against_release() {
    check(3, || {
        let items = Items::new(1);
        let world = World::new(1);
        let m = machine();
        assert!(world.idle.sleep(m).is_ok());
        let releaser = beside(&world, move |world| world.gives(0, m));
        step();
        m.inbox.push(items.get(0));
        let has = match world.idle.after_push(m) {
            Roused::NotAsleep => panic!("it slept"),
            Roused::Has(p) => {
                assert_eq!(p, 0);
                true
            }
            Roused::Waits => false,
        };
        let given = releaser.join().unwrap();
        assert!(has != given, "it waits while a P idles, or got it twice");
        assert_eq!((world.idle.waiting(), world.idle.counts().idle(), world.idle.sleeping()), (0, 0, 0));
        assert_eq!(m.inbox.take().count(), 1);
    });
}

/// A sleeping M is wanted for a P, roused by its inbox and wakes by itself, all at once: one of them takes it off the list.
#[test]
fn loom_idle_taken_off_once() {
    check(3, || {
        let world = World::new(1);
        let m = machine();
        assert!(world.idle.sleep(m).is_ok());
        let others = [
            (|world: &World, m| world.idle.rouse(m) != Roused::NotAsleep) as fn(&World, &'static Machine) -> bool,
            |world, _| world.idle.take_sleeper().is_some(),
        ]
        .map(|takes| {
            beside(&world, move |world| {
                step();
                takes(world, m)
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
