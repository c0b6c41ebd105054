//! Models of one direction: the real word, list and count, against a kernel made of a counter of units.
//!
//! Each protocol comes with a variant that lacks the step the proof rests on, and must fail.

use super::*;
use crate::sync::{AtomicUsize, Ordering};
use loom::thread;

type TestSide = Side<usize>;

struct World {
    side: TestSide,
    count: Arc<WaiterCount>,
    /// What a system call can take; an event follows each time some are added.
    units: AtomicUsize,
    /// The blocking calls. Whoever wakes one carries on with it, as an M does with a goroutine.
    calls: [Mutex<Call>; 2],
    steps: Steps,
}

/// A blocking call that takes one unit. Locked by whoever runs it.
#[derive(Default)]
struct Call {
    place: Option<Place>,
    is_done: bool,
}

impl World {
    fn new(steps: Steps) -> Arc<Self> {
        let side = Side::new();
        side.reopen();
        Arc::new(World {
            side,
            count: Arc::new(WaiterCount::new()),
            units: AtomicUsize::new(0),
            calls: [Mutex::new(Call::default()), Mutex::new(Call::default())],
            steps,
        })
    }

    fn system_call(&self) -> bool {
        self.units.fetch_update(Ordering::AcqRel, Ordering::Acquire, |units| units.checked_sub(1)).is_ok()
    }

    fn event(&self, units: usize) -> Vec<usize> {
        self.units.fetch_add(units, Ordering::AcqRel);
        let mut ready = Ready::new();
        (self.steps.deliver)(self, &mut ready);
        woken(ready)
    }

    fn finish(&self, place: Option<Place>) -> Vec<usize> {
        place.and_then(|place| self.side.finish(place, &self.count)).map_or_else(Vec::new, woken)
    }

    /// Runs the call of each waiter until it is done or parks.
    fn run(&self, waiters: Vec<usize>) {
        for waiter in waiters {
            let next = self.run_one(waiter);
            self.run(next);
        }
    }

    fn run_one(&self, waiter: usize) -> Vec<usize> {
        let mut call = lock(&self.calls[waiter]);
        loop {
            let seen = (self.steps.begin)(&self.side);
            if self.system_call() {
                call.is_done = true;
                return (self.steps.finish)(self, call.place);
            }
            match (self.steps.wait)(self, seen, &mut call.place, waiter) {
                Wait::Retry => {}
                Wait::Park => return Vec::new(),
                answer => unreachable!("nobody closes: {answer:?}"),
            }
        }
    }

    fn assert_done(&self, waiter: usize) {
        assert!(lock(&self.calls[waiter]).is_done, "somebody sleeps for ever");
    }

    fn assert_at_rest(&self) {
        assert_eq!(self.count.load(), 0, "somebody still counts as waiting");
        assert!(!self.side.word.load().has_waiters());
    }
}

fn woken(mut ready: Ready<usize>) -> Vec<usize> {
    ready
        .drain()
        .map(|woken| match woken {
            Woken::Parked(waiter) => waiter,
            Woken::Task(_) => unreachable!("no tasks in this model"),
        })
        .collect()
}

/// The steps of a blocking call, and of an event, so that one of them can be replaced by a broken one.
#[derive(Clone, Copy)]
struct Steps {
    deliver: fn(&World, &mut Ready<usize>),
    begin: fn(&TestSide) -> Seen,
    wait: fn(&World, Seen, &mut Option<Place>, usize) -> Wait,
    finish: fn(&World, Option<Place>) -> Vec<usize>,
}

const REAL: Steps = Steps {
    deliver: |world, ready| {
        assert!(world.side.deliver(Event::Ready, world.side.generation(), &world.count, ready));
    },
    begin: Side::look,
    wait: |world, seen, place, waiter| world.side.wait(seen, place, waiter, &world.count),
    finish: World::finish,
};

/// Mutation: queues without deciding on the word it changes, as if the check before had been enough.
fn wait_without_recheck(world: &World, _: Seen, place: &mut Option<Place>, waiter: usize) -> Wait {
    world.count.add_one();
    let mut waiters = lock(&world.side.waiters);
    world.side.word.update(|word| Some(word.drained().with_waiters(true))).expect("always changes");
    assert!(waiters.put(place, waiter));
    Wait::Park
}

/// Mutation: takes its own entry out, and hands nothing on.
fn finish_for_itself(world: &World, place: Option<Place>) -> Vec<usize> {
    if let Some(place) = place {
        let mut waiters = lock(&world.side.waiters);
        let was_queued = waiters.remove(place);
        world.side.refresh(&waiters);
        drop(waiters);
        if was_queued {
            world.count.subtract(1);
        }
    }
    Vec::new()
}

/// Mutation: says of a list that it is empty, and leaves somebody in it.
fn deliver_as_to_a_lone_waiter(world: &World, ready: &mut Ready<usize>) {
    let waiters = lock(&world.side.waiters);
    world.side.word.update(|word| Some(word.with_event(false).with_waiters(false))).expect("always changes");
    world.side.take_out(waiters, 1, &world.count, ready);
}

