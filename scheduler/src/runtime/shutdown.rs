//! The end of a runtime.
//!
//! 1. Nothing new: the gate is closed (`stopping`); spawns end as abandoned at once, wakers start no more threads.
//! 2. Every parked goroutine is abandoned: its tickets are worth nothing from here on, its joiner is told, its stack stays mapped. What it waits
//!    in is told too: others may wait behind it.
//! 3. Every M is woken. One in its loop ends, unless abandoned goroutines may have borrowed thread-locals of its thread: then it sleeps for
//!    good. One in user code is given a moment, then let go: at its next switching call its goroutine leaves its stack for good, and the
//!    thread ends; a home, and a thread whose goroutine waits in place, sleep for good.
//! 4. What is left in the queues is abandoned; closures that never started are dropped here, on the thread that called `run`.
//! 5. What was ready, in whatever queue, and never had its turn, returns what it was woken with: a value goes back into its channel, a permit to
//!    the next who waits. Not while an M is neither gone nor seen in user code: it might still give one of them its turn.
//! 6. The poller ends: those of other runtimes that wait on its descriptors are told. Where no thread is left, its descriptors are closed.

use super::stackless::end_unstarted;
use super::{Order, Scheduler};
use crate::g::completion::{End, Life};
use crate::g::state::{Abandon, Snapshot, Status};
use crate::g::{G, Joiner, slab};
use crate::m::M;
use crate::p::ring::Ring;
use crate::stack;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

/// Ms in user code are given so long to come to the runtime.
const GRACE: Duration = Duration::from_millis(400);
/// An M inside the runtime needs no longer than this, however loaded the machine.
const PATIENCE: Duration = Duration::from_millis(800);

