//! Goroutines that wait for a stack (or, locked ones, for a thread): limits that run out are ordinary events.

use super::Scheduler;
use crate::g::body::contained;
use crate::g::completion::{End, Finish};
use crate::g::{G, slab};
use crate::injector::Chain;
use crate::limits::clock;
use crate::observe::name_of;
use crate::park::Reason;
use crate::scope::Scope;
use crate::stack::NoStack;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};

/// So long a goroutine waits for a stack before it ends with an error.
const PATIENCE_NS: u64 = 1_000_000_000;
/// So many of those that nobody joins are named on stderr, in one process.
const MOST_REPORTS: usize = 20;

#[derive(Default)]
struct State {
    /// In the order they came, with the time each came first.
    waiting: VecDeque<(&'static G, u64)>,
    /// Taken out, and not queued anywhere yet: counted, so that nobody thinks there are none.
    in_hand: usize,
    why: Option<String>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Stackless {
    state: Mutex<State>,
    count: AtomicUsize,
}

impl Stackless {
    fn publish(&self, state: &State) {
        self.count.store(state.waiting.len() + state.in_hand, Release);
    }

    /// So many that were in hand are queued, or have ended.
    fn queued(&self, many: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_hand -= many;
        self.publish(&state);
    }
}

impl Scheduler {
    /// A goroutine that was taken from a queue and cannot start.
    pub(crate) fn wait_for_stack(&'static self, g: &'static G, why: NoStack) {
        self.wait_for(g, why.to_string());
    }

    pub(super) fn wait_for_thread(&'static self, g: &'static G) {
        self.wait_for(
            g,
            format!(
                "no thread for a locked goroutine: {} of at most {} threads are in use",
                self.threads(),
                self.max_threads()
            ),
        );
    }

    fn wait_for(&'static self, g: &'static G, why: String) {
        let since = if g.since() == 0 { clock::now_ns() } else { g.since() };
        g.note_wait(Reason::Stack, since);
        let mut state = self.stackless.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.why = Some(why);
        state.waiting.push_back((g, since));
        self.stackless.publish(&state);
        drop(state);
        self.monitor().must_look();
    }

    /// A stack is free again: the first who waits may try.
    pub(crate) fn stack_came_back(&'static self) {
        if self.stackless.count.load(Relaxed) > 0 {
            let first = {
                let mut state = self.stackless.state.lock().unwrap_or_else(PoisonError::into_inner);
                let first = state.waiting.pop_front();
                state.in_hand += usize::from(first.is_some());
                self.stackless.publish(&state);
                first
            };
            if let Some((g, _)) = first {
                self.try_again(Chain::one(g));
                self.stackless.queued(1);
            }
        }
    }

    fn try_again(&'static self, chain: Chain<G>) {
        let mut free = Chain::new();
        for g in chain {
            if g.is_locked() { self.start_locked(g) } else { free.push_back(g) }
        }
        if !free.is_empty() {
            self.injector().push(free);
            self.wake_if_wanted();
        }
    }

    pub(crate) fn stackless(&self) -> usize {
        self.stackless.count.load(Acquire)
    }

    pub(crate) fn why_no_stack(&self) -> String {
        let state = self.stackless.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.why.clone().unwrap_or_else(|| "no stack".into())
    }

    /// The monitor's look: ends those whose patience is over, lets one of the others try.
    pub(crate) fn tend_stackless(&'static self, now: u64) {
        let mut over = Vec::new();
        {
            let mut state = self.stackless.state.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some((_, since)) = state.waiting.front()
                && now.saturating_sub(*since) >= PATIENCE_NS
            {
                over.extend(state.waiting.pop_front().map(|(g, _)| g));
            }
            state.in_hand += over.len();
            self.stackless.publish(&state);
        }
        self.stack_came_back();
        if over.is_empty() {
            return;
        }
        // Dropping a closure is user code: not on the monitor's thread.
        let many = over.len();
        let over = Arc::new(Mutex::new(over));
        let those = over.clone();
        let end_all = move || {
            for g in std::mem::take(&mut *those.lock().unwrap_or_else(PoisonError::into_inner)) {
                end_unstarted(self, g, End::NoStack);
            }
        };
        // SAFETY: the job borrows nothing.
        if unsafe { self.helpers().run(self, end_all, None) }.is_err() {
            // Nor is there a thread. Another round.
            let mut state = self.stackless.state.lock().unwrap_or_else(PoisonError::into_inner);
            for g in over.lock().unwrap_or_else(PoisonError::into_inner).drain(..).rev() {
                state.waiting.push_front((g, g.since()));
            }
            drop(state);
        }
        self.stackless.queued(many);
    }

    pub(super) fn take_stackless(&self) -> Vec<&'static G> {
        let mut state = self.stackless.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.stackless.count.store(0, Relaxed);
        state.waiting.drain(..).map(|(g, _)| g).collect()
    }
}

/// Nobody joined it, so nobody else would hear of it: as an unjoined panic it goes to stderr. Not for those of a scope, which says it itself.
/// After some the point is made.
#[cold]
pub(crate) fn report_unstarted(g: &'static G) {
    static REPORTS: AtomicUsize = AtomicUsize::new(0);
    let before = REPORTS.fetch_add(1, Relaxed);
    if before < MOST_REPORTS {
        crate::say::say!(
            "threadle: {} never ran, and nobody joined it: {}. Spawn fewer at once (pool::Pool, sync::Semaphore), or join it and \
             look at JoinError::is_no_stack",
            name_of(Some(g)),
            g.scheduler().why_no_stack()
        );
    } else if before == MOST_REPORTS {
        crate::say::say!("threadle: more goroutines never ran; no more of them are named");
    }
}

/// Ends a goroutine that never ran and is in no queue: its closure is dropped here.
pub(super) fn end_unstarted(scheduler: &Scheduler, g: &'static G, end: End) {
    // From when it is `Done` another may end it as well, and its memory may serve somebody else.
    let life = g.completion.life();
    let _fresh: bool = g.state().run();
    // SAFETY: taken from a queue and not started: its variables are the caller's.
    let dropped = contained(|| unsafe {
        if let Some(table) = (*g.own()).table.take() {
            (table.drop_closure)(&raw mut (*g.own()).room);
        }
    });
    if !dropped {
        crate::say::say!("threadle: the closure of goroutine {}, which never ran, panicked in its Drop", g.id());
    }
    // SAFETY: as above.
    let scope = unsafe { (*g.own()).scope };
    if !scope.is_null() {
        if end == End::NoStack {
            // SAFETY: its scope waits for this very call; the closure is gone, and there is no result.
            unsafe { Scope::never_ran(scope) };
        } else {
            // The runtime has ended: a scope does not return when one of its goroutines was abandoned.
            // SAFETY: as above, and nobody counts it down.
            unsafe { crate::scope::leaves(g) };
        }
    }
    g.clear_home();
    g.state().finish();
    scheduler.count_finished(1);
    if let Some(Finish { waiter, release }) = g.completion.finish_in(life, end) {
        if release {
            if end == End::NoStack && scope.is_null() {
                report_unstarted(g);
            }
            slab::give_back(g);
        }
        if let Some(joiner) = waiter {
            joiner.wake();
        }
    }
    scheduler.goroutine_ended();
}