/// R10: an event against a waiter that is about to park.
fn event_against_wait(steps: Steps) {
    loom::model(move || {
        let world = World::new(steps);
        let poller = thread::spawn({
            let world = Arc::clone(&world);
            move || world.event(1)
        });
        let mut place = None;
        let seen = (steps.begin)(&world.side);
        let mut parked = false;
        if !world.system_call() {
            parked = (steps.wait)(&world, seen, &mut place, 0) == Wait::Park;
            assert!(parked || world.system_call(), "told to retry for nothing");
        }
        let woken = poller.join().expect("the poller ends");
        assert_eq!(parked, woken == [0], "parked, and nobody wakes it");
        world.assert_at_rest();
    });
}

#[test]
fn loom_r10_parked_means_woken() {
    event_against_wait(REAL);
}

#[test]
#[should_panic(expected = "parked, and nobody wakes it")]
fn loom_r10_without_recheck() {
    event_against_wait(Steps { wait: wait_without_recheck, ..REAL });
}

/// R10: a close against a waiter that is about to park.
fn close_against_wait(steps: Steps) {
    loom::model(move || {
        let world = World::new(steps);
        let closer = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                let mut ready = Ready::new();
                world.side.end(End::Closed, world.side.generation(), &world.count, &mut ready);
                woken(ready)
            }
        });
        let mut place = None;
        let seen = (steps.begin)(&world.side);
        let parked = match (steps.wait)(&world, seen, &mut place, 0) {
            Wait::Park => true,
            Wait::Closed => false,
            answer => unreachable!("{answer:?}"),
        };
        let woken = closer.join().expect("the closer ends");
        assert_eq!(parked, woken == [0], "parked, and nobody wakes it");
        world.assert_at_rest();
    });
}

#[test]
fn loom_r10_close_wakes() {
    close_against_wait(REAL);
}

#[test]
#[should_panic(expected = "parked, and nobody wakes it")]
fn loom_r10_close_without_recheck() {
    close_against_wait(Steps { wait: wait_without_recheck, ..REAL });
}

/// R11: an event of one incarnation against the reopening of its slot.
fn stale_event(deliver: fn(&World, Generation)) {
    loom::model(move || {
        let world = World::new(REAL);
        let generation = world.side.generation();
        let poller = thread::spawn({
            let world = Arc::clone(&world);
            move || deliver(&world, generation)
        });
        let mut ready = Ready::new();
        world.side.end(End::Closed, generation, &world.count, &mut ready);
        world.side.reopen();
        let seen = world.side.look();
        poller.join().expect("the poller ends");
        let word = world.side.word.load();
        assert!(word.same_tick(seen.0) && !word.is_ready(), "the event of another descriptor arrived");
        assert_ne!(word.generation(), generation);
    });
}

#[test]
fn loom_r11_stale_event_touches_nothing() {
    stale_event(|world, generation| {
        world.side.deliver(Event::Ready, generation, &world.count, &mut Ready::new());
    });
}

#[test]
#[should_panic(expected = "the event of another descriptor arrived")]
fn loom_r11_generation_checked_apart() {
    stale_event(|world, generation| {
        if world.side.generation() == generation {
            world.side.word.update(|word| Some(word.with_event(false))).expect("always changes");
        }
    });
}

/// Two blocking calls and one event that is enough for both.
fn two_readers_one_event(steps: Steps) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let world = World::new(steps);
        let readers = [0, 1].map(|waiter| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.run(vec![waiter]))
        });
        let woken = world.event(2);
        world.run(woken);
        for reader in readers {
            reader.join().expect("the reader ends");
        }
        world.assert_done(0);
        world.assert_done(1);
        world.assert_at_rest();
    });
}

#[test]
fn loom_the_first_hands_on() {
    two_readers_one_event(REAL);
}

#[test]
#[should_panic(expected = "somebody sleeps for ever")]
fn loom_nobody_hands_on() {
    two_readers_one_event(Steps { finish: finish_for_itself, ..REAL });
}

#[test]
#[should_panic(expected = "somebody sleeps for ever")]
fn loom_somebody_stays_behind_untold() {
    two_readers_one_event(Steps { deliver: deliver_as_to_a_lone_waiter, ..REAL });
}

/// The rejected design: readiness is consumed before the call, and a wait looks at READY alone.
#[test]
#[should_panic(expected = "somebody sleeps for ever")]
fn loom_consume_before_the_call() {
    let begin = |side: &TestSide| {
        let word = match side.word.update(|word| word.is_ready().then(|| word.drained())) {
            Ok(word) | Err(word) => word,
        };
        Seen(word)
    };
    let wait = |world: &World, _: Seen, place: &mut Option<Place>, waiter: usize| {
        world.count.add_one();
        let mut waiters = lock(&world.side.waiters);
        if world.side.word.update(|word| (!word.is_ready()).then(|| word.with_waiters(true))).is_err() {
            drop(waiters);
            world.count.subtract(1);
            return Wait::Retry;
        }
        assert!(waiters.put(place, waiter));
        Wait::Park
    };
    two_readers_one_event(Steps { begin, wait, ..REAL });
}

