//! Models of the arrivals, with the real lists of `idle.rs` and the real seats. Preemption bound 3.

use super::*;
use crate::idle::{Idle, Roused, Sleeper};
use crate::seats::{Seat, Seats};
use crate::sync::Arc;
use crate::sync::atomic::AtomicBool;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::item::{Item, Items};
use crate::sync::thread;

/// The M that is to start them.
struct Home {
    asleep: AtomicBool,
    arrivals: Arrivals<Item>,
    seat: Seat,
}

impl Sleeper for Home {
    fn asleep(&self) -> &AtomicBool {
        &self.asleep
    }
    fn has_own_work(&self) -> bool {
        !self.arrivals.is_empty()
    }
    fn rank(&self) -> u8 {
        1
    }
}

struct World {
    home: &'static Home,
    idle: Idle<Home>,
    seats: Seats,
    items: Items,
    /// How many the injector was given.
    injected: AtomicUsize,
    /// The home was given a P by whoever placed something there.
    roused: AtomicBool,
}

impl World {
    /// The home has its seat.
    fn new() -> Arc<World> {
        let seats = Seats::new(1);
        let home: &'static Home =
            Box::leak(Box::new(Home { asleep: AtomicBool::new(false), arrivals: Arrivals::new(), seat: Seat::new() }));
        assert!(seats.take(&home.seat));
        Arc::new(World {
            home,
            idle: Idle::new(),
            seats,
            items: Items::new(2),
            injected: AtomicUsize::new(0),
            roused: AtomicBool::new(false),
        })
    }

    fn inject(&self, fresh: Chain<Item>) {
        for item in fresh {
            item.run();
            self.injected.fetch_add(1, Relaxed);
        }
    }

    /// `M::place`.
    fn place(&self, number: usize) {
        let item = self.items.get(number);
        item.run();
        step();
        self.home.arrivals.push(item);
        match self.idle.after_push(self.home) {
            Roused::Has(_) => self.roused.store(true, Relaxed),
            Roused::Waits => unreachable!("a P idles in this model"),
            Roused::NotAsleep if self.home.seat.is_mine() => {}
            Roused::NotAsleep => self.inject(self.home.arrivals.take()),
        }
    }

    /// `M::give_seat_back`.
    fn give_seat_back(&self) {
        step();
        if self.seats.give_back(&self.home.seat) {
            self.inject(self.home.arrivals.take_after_seat());
        }
    }

    /// `M::keep_or_pass_arrivals`.
    fn come_out_of_rest(&self) {
        if !self.home.arrivals.is_empty() && !self.seats.take(&self.home.seat) {
            self.inject(self.home.arrivals.take());
        }
    }

    /// The home's way to bed: whether it sleeps in the end.
    fn rest(&self) -> bool {
        step();
        if self.seats.leave(&self.home.seat) {
            self.inject(self.home.arrivals.take_after_seat());
        }
        self.idle.sleep(self.home).is_ok()
    }
}

/// The monitor takes the seat of an M that has gone away, while two are placed there.
fn place_against_a_lost_seat() {
    let world = World::new();
    let monitor = thread::spawn({
        let world = world.clone();
        move || world.give_seat_back()
    });
    (0..2).for_each(|number| world.place(number));
    monitor.join().unwrap();
    assert!(world.home.arrivals.is_empty(), "they lie behind an M that does not come");
    assert_eq!(world.injected.load(Relaxed), 2, "one is lost");
}

#[test]
fn loom_arrivals_against_a_lost_seat() {
    check(3, place_against_a_lost_seat);
}

#[test]
#[should_panic(expected = "they lie behind an M that does not come")]
fn loom_arrivals_broken_seat_lost_without_fence() {
    with_fault(Fault::ArrivalsLeftWithoutFence, || check(3, place_against_a_lost_seat));
}

#[test]
#[should_panic(expected = "they lie behind an M that does not come")]
fn loom_arrivals_broken_placed_without_fence() {
    with_fault(Fault::PushedWithoutFence, || check(3, place_against_a_lost_seat));
}

/// The home goes to sleep, with a P idle, while one is placed there.
fn place_against_sleep() {
    let world = World::new();
    assert!(matches!(world.idle.release(0, false), crate::idle::Released::Idles));
    let home = thread::spawn({
        let world = world.clone();
        move || world.rest()
    });
    world.place(0);
    let sleeps = home.join().unwrap();
    let woken = !sleeps || world.roused.load(Relaxed);
    assert!(woken || world.home.arrivals.is_empty(), "its home sleeps over it");
    if woken {
        // It runs something of its own first, and loses its seat meanwhile.
        world.come_out_of_rest();
        world.give_seat_back();
    }
    assert_eq!(
        (world.injected.load(Relaxed), world.home.arrivals.len()),
        (1, 0),
        "it lies behind an M that does not come"
    );
}

#[test]
fn loom_arrivals_against_sleep() {
    check(3, place_against_sleep);
}

#[test]
#[should_panic(expected = "its home sleeps over it")]
fn loom_arrivals_broken_placed_without_fence_beside_sleep() {
    with_fault(Fault::PushedWithoutFence, || check(3, place_against_sleep));
}

/// Its M takes one while somebody takes all.
#[test]
fn loom_arrivals_taken_once() {
    check(3, || {
        let world = World::new();
        (0..2).for_each(|number| world.home.arrivals.push(world.items.get(number)));
        let monitor = thread::spawn({
            let world = world.clone();
            move || world.home.arrivals.take().count()
        });
        let mine = usize::from(world.home.arrivals.pop().is_some());
        assert_eq!(mine + monitor.join().unwrap() + world.home.arrivals.take().count(), 2);
    });
}
