//! How one of several arms is chosen. See the essay in [`super`].

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::arm::{Aim, Arm, Enlisted, Left, Patience};
use super::random::Random;
use crate::base::{Leaving, Parking, Reason, checkpoint, faulty};

/// How long to wait, and in which order to look.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// `None`: not at all.
    pub(super) waits: Option<Patience>,
    /// The first of the arms that are ready wins, instead of a random one.
    pub(super) biased: bool,
}

impl Manner {
    /// Without a deadline.
    pub fn waiting(biased: bool) -> Self {
        Manner { waits: Some(None), biased }
    }

    /// So long at most. A time-out beyond what the clock can count is none.
    pub fn waiting_for(biased: bool, timeout: Duration) -> Self {
        Manner { waits: Some(crate::base::now().checked_add(timeout)), biased }
    }

    /// Until then at most.
    pub(super) fn waiting_until(biased: bool, deadline: Instant) -> Self {
        Manner { waits: Some(Some(deadline)), biased }
    }

    /// Not at all.
    pub fn trying(biased: bool) -> Self {
        Manner { waits: None, biased }
    }

    /// What waits heeds the end of its slice, even if it need not wait. Not after an arm was chosen: a receiver may be waiting for its value.
    fn heed(self) {
        if self.waits.is_some() {
            checkpoint();
        }
    }
}

/// An arm, and the number it is known by.
pub(super) trait Entry {
    /// The arm.
    fn arm(&self) -> &dyn Arm;
    /// Its number.
    fn number(&self) -> usize;
}

impl Entry for (&dyn Arm, usize) {
    fn arm(&self) -> &dyn Arm {
        self.0
    }

    fn number(&self) -> usize {
        self.1
    }
}

/// A select without arms. Switches.
#[track_caller]
pub fn for_ever() -> ! {
    loop {
        Parking::open(Reason::Select).wait();
    }
}

/// As `choose`, of arms that are all borrowed.
#[inline(always)]
#[track_caller]
pub fn select(arms: &mut [(&dyn Arm, usize)], manner: Manner) -> Option<usize> {
    choose(arms, manner)
}

/// Completes one of the operations and says which. `None`: none was ready, or none in time.
///
/// Switches, unless it does not wait. Always inlined: it is no more than the switch, between calls of what comes before and after it
/// (docs/decisions/0026).
#[inline(always)]
#[track_caller]
pub(super) fn choose<E: Entry>(arms: &mut [E], manner: Manner) -> Option<usize> {
    loop {
        // All of them, once they are.
        let queued = Cell::new(&[][..]);
        let undo = || undo(queued.get());
        match begin(arms, manner, &queued, &undo) {
            Begun::Over(chosen) => return chosen,
            Begun::Leaves(leaving) => leaving.leave(),
            Begun::Waited => {}
        }
        // Else an arm was ready before all were queued, or is due now, or the time is over, or a promise was withdrawn.
        if let Some(number) = end(queued.get(), manner) {
            return Some(number);
        }
    }
}

/// What came of the part before the switch.
enum Begun {
    Over(Option<usize>),
    /// All are queued, and nothing but a claim ends the wait.
    Leaves(Leaving),
    /// The wait is over.
    Waited,
}

#[inline(never)]
#[track_caller]
fn begin<'a, E: Entry>(arms: &'a mut [E], manner: Manner, queued: &Cell<&'a [E]>, undo: &dyn Fn()) -> Begun {
    manner.heed();
    // Nothing of ours is queued, so nobody can choose for us: what is ready can simply be done.
    if let Some(chosen) = first(arms, manner, |arm| arm.attempt(manner.waits)) {
        return Begun::Over(Some(chosen));
    }
    let Some(patience) = manner.waits else { return Begun::Over(None) };
    if is_over(patience) {
        return Begun::Over(None);
    }
    let arms = &*arms;
    match enlist(arms, patience, Aim::Complete) {
        Enlistment::Broken(None) => Begun::Waited,
        Enlistment::Broken(Some((entry, left))) => match taken(entry, left, patience) {
            Some(number) => Begun::Over(Some(number)),
            None => Begun::Waited,
        },
        Enlistment::Whole(parking, until) => {
            queued.set(arms);
            if until.is_some() {
                // SAFETY: the arms are reached under their channels' locks, or belong to the frame of `choose`, in whose place it is called.
                unsafe { parking.wait_until_or(until, undo) };
                return Begun::Waited;
            }
            // SAFETY: as above, and `choose` leaves.
            unsafe { parking.up_to_the_switch(undo) }.map_or(Begun::Waited, Begun::Leaves)
        }
    }
}

#[inline(never)]
#[track_caller]
fn end<E: Entry>(queued: &[E], manner: Manner) -> Option<usize> {
    let (entry, left) = leave(queued)?;
    taken(entry, left, manner.waits?)
}

