//! How one of several arms is chosen. See the essay in [`super`].

use std::time::{Duration, Instant};

use super::arm::{Aim, Arm, Enlisted, Left, Patience};
use super::random::Random;
use crate::base::{Parking, Reason, checkpoint, faulty};

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
#[track_caller]
pub fn select(arms: &mut [(&dyn Arm, usize)], manner: Manner) -> Option<usize> {
    choose(arms, manner)
}

/// Completes one of the operations and says which. `None`: none was ready, or none in time.
///
/// Switches, unless it does not wait.
#[track_caller]
pub(super) fn choose<E: Entry>(arms: &mut [E], manner: Manner) -> Option<usize> {
    manner.heed();
    loop {
        // Nothing of ours is queued, so nobody can choose for us: what is ready can simply be done.
        if let Some(chosen) = first(arms, manner, |arm| arm.attempt(manner.waits)) {
            return Some(chosen);
        }
        let patience = manner.waits?;
        if is_over(patience) {
            return None;
        }
        // `None`: an arm was ready before we were queued everywhere, or is due now, or the time is over.
        if let Some((entry, left)) = wait(arms, patience, Aim::Complete)
            // A promise that is withdrawn leaves us where we began.
            && (left == Left::Chosen || entry.arm().settle(patience))
        {
            return Some(entry.number());
        }
    }
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
    let parking = Parking::open(Reason::Select);
    let mut queued = Queued { arms, count: 0 };
    let mut earliest = patience;
    for entry in arms {
        // SAFETY: the arms are borrowed beyond this function, which leaves no list entered, also when it unwinds: see `Queued`.
        match unsafe { entry.arm().enlist(parking.ticket(), aim) } {
            Enlisted::Ready => {
                // It may be too late: then somebody has chosen for us.
                parking.close();
                return queued.leave();
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
    // SAFETY: the arms are reached under their channels' locks, or belong to this frame, in whose place it is called.
    unsafe { parking.wait_until_or(earliest, &|| queued.undo()) };
    queued.leave()
}

/// The arms that are in the lists of their channels: the first `count`.
struct Queued<'a, E: Entry> {
    arms: &'a [E],
    count: usize,
}

impl<'a, E: Entry> Queued<'a, E> {
    /// Takes all of them out. Only now is their park certainly over for everybody, and at most one has been chosen.
    fn leave(&mut self) -> Option<(&'a E, Left)> {
        let arms = &self.arms[..std::mem::take(&mut self.count)];
        let mut chosen = None;
        for entry in arms {
            match entry.arm().leave() {
                Left::Empty => {}
                left => chosen = Some((entry, left)),
            }
        }
        chosen
    }
}

impl<E: Entry> Queued<'_, E> {
    /// The select never goes on: as `leave`, and what the chosen arm was given goes to the next.
    #[cold]
    fn undo(&self) {
        if !faulty!(NothingIsPassedOn) {
            self.arms[..self.count].iter().for_each(|entry| entry.arm().undo());
        }
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
