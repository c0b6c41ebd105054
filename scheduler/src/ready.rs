//! A goroutine that waited may run again: where it is queued, and whom that wakes.

use crate::g::G;
use crate::idle::Roused;
use crate::m::{M, current};
use crate::p::P;

/// Queues a goroutine that was made `Runnable` by the caller. Never switches, never waits for a P.
///
/// * At home on an M: only that M may run it. On its own thread it goes to the front of the M's own queue, else into the M's inbox.
/// * Else into the `runnext` of the P at hand, which wakes nobody: the pair stays on one thread, and the monitor sees to it that it does not
///   lie there while a P idles (`push`).
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
        home.inbox.push(g);
        if let Roused::Has(p) = scheduler.idle().after_push(home) {
            scheduler.as_waker(|| home.assign(p, false));
        }
        return;
    }
    push(here, g, |_| ());
}

/// Where `push` has put a goroutine, and so what is to be said of it.
enum Queued {
    /// In the slot: its owner runs it next, or the monitor finds it there.
    Next,
    /// In the ring.
    Behind,
    /// In the ring, which `M::batch` announces when all of them are there.
    InBatch,
}

/// Queues a goroutine that any M may run, from this thread, which is M `here` of its runtime or none: next on the P at hand, and what that
/// kicks out of the slot to the ring's end; without a P into the injector. `count` is told first on which P it is, if on one.
pub(crate) fn push(here: Option<&'static M>, g: &'static G, count: impl Fn(Option<&'static P>)) {
    let scheduler = g.scheduler();
    let queued = here.and_then(|m| {
        m.with_p(|p| {
            count(Some(p));
            // SAFETY: `with_p`: this thread holds the P and is inside.
            let queue = unsafe { p.queue() };
            let behind = if m.batches() { Some(g) } else { queue.push_next(g) };
            let Some(behind) = behind else { return Queued::Next };
            if let Err(batch) = queue.push_back(behind) {
                p.counters.overflows.bump();
                scheduler.injector().push(batch);
            }
            if m.batches() { Queued::InBatch } else { Queued::Behind }
        })
    });
    match queued {
        Some(Queued::Behind) => scheduler.wake_if_wanted(),
        Some(Queued::Next) => scheduler.monitor().look_soon(),
        Some(Queued::InBatch) => {}
        None => {
            count(None);
            scheduler.injector().push_one(g);
            scheduler.wake_if_wanted();
        }
    }
}
