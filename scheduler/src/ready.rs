//! A goroutine that waited may run again: where it is queued, and whom that wakes.

use crate::g::G;
use crate::idle::Roused;
use crate::m::{Inside, M, current};
use crate::runtime::Scheduler;

/// Queues a goroutine that was made `Runnable` by the caller. Never switches, never waits for a P.
///
/// * At home on an M: only that M may run it. On its own thread it goes to the front of the M's own queue, else into the M's inbox.
/// * Else into the `runnext` of the P at hand, which wakes nobody: the pair stays on one thread, and the monitor sees to it that it does not
///   lie there while a P idles (`Queued`).
pub(crate) fn ready(g: &'static G) {
    let scheduler = g.scheduler();
    let here = current::m().filter(|m| g.belongs_to(m.scheduler()));
    if let Some(m) = here {
        m.harass();
    }
    if let Some(home) = g.home() {
        if here.is_some_and(|m| std::ptr::eq(m, home)) {
            return home.push_own(g);
        }
        return push_to_inbox(home, g);
    }
    match here.and_then(M::step_in) {
        Some(inside) => {
            let queued = push_here(&inside, g);
            drop(inside);
            queued.announce(scheduler);
        }
        None => push_away(scheduler, g),
    }
}

#[inline(never)]
fn push_to_inbox(home: &'static M, g: &'static G) {
    let scheduler = g.scheduler();
    home.inbox.push(g);
    if let Roused::Has(p) = scheduler.idle().after_push(home) {
        scheduler.as_waker(|| home.assign(p, false));
    }
}

/// Where a goroutine was put, and so what is to be said of it.
#[must_use = "nobody may know that it is there"]
#[derive(Clone, Copy)]
pub(crate) enum Queued {
    /// In the slot: its owner runs it next, or the monitor finds it there.
    Next,
    /// In the ring.
    Behind,
    /// In the ring, which `M::batch` announces when all of them are there.
    InBatch,
}

impl Queued {
    /// Wakes whom it needs; out of the runtime again, since this may take its time.
    #[inline]
    pub(crate) fn announce(self, scheduler: &'static Scheduler) {
        match self {
            Queued::Next => scheduler.monitor().slot_is_filled(),
            Queued::Behind => scheduler.wake_if_wanted(),
            Queued::InBatch => {}
        }
    }
}

/// Queues a goroutine that any M may run on the P at hand: next, and what that kicks out of the slot at the ring's end.
#[inline]
pub(crate) fn push_here(inside: &Inside, g: &'static G) -> Queued {
    let Inside { m, p, .. } = *inside;
    // SAFETY: this thread holds the P and is inside.
    let queue = unsafe { p.queue() };
    let overflow = |batch| {
        p.counters.overflows.bump();
        m.scheduler().injector().push(batch);
    };
    if m.batches() {
        let moved = queue.push_promised(g);
        if !moved.is_empty() {
            overflow(moved);
        }
        return Queued::InBatch;
    }
    let Some(behind) = queue.push_next(g) else { return Queued::Next };
    if let Err(batch) = queue.push_back(behind) {
        overflow(batch);
    }
    Queued::Behind
}

/// Queues a goroutine that any M may run, from a thread that has no P of its runtime.
pub(crate) fn push_away(scheduler: &'static Scheduler, g: &'static G) {
    scheduler.injector().gather(g);
    scheduler.wake_if_wanted();
}