/// The number of an arm that was chosen, unless it was promised a value and the promise is withdrawn: then all is as it was at the beginning.
#[track_caller]
fn taken<E: Entry>(entry: &E, left: Left, patience: Patience) -> Option<usize> {
    (left == Left::Chosen || entry.arm().settle(patience)).then(|| entry.number())
}

/// Waits until one of the operations could be done, and says which. `None`: none could, or none in time.
///
/// Switches, unless it does not wait.
#[track_caller]
pub(super) fn ready<E: Entry>(arms: &mut [E], manner: Manner) -> Option<usize> {
    manner.heed();
    loop {
        if let Some(ready) = first(arms, manner, |arm| arm.is_ready()) {
            return Some(ready);
        }
        let patience = manner.waits?;
        if is_over(patience) {
            return None;
        }
        // What has changed is seen by looking again.
        wait(arms, patience, Aim::Watch);
    }
}

fn is_over(patience: Patience) -> bool {
    patience.is_some_and(|deadline| deadline <= crate::base::now())
}

/// The number of the first arm that `is_it`, in a random order (Fisher and Yates, as far as it is needed).
fn first<E: Entry>(arms: &mut [E], manner: Manner, is_it: impl Fn(&dyn Arm) -> bool) -> Option<usize> {
    let mut random = Random::new();
    for i in 0..arms.len() {
        if !manner.biased {
            arms.swap(i, i + random.below(arms.len() - i));
        }
        let entry = &arms[i];
        if is_it(entry.arm()) {
            return Some(entry.number());
        }
    }
    None
}

/// Queues every arm, waits, and leaves. The arm that was chosen, if one was.
#[track_caller]
fn wait<E: Entry>(arms: &[E], patience: Patience, aim: Aim) -> Option<(&E, Left)> {
    match enlist(arms, patience, aim) {
        Enlistment::Broken(chosen) => chosen,
        Enlistment::Whole(parking, until) => {
            // SAFETY: the arms are reached under their channels' locks, or belong to a frame further out, in whose place it is called.
            unsafe { parking.wait_until_or(until, &|| undo(arms)) };
            leave(arms)
        }
    }
}

/// What came of queueing all arms.
enum Enlistment<'a, E> {
    /// One could be done at once, so none is queued any more. It may have been too late: somebody has chosen this one.
    Broken(Option<(&'a E, Left)>),
    /// Until when to wait.
    Whole(Parking, Patience),
}

#[inline]
#[track_caller]
fn enlist<E: Entry>(arms: &[E], patience: Patience, aim: Aim) -> Enlistment<'_, E> {
    let parking = Parking::open(Reason::Select);
    let mut queued = Queued { arms, count: 0 };
    let mut earliest = patience;
    for entry in arms {
        // SAFETY: the arms are borrowed beyond this function. It leaves either no list entered, also when it unwinds (see `Queued`), or all:
        // then its callers leave them when the wait is over.
        match unsafe { entry.arm().enlist(parking.ticket(), aim) } {
            Enlisted::Ready => {
                parking.close();
                return Enlistment::Broken(queued.leave());
            }
            Enlisted::Until(due) => {
                queued.count += 1;
                earliest = match (earliest, due) {
                    (Some(earliest), Some(due)) => Some(earliest.min(due)),
                    (earliest, due) => earliest.or(due),
                };
            }
        }
    }
    std::mem::forget(queued);
    Enlistment::Whole(parking, earliest)
}

/// Takes the arms out of their channels' lists. Only now is their park certainly over for everybody, and at most one has been chosen.
fn leave<E: Entry>(arms: &[E]) -> Option<(&E, Left)> {
    let mut chosen = None;
    for entry in arms {
        match entry.arm().leave() {
            Left::Empty => {}
            left => chosen = Some((entry, left)),
        }
    }
    chosen
}

/// The select never goes on: as `leave`, and what the chosen arm was given goes to the next.
#[cold]
fn undo<E: Entry>(arms: &[E]) {
    if !faulty!(NothingIsPassedOn) {
        arms.iter().for_each(|entry| entry.arm().undo());
    }
}

/// While they are being queued: the first `count`.
struct Queued<'a, E: Entry> {
    arms: &'a [E],
    count: usize,
}

impl<'a, E: Entry> Queued<'a, E> {
    fn leave(&mut self) -> Option<(&'a E, Left)> {
        leave(&self.arms[..std::mem::take(&mut self.count)])
    }
}

impl<E: Entry> Drop for Queued<'_, E> {
    fn drop(&mut self) {
        #[cfg(loom)]
        if crate::base::fault::failed() {
            return;
        }
        // Nothing is left to do, unless this unwinds.
        self.leave();
    }
}
