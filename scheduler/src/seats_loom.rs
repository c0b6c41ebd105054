//! Models of the seats, with the real lists of `idle.rs`. Preemption bound 3.

use super::*;
use crate::idle::{Idle, Released, Sleeper, Wakeup};
use crate::sync::Arc;
use crate::sync::atomic::AtomicUsize;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::thread;

/// No M sleeps here: who is woken is played by the one who wakes it.
enum Nobody {}

impl Sleeper for Nobody {
    fn asleep(&self) -> &AtomicBool {
        match *self {}
    }
    fn has_own_work(&self) -> bool {
        match *self {}
    }
    fn rank(&self) -> u8 {
        match *self {}
    }
}

struct World {
    idle: Idle<Nobody>,
    seats: Seats,
    /// Fresh goroutines: every ring and the injector.
    fresh: AtomicUsize,
}

impl World {
    /// Two Ps, one of which idles, and one seat.
    fn new() -> Arc<World> {
        let world = World { idle: Idle::new(), seats: Seats::new(1), fresh: AtomicUsize::new(0) };
        assert!(matches!(world.idle.release(1, false), Released::Idles));
        Arc::new(world)
    }

    fn work_waits(&self) -> bool {
        self.fresh.load(Acquire) != 0
    }

    /// The search, as far as it is about fresh goroutines: all there are, if the M has a seat or gets one.
    fn look(&self, seat: &Seat) -> bool {
        let may = self.work_waits() && self.seats.take(seat);
        if may {
            self.fresh.store(0, Release);
        }
        may
    }

    /// `let_p_go`, and after it nothing is there to be done, or somebody else's.
    fn let_p_go(&self, mut p: u32, mut searches: bool, seat: &Seat) {
        loop {
            match self.idle.release(p, std::mem::take(&mut searches)) {
                Released::Idles => {}
                Released::To(never) => match *never {},
            }
            step();
            if !self.work_waits() || !self.seats.take(seat) {
                return;
            }
            match self.idle.take_p() {
                Some(mine) => p = mine,
                None => return,
            }
            let _found = self.look(seat);
        }
    }

    /// `rest`, as far as the seat is concerned.
    fn rest(&self, seat: &Seat) {
        if !self.seats.leave(seat) {
            return;
        }
        step();
        if self.work_waits()
            && self.idle.wake_wanted()
            && let Some(Wakeup { p, .. }) = self.idle.claim()
        {
            // The M that is woken.
            let seat = Seat::new();
            let found = self.look(&seat);
            if found {
                let _last = self.idle.stop_searching();
            }
            self.let_p_go(p, !found, &seat);
            self.rest(&seat);
        }
    }
}

/// The M with the only seat goes to sleep, while one without a seat, whose goroutine has spawned another, lets its P go.
fn left_against_release(searches: bool) {
    let world = World::new();
    let seated = Seat::new();
    assert!(world.seats.take(&seated));
    if searches {
        assert!(world.idle.start_searching(2));
    }
    let other = thread::spawn({
        let world = world.clone();
        move || {
            step();
            world.rest(&seated);
        }
    });
    step();
    let seat = Seat::new();
    world.fresh.store(1, Release);
    let found = world.look(&seat);
    if found && searches {
        let _last = world.idle.stop_searching();
    }
    world.let_p_go(0, searches && !found, &seat);
    world.rest(&seat);
    other.join().unwrap();
    assert_eq!((world.idle.counts().idle(), world.idle.counts().searching()), (2, 0));
    assert!(world.seats.any(), "a seat is lost");
    assert!(!world.work_waits(), "fresh goroutines lie beside an idle P and a free seat");
}

#[test]
fn loom_seats_left_against_release() {
    check(3, || left_against_release(false));
}

#[test]
fn loom_seats_left_against_release_of_a_searcher() {
    check(3, || left_against_release(true));
}

#[test]
#[should_panic(expected = "fresh goroutines lie beside an idle P and a free seat")]
fn loom_seats_broken_left_without_fence() {
    with_fault(Fault::SeatLeftWithoutFence, || check(3, || left_against_release(true)));
}

#[test]
#[should_panic(expected = "fresh goroutines lie beside an idle P and a free seat")]
fn loom_seats_broken_release_without_fence() {
    with_fault(Fault::ReleaseWithoutFence, || check(3, || left_against_release(true)));
}

/// The monitor takes the seat of an M that turns out to block, while that M gives it up itself: it comes back once.
#[test]
fn loom_seats_given_back_once() {
    check(3, || {
        let world = World::new();
        let seat = Arc::new(Seat::new());
        assert!(world.seats.take(&seat));
        let monitor = thread::spawn({
            let (world, seat) = (world.clone(), seat.clone());
            move || world.seats.leave(&seat)
        });
        let mine = world.seats.give_back(&seat);
        assert!(mine != monitor.join().unwrap(), "one of the two gives it back");
        let (first, second) = (Seat::new(), Seat::new());
        assert!(world.seats.take(&first) && !world.seats.take(&second), "there is one seat");
    });
}