impl Scheduler {
    /// Main has ended: waits for the others, as long as the configuration says.
    pub(super) fn drain(&self) {
        let drain = self.config.drain;
        if drain.is_zero() {
            return;
        }
        self.draining.store(true, SeqCst);
        let end = Instant::now().checked_add(drain);
        let mut ms = self.ms();
        // The look goes round once in a while: the count is a sum that nobody updates at one instant.
        while self.live() > 0 {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            let turn = left.min(Duration::from_millis(50));
            ms = self.changed.wait_timeout(ms, turn).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the runtime. Called once, by the thread that started it.
    pub(super) fn shut_down(&'static self) {
        self.gate.close();
        self.monitor.stop();
        self.abandon_all();
        let start = Instant::now();
        let (left_ms, at_rest) = self.end_ms(start);
        let left_helpers = self.helpers.stop(start + GRACE);
        self.gate.wait();
        self.abandon_queued(left_ms == 0);
        self.abandon_all();
        if at_rest {
            self.settle_all();
        }
        for p in self.ps() {
            p.timers.clear();
        }
        let mut ready = self.poller().stop();
        crate::poll::wake_ready(&mut ready);
        drop(ready);
        crate::observe::record_end(self, left_ms + left_helpers + self.left_threads.load(Acquire));
        if left_ms + left_helpers == 0 {
            if self.left_threads.load(Acquire) == 0 {
                for p in self.ps() {
                    // SAFETY: no M is left, so nobody holds the P but we.
                    let caches = unsafe { p.caches() };
                    if let Some(warm) = caches.warm.take() {
                        // SAFETY: it is there because its goroutine has ended.
                        stack::give_back(unsafe { warm.into_stack() });
                    }
                    caches.stacks.flush();
                    caches.spare.gs.flush();
                }
            }
            let poller = self.poller.swap(std::ptr::null_mut(), AcqRel);
            // SAFETY: made by Box::into_raw in `start`; the threads that use it have ended or sleep for good, nobody is inside the gate.
            drop(unsafe { Box::from_raw(poller) });
        }
    }

    /// Every goroutine of this runtime that is parked, also in place, and the joiners of those that run or are queued.
    fn abandon_all(&'static self) {
        // Between `stopping` and the look at each goroutine: one that parks meanwhile is seen here or sees it there (`g/state.rs`).
        crate::m::fence::heavy();
        self.alive().into_iter().for_each(M::abandon_in_place);
        // Woken when all are abandoned: a joiner's waker is foreign code, which may look at others of them.
        let mut joiners = Vec::new();
        // Undone then too: what one of them leaves is not to go to another that is abandoned next.
        let mut undone = Vec::new();
        slab::for_each(|g| {
            loop {
                // Both readings first, then whose it is: what is done is done only to that life and that state of the memory.
                let (life, state) = (g.completion.life(), g.state().load());
                if !g.belongs_to(self) {
                    return;
                }
                match g.state().abandon(state) {
                    Abandon::Parked => {
                        // SAFETY: it was parked, and we have made sure that nobody will ever resume it.
                        unsafe { crate::scope::leaves(g) };
                        undone.push(g);
                        return joiners.extend(joiner_of_abandoned(g, life));
                    }
                    Abandon::Running | Abandon::Queued { fresh: false } => {
                        return joiners.extend(joiner_of_abandoned(g, life));
                    }
                    Abandon::Queued { fresh: true } | Abandon::Ended => return,
                    Abandon::Moved => {}
                }
            }
        });
        for g in undone {
            // SAFETY: as above. Nobody frees what is abandoned, so it is still the same goroutine.
            unsafe { undo_wait(g) };
        }
        joiners.into_iter().for_each(Joiner::wake);
    }

    /// Those that were woken and will not run.
    fn settle_all(&'static self) {
        self.at_rest.store(true, Release);
        crate::m::fence::heavy();
        slab::for_each(|g| {
            // As in `abandon_all`. One that is Runnable in this runtime stays so until it is settled.
            let (life, state) = (g.completion.life(), g.state().load());
            if g.belongs_to(self) && g.started() && settle(g, state) {
                tell_joiner(g, life);
            }
        });
    }

    /// By the M that has parked it and finds that it was woken: it may be too late for `settle_all` to see it. The M that would run it, should
    /// there still be one, is not to be got in the way of.
    pub(crate) fn settle_if_at_rest(&self, g: &'static G) {
        let state = g.state().load();
        crate::m::fence::light();
        if self.at_rest.load(Acquire) {
            settle(g, state);
        }
    }

    /// How many Ms had to be let go, and whether all of these are in user code: then each looks whether the runtime ends, and sees it, before
    /// it takes anything out of a queue.
    fn end_ms(&'static self, start: Instant) -> (usize, bool) {
        loop {
            for m in self.idle.drain() {
                m.wake();
            }
            let mut ms = self.ms();
            for m in &ms.alive {
                m.lease.request_preempt();
                m.wake();
            }
            let (ended, alive): (Vec<_>, Vec<_>) =
                std::mem::take(&mut ms.handles).into_iter().partition(|(id, _)| !ms.alive.iter().any(|m| m.id == *id));
            ms.handles = alive;
            let waited = start.elapsed();
            let all_away = ms.alive.iter().all(|m| m.running().is_some());
            let over = ms.alive.is_empty() || waited >= PATIENCE || (all_away && waited >= GRACE);
            if over {
                let left = ms.alive.len();
                ms.handles.clear();
                drop(ms);
                join(ended);
                return (left, all_away);
            }
            let ms = self.changed.wait_timeout(ms, Duration::from_millis(5)).unwrap_or_else(PoisonError::into_inner).0;
            drop(ms);
            join(ended);
        }
    }

    /// What lies in the queues. `alone`: no M is left that could use a P's ring.
    fn abandon_queued(&'static self, alone: bool) {
        let mut queued = self.take_stackless();
        queued.extend(self.monitor.take_orders().into_iter().filter_map(|order| match order {
            Order::Locked(g) => Some(g),
            // Nobody uses it; what lies in its ring is taken below.
            Order::P { .. } => None,
        }));
        // Of those that could not be made to end.
        self.alive().into_iter().for_each(M::pass_arrivals_on);
        while let Some(batch) = self.injector.pop() {
            queued.extend(batch);
        }
        for p in self.ps() {
            if alone || p.m().is_none() {
                // SAFETY: no M holds this P, and none is given one any more.
                queued.extend(unsafe { p.queue() }.drain());
            } else {
                // As a thief, since its M may come back to the runtime at any time.
                let scratch = Ring::new();
                // SAFETY: nobody else knows this ring.
                let mine = unsafe { scratch.owner() };
                while let Some(g) = p.ring.steal_next().or_else(|| p.ring.steal_into(mine)) {
                    queued.push(g);
                    queued.extend(mine.drain());
                }
            }
        }
        for g in queued {
            if g.started() || g.state().load().status() != Status::Fresh {
                // SAFETY: taken from a queue: nobody else has it.
                unsafe { crate::scope::leaves(g) };
                tell_joiner(g, g.completion.life());
            } else {
                end_unstarted(self, g, End::Abandoned);
            }
        }
    }
}

/// Its runtime has ended: its joiner, if there is one, is told, unless it is another goroutine's life by now.
pub(crate) fn tell_joiner(g: &'static G, life: Life) {
    if let Some(joiner) = joiner_of_abandoned(g, life) {
        joiner.wake();
    }
}

fn joiner_of_abandoned(g: &'static G, life: Life) -> Option<Joiner> {
    g.completion.finish_in(life, End::Abandoned)?.waiter
}

/// A goroutine that no M will run again: its scope's caller is told, and if it was woken out of a wait, it returns what it was woken
/// with. Whether this call settled it.
fn settle(g: &'static G, now: Snapshot) -> bool {
    let settled = g.state().settle(now);
    if settled {
        // What was ready on its home, and in no queue of a P, is told here; what was in one, once more.
        // SAFETY: settled by us, so nobody runs it any more.
        unsafe { crate::scope::leaves(g) };
        // SAFETY: settled by us.
        unsafe { undo_wait(g) };
    }
    settled
}

/// Its wait never returns: it is taken out of what it waits in, and returns what it was woken with, if it was. At once where nobody has woken
/// it: the next one may wait only for it to be gone.
///
/// # Safety
/// The caller has settled or abandoned it, so its variables are the caller's, and nobody is on its stack.
pub(crate) unsafe fn undo_wait(g: &'static G) {
    // SAFETY: as the caller says.
    let frame = unsafe { g.frame() };
    // SAFETY: null where it has no stack; else there, and the caller's as before.
    if let Some(undo) = unsafe { frame.as_mut() }.and_then(|frame| frame.undo.take()) {
        // SAFETY: it lies on the goroutine's stack, which stays as it is; its wait never returns.
        let undo = unsafe { undo.as_ref() };
        undo();
    }
}

fn join(handles: Vec<(u32, std::thread::JoinHandle<()>)>) {
    for (_, handle) in handles {
        // The loop aborts the process rather than panic.
        let _ended = handle.join();
    }
}