/// The first waiter gives up while the event that woke it is under way; the second must get it.
fn give_up_against_event(steps: Steps) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let world = World::new(steps);
        let mut place = None;
        let seen = world.side.look();
        assert_eq!(world.side.wait(seen, &mut place, 0, &world.count), Wait::Park);
        let second = thread::spawn({
            let world = Arc::clone(&world);
            move || world.run(vec![1])
        });
        let poller = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                // The first was given up already when it is found here: its wake-up comes too late.
                let woken = world.event(1).into_iter().filter(|waiter| *waiter != 0).collect();
                world.run(woken);
            }
        });
        let next = (steps.finish)(&world, place);
        world.run(next);
        second.join().expect("the second ends");
        poller.join().expect("the poller ends");
        world.assert_done(1);
        world.assert_at_rest();
    });
}

#[test]
fn loom_giving_up_hands_on() {
    give_up_against_event(REAL);
}

#[test]
#[should_panic(expected = "somebody sleeps for ever")]
fn loom_giving_up_keeps_the_event() {
    give_up_against_event(Steps { finish: finish_for_itself, ..REAL });
}

/// A deadline is changed while somebody begins to wait: it sees the new one, or is woken to look again.
fn recheck_against_wait(deadline_read_after_wait: bool) {
    loom::model(move || {
        let world = World::new(REAL);
        let deadline = Arc::new(AtomicUsize::new(0));
        let setter = thread::spawn({
            let (world, deadline) = (Arc::clone(&world), Arc::clone(&deadline));
            move || {
                deadline.store(1, Ordering::Relaxed);
                let mut ready = Ready::new();
                world.side.recheck(&world.count, &mut ready);
                woken(ready)
            }
        });
        let mut place = None;
        let early = deadline.load(Ordering::Relaxed);
        assert_eq!(world.side.wait(world.side.look(), &mut place, 0, &world.count), Wait::Park);
        let known = if deadline_read_after_wait { deadline.load(Ordering::Relaxed) } else { early };
        let woken = setter.join().expect("the setter ends");
        assert!(known == 1 || woken == [0], "sleeps by the old deadline");
    });
}

#[test]
fn loom_recheck_is_not_missed() {
    recheck_against_wait(true);
}

#[test]
#[should_panic(expected = "sleeps by the old deadline")]
fn loom_deadline_read_too_early() {
    recheck_against_wait(false);
}

/// R35: whoever reads that nobody waits finds the woken one runnable.
fn count_against_idler(runnable_first: bool) {
    loom::model(move || {
        let world = World::new(REAL);
        let runnable = Arc::new(AtomicUsize::new(0));
        assert_eq!(world.side.wait(world.side.look(), &mut None, 0, &world.count), Wait::Park);
        let poller = thread::spawn({
            let (world, runnable) = (Arc::clone(&world), Arc::clone(&runnable));
            move || {
                let mut ready = Ready::new();
                world.side.deliver(Event::Ready, world.side.generation(), &world.count, &mut ready);
                let drain = ready.drain();
                if runnable_first {
                    runnable.store(1, Ordering::Relaxed);
                    drop(drain);
                } else {
                    drop(drain);
                    runnable.store(1, Ordering::Relaxed);
                }
            }
        });
        if world.count.load() == 0 {
            assert_eq!(runnable.load(Ordering::Relaxed), 1, "nobody waits and nobody is runnable");
        }
        poller.join().expect("the poller ends");
    });
}

#[test]
fn loom_r35_count_covers_the_woken() {
    count_against_idler(true);
}

#[test]
#[should_panic(expected = "nobody waits and nobody is runnable")]
fn loom_r35_count_lowered_too_early() {
    count_against_idler(false);
}

/// A task's waker is registered, replaced and removed while an event comes: it is woken or removed, once.
#[test]
fn loom_waker_removed_against_event() {
    loom::model(|| {
        let world = World::new(REAL);
        let poller = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                let mut ready = Ready::new();
                world.side.deliver(Event::Ready, world.side.generation(), &world.count, &mut ready);
                ready.len()
            }
        });
        let mut key = None;
        let seen = world.side.look();
        let (first, _) = world.side.wait_task(seen, &mut key, Waker::noop().clone(), &world.count);
        let (second, _) = world.side.wait_task(seen, &mut key, Waker::noop().clone(), &world.count);
        let removed = key.and_then(|key| world.side.forget_task(key, &world.count)).is_some();
        let woken = poller.join().expect("the poller ends");
        match (first, second) {
            (Wait::Retry, _) => assert!(woken == 0 && !removed),
            (Wait::Park, _) => assert_eq!(woken + usize::from(removed), 1),
            answers => unreachable!("{answers:?}"),
        }
        world.assert_at_rest();
    });
}
