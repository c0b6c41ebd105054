//! Models of waiters whose owner ends while they wait: an event, and what one waiter hands on to the next, goes to somebody who uses it.
//!
//! Each protocol comes with a variant that lacks the step the proof rests on, and must fail.

use super::*;
use crate::sync::{AtomicUsize, Ordering};
use loom::thread;

const WAITS: usize = 0;
/// Somebody has woken it; it runs, should its owner live so long.
const WON: usize = 1;
/// Its owner has ended before anybody woke it.
const DEAD: usize = 2;

/// The word of one wait, as the scheduler has it: won by one, or dead.
#[derive(Clone, Copy)]
struct Mortal(&'static AtomicUsize);

impl Mortal {
    fn new() -> Self {
        Mortal(Box::leak(Box::new(AtomicUsize::new(WAITS))))
    }

    fn becomes(self, fate: usize) -> bool {
        self.0.compare_exchange(WAITS, fate, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is_won(self) -> bool {
        self.0.load(Ordering::Acquire) == WON
    }
}

impl Waits for Mortal {
    type Won = ();

    fn claim(self) -> Option<()> {
        self.becomes(WON).then_some(())
    }
}

/// Mutation: asked under the lock, and won when the list is drained.
#[derive(Clone, Copy)]
struct Asked(Mortal);

impl Waits for Asked {
    type Won = Mortal;

    fn claim(self) -> Option<Mortal> {
        (self.0.0.load(Ordering::Acquire) == WAITS).then_some(self.0)
    }
}

/// The steps of which one can be replaced by a broken one.
struct Steps<W: Waits> {
    waiter: fn(Mortal) -> W,
    /// What is done with those who are handed out.
    wake: fn(W::Won),
    /// What is done for one that was won and never runs.
    forsake: fn(&Side<W>, Place, &Arc<WaiterCount>) -> Option<Ready<W>>,
}

impl<W: Waits> Clone for Steps<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Waits> Copy for Steps<W> {}

const REAL: Steps<Mortal> = Steps { waiter: |mortal| mortal, wake: |()| (), forsake: Side::finish };

impl<W: Waits> Steps<W> {
    fn event(self, side: &Side<W>, count: &Arc<WaiterCount>) {
        let mut ready = Ready::new();
        assert!(side.deliver(Event::Ready, side.generation(), count, &mut ready));
        self.wake_all(ready);
    }

    fn wake_all(self, mut ready: Ready<W>) {
        for woken in ready.drain() {
            match woken {
                Woken::Parked(won) => (self.wake)(won),
                Woken::Task(_) => unreachable!("no tasks in this model"),
            }
        }
    }
}

/// Two wait, and the owner of the first ends while `give` makes an event, or is the end of one that was served before them. Nothing is
/// drained, so the second is to be woken unless the first runs; and here it never does.
fn owner_ends<W: Waits>(steps: Steps<W>, handed_on: bool) {
    loom::model(move || {
        let (side, count) = (Arc::new(Side::new()), Arc::new(WaiterCount::new()));
        side.reopen();
        let wait = |mortal| {
            let mut place = None;
            assert_eq!(side.wait(side.look(), &mut place, (steps.waiter)(mortal), &count), Wait::Park);
            place.expect("it was queued")
        };
        let served = handed_on.then(|| wait(Mortal::new()));
        let (first, second) = (Mortal::new(), Mortal::new());
        let (place, _) = (wait(first), wait(second));
        if handed_on {
            steps.event(&side, &count);
        }
        let giver = thread::spawn({
            let (side, count) = (Arc::clone(&side), Arc::clone(&count));
            move || match served {
                None => steps.event(&side, &count),
                Some(place) => side.finish(place, &count).into_iter().for_each(|ready| steps.wake_all(ready)),
            }
        });
        // Dead, so that nobody wins it any more; or won, and its turn does not come.
        if !first.becomes(DEAD) {
            (steps.forsake)(&side, place, &count).into_iter().for_each(|ready| steps.wake_all(ready));
        }
        giver.join().expect("the giver ends");
        assert!(second.is_won(), "the event died with the first");
        assert_eq!(count.load(), 0);
    });
}

#[test]
fn loom_owner_ends_and_the_next_has_the_event() {
    owner_ends(REAL, false);
}

#[test]
fn loom_owner_ends_and_the_next_has_what_is_handed_on() {
    owner_ends(REAL, true);
}

#[test]
#[should_panic(expected = "the event died with the first")]
fn loom_owner_ends_and_nobody_is_told() {
    owner_ends(Steps { forsake: |_, _, _| None, ..REAL }, false);
}

const ASKED: Steps<Asked> = Steps { waiter: Asked, wake: |mortal| _ = mortal.claim(), forsake: Side::finish };

#[test]
#[should_panic(expected = "the event died with the first")]
fn loom_owner_ends_after_it_was_asked() {
    owner_ends(ASKED, false);
}

#[test]
#[should_panic(expected = "the event died with the first")]
fn loom_owner_ends_after_it_was_asked_by_the_one_before() {
    owner_ends(ASKED, true);
}

/// As the end of the first's runtime does it, and as it must not: only for one that somebody had woken.
type Ends = fn(Mortal, &dyn Fn());

/// The first has had the event, could not use it, and pauses; the second found the direction drained before and has no clock. The first's owner
/// ends, while perhaps another event comes: the second is woken, for the first did not use its event up.
fn owner_of_a_pause_ends(ends: Ends, another: bool) {
    loom::model(move || {
        let (side, count) = (Arc::new(Side::new()), Arc::new(WaiterCount::new()));
        side.reopen();
        let second = Mortal::new();
        let mut place = None;
        for mortal in [Mortal::new(), second] {
            let mut its = None;
            assert_eq!(side.wait(side.look(), &mut its, mortal, &count), Wait::Park);
            place = place.or(its);
        }
        REAL.event(&side, &count);
        let giver = another.then(|| {
            let (side, count) = (Arc::clone(&side), Arc::clone(&count));
            thread::spawn(move || REAL.event(&side, &count))
        });
        let pauses = loop {
            let (seen, mortal) = (side.look(), Mortal::new());
            // Here it fails, for want of a descriptor.
            match side.pause(seen, &mut place, mortal, &count) {
                Wait::Park => break mortal,
                Wait::Retry => {}
                other => panic!("{other:?}"),
            }
        };
        ends(pauses, &|| {
            let next = side.finish(place.expect("it was queued"), &count);
            next.into_iter().for_each(|ready| REAL.wake_all(ready));
        });
        if let Some(giver) = giver {
            giver.join().expect("the giver ends");
        }
        assert!(second.is_won(), "the event died with the first");
        assert_eq!(count.load(), 0);
    });
}

const FORSAKEN: Ends = |mortal, forsake| {
    mortal.becomes(DEAD);
    forsake();
};

#[test]
fn loom_owner_of_a_pause_ends_and_the_next_has_the_event() {
    owner_of_a_pause_ends(FORSAKEN, false);
}

#[test]
fn loom_owner_of_a_pause_ends_as_another_event_comes() {
    owner_of_a_pause_ends(FORSAKEN, true);
}

#[test]
#[should_panic(expected = "the event died with the first")]
fn loom_owner_of_a_pause_ends_and_only_the_woken_are_forsaken() {
    owner_of_a_pause_ends(
        |mortal, forsake| {
            if !mortal.becomes(DEAD) {
                forsake();
            }
        },
        false,
    );
}
