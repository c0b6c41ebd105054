//! Making a goroutine, and asking how it ended.

use crate::g::body::{self, Outcome};
use crate::g::completion::{Detach, End};
use crate::g::state::Status;
use crate::g::{G, Joiner, SpawnOptions, slab};
use crate::m::{M, current};
use crate::p::P;
use crate::park::{Parking, Reason, Ticket};
use crate::ready;
use crate::runtime::Scheduler;
use crate::scope::Scope;
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::task::{Context, Poll};

/// How a goroutine ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// It returned this.
    Returned(T),
    /// It panicked with this.
    Panicked(Box<dyn Any + Send>),
    /// Its runtime ended before it did.
    Abandoned,
    /// No stack could be had for it; it never ran. The text names the limit.
    NoStack(String),
}

/// The right to learn how a goroutine ended. Dropping it lets the goroutine go on by itself.
pub struct Join<T> {
    /// None once the outcome was taken.
    g: Option<&'static G>,
    /// With [`POLLED_READY`] in its highest bit. Two words in all, as handles are kept by the million.
    id: u64,
    _result: PhantomData<T>,
}

/// No runtime gives out so many ids.
const POLLED_READY: u64 = 1 << 63;

// SAFETY: the result is given out once, to whoever owns the handle; it is Send as `spawn` demands of T.
unsafe impl<T: Send> Send for Join<T> {}
// SAFETY: a shared handle only reads atomics.
unsafe impl<T: Send> Sync for Join<T> {}

/// Starts a goroutine of the runtime the caller works for. Does not switch.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn spawn<F, T>(options: &SpawnOptions, f: F) -> Join<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let here = current::m();
    let scheduler = here.map_or_else(|| crate::runtime::current_or_panic("a goroutine"), M::scheduler);
    // SAFETY: closure and result are 'static, and there is no scope.
    unsafe { spawn_from(here, scheduler, options, ptr::null(), f) }
}

/// Starts a goroutine whose closure and result may borrow, and which `scope` counts. Does not switch.
///
/// # Safety
/// The caller lets nothing end that `F` or `T` borrows, nor `scope` itself, on any way out, before [`Scope::wait`] has returned; `T` may be
/// used up by its handle meanwhile. How the goroutine ended, as its handle tells, does not count: where its runtime has ended it may run on.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub unsafe fn spawn_scoped<F, T>(options: &SpawnOptions, scope: &Scope, f: F) -> Join<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let scheduler = crate::runtime::current_or_panic("a goroutine");
    // SAFETY: as demanded of our caller, and the scope counts it.
    unsafe { spawn_on(scheduler, options, scope, f) }
}

/// # Safety
/// What `F` and `T` borrow outlasts the goroutine; or there is a `scope`, and the promise of [`spawn_scoped`].
pub(crate) unsafe fn spawn_on<F, T>(
    scheduler: &'static Scheduler,
    options: &SpawnOptions,
    scope: *const Scope,
    f: F,
) -> Join<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let here = current::m().filter(|m| ptr::eq(m.scheduler(), scheduler));
    // SAFETY: as demanded of our caller.
    unsafe { spawn_from(here, scheduler, options, scope, f) }
}

/// As `spawn_on`; the calling thread is M `here` of that runtime, or none of its Ms.
///
/// # Safety
/// That of `spawn_on`.
unsafe fn spawn_from<F, T>(
    here: Option<&'static M>,
    scheduler: &'static Scheduler,
    options: &SpawnOptions,
    scope: *const Scope,
    f: F,
) -> Join<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if scheduler.stopping() {
        // SAFETY: null, or the caller's scope.
        let id = unsafe { refuse(scheduler, options, scope, f) };
        return Join { g: None, id, _result: PhantomData };
    }
    let fill = |g: &'static G, id: u64| {
        g.set_up(scheduler, id, options);
        // SAFETY: the memory was just taken from the slab and is ours; in the room of free memory lies nothing that has a Drop. The caller
        // vouches for the lifetimes.
        unsafe {
            let own = &mut *g.own();
            own.table = Some(body::store(&raw mut own.room, f));
            own.scope = scope;
            // From here to the queue nothing panics: one that was counted and then not started would be waited for for ever.
            if let Some(scope) = scope.as_ref() {
                scope.add();
            }
        }
    };
    let inside = match here.and_then(M::step_in) {
        None => here.filter(|m| m.takes_p_to_spawn()).and_then(M::step_in),
        inside => inside,
    };
    // Asked in any case: what it spawns after this one serves another.
    let serves = here.is_some_and(M::has_accepted);
    let (g, id) = match inside {
        Some(inside) if !options.locked => {
            let (g, id) = take_from(inside.p, scheduler);
            fill(g, id);
            inside.p.counters.spawned.bump();
            match if serves { inside.m.home_for_connection() } else { None } {
                None => {
                    let queued = ready::push_here(&inside, g);
                    drop(inside);
                    queued.announce(scheduler);
                }
                Some(home) => {
                    drop(inside);
                    home.place(g);
                }
            }
            (g, id)
        }
        inside => {
            let (g, id) = match (&inside, here) {
                (Some(inside), _) => take_from(inside.p, scheduler),
                (None, Some(m)) => m.take_spare(),
                (None, None) => (slab::take(), scheduler.next_id()),
            };
            drop(inside);
            fill(g, id);
            scheduler.count_spawned();
            if options.locked {
                scheduler.start_locked(g)
            } else {
                ready::push_away(scheduler, g)
            }
            (g, id)
        }
    };
    if scheduler.stopping() {
        // The shutdown may have looked through the queues before it came there; the handle still keeps the memory ours to write.
        let _waiter = g.completion.finish(End::Abandoned);
    }
    Join { g: Some(g), id, _result: PhantomData }
}

/// The runtime has ended: as if it had been queued a moment earlier, and abandoned.
///
/// # Safety
/// The scope is null, or that of a caller who waits for it.
#[cold]
unsafe fn refuse<F>(scheduler: &'static Scheduler, options: &SpawnOptions, scope: *const Scope, f: F) -> u64 {
    drop(f);
    let id = scheduler.next_id();
    // SAFETY: null, or the caller's scope.
    if let Some(counts) = unsafe { scope.as_ref() } {
        // Never over.
        counts.add();
        // SAFETY: it was counted, and nobody counts it down.
        unsafe { Scope::abandoned(scope, scheduler, || format!("goroutine {id}, spawned at {},", options.spawned_at)) };
    }
    id
}

fn take_from(p: &'static P, scheduler: &'static Scheduler) -> (&'static G, u64) {
    // SAFETY: the caller holds the P and is inside; no other reference to the caches is alive.
    unsafe { p.caches() }.spare.take(scheduler)
}

impl<T> Join<T> {
    /// The goroutine's number.
    pub fn id(&self) -> u64 {
        self.id & !POLLED_READY
    }

    /// Whether [`poll`](Join::poll) has answered `Ready`. Does not switch.
    pub fn was_polled_ready(&self) -> bool {
        self.id & POLLED_READY != 0
    }

    /// Whether it has ended. Does not switch.
    pub fn is_finished(&self) -> bool {
        self.g.is_none_or(|g| g.completion.end().is_some())
    }

    /// Waits for its end. **Switches**; also callable from plain threads, and after its runtime has ended.
    #[track_caller]
    pub fn wait(mut self) -> Ended<T> {
        if let Some(g) = self.g {
            while g.completion.end().is_none() {
                let parking = Parking::open(Reason::Join);
                if g.completion.wait(Joiner::Parked(parking.ticket())) {
                    parking.wait();
                } else {
                    drop(parking);
                    std::hint::spin_loop();
                }
            }
        }
        self.take()
    }

    /// Has `ticket` woken at its end, in place of whom was to be before. `false`: it has ended, or is about to
    /// ([`is_finished`](Join::is_finished) is to be asked again), and nobody wakes the ticket. Does not switch.
    pub fn on_end(&mut self, ticket: Ticket) -> bool {
        self.g.is_some_and(|g| g.completion.wait(Joiner::Parked(ticket)))
    }

    /// As [`wait`](Join::wait), for a goroutine of this scope: its failure, if it was one, is not the scope's any more. Where their runtime
    /// ends first, it never returns, as the scope does not.
    #[track_caller]
    pub fn wait_scoped(self, scope: &Scope) -> Ended<T> {
        let ended = self.wait();
        match &ended {
            Ended::Returned(_) => {}
            Ended::Panicked(_) => scope.panic_was_taken(),
            Ended::NoStack(_) => scope.never_ran_was_taken(),
            Ended::Abandoned => crate::scope::never_return(),
        }
        ended
    }

    /// Asks for its end as a future does. Does not switch, never blocks. After it has answered `Ready` there is no outcome any more.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended<T>> {
        if let Some(g) = self.g {
            if g.completion.end().is_none() && g.completion.wait(Joiner::Task(context.waker().clone())) {
                return Poll::Pending;
            }
            while g.completion.end().is_none() {
                // The finisher is between two instructions.
                std::hint::spin_loop();
            }
        }
        self.id |= POLLED_READY;
        Poll::Ready(self.take())
    }

    /// It has ended.
    fn take(&mut self) -> Ended<T> {
        let Some(g) = self.g.take() else { return Ended::Abandoned };
        let end = match g.completion.end() {
            Some(end) => end,
            None => unreachable!("{g:?} is taken before its end"),
        };
        let ended = match end {
            End::Returned => {
                // SAFETY: it has ended after its last switch and this is its one handle: its variables are ours.
                match unsafe { take_result::<T>(g) } {
                    Outcome::Ok(value) => Ended::Returned(value),
                    Outcome::Err(panic) => Ended::Panicked(panic),
                }
            }
            // Its stack, if it has one, stays as it is; so does what lies in a queue of a runtime that has ended.
            End::Abandoned if left_behind(g) => return Ended::Abandoned,
            End::Abandoned => Ended::Abandoned,
            End::NoStack => Ended::NoStack(g.scheduler().why_no_stack()),
        };
        if g.completion.detached() {
            free(g);
        }
        ended
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let Some(g) = self.g.take() else { return };
        match g.completion.detach() {
            Detach::Running => {}
            Detach::Release => {
                // SAFETY: it has ended and this is its one handle: nobody writes the field.
                if g.completion.end() == Some(End::NoStack) && unsafe { (*g.own()).scope }.is_null() {
                    crate::runtime::report_unstarted(g);
                }
                if !(g.completion.abandoned() && left_behind(g)) && g.completion.detached() {
                    free(g);
                }
            }
            Detach::DropResult => {
                // SAFETY: the result is there, its goroutine touches it no more, and this is its one handle.
                let outcome = unsafe { take_result::<T>(g) };
                if g.completion.detached_unasked(|| left_behind(g)) {
                    free(g);
                }
                drop(outcome);
            }
        }
    }
}

/// Its memory is the caller's, who has joined it or dropped its handle: to the P at hand, if there is one, rather than to the slab, whose lock
/// all threads share.
fn free(g: &'static G) {
    match current::m().and_then(M::step_in) {
        // SAFETY: this thread holds the P and is inside. Who drops a handle in the M's own loop, as a waker may, is called with no reference to
        // the caches alive.
        Some(inside) => unsafe { inside.p.caches() }.spare.gs.give_back(g),
        None => slab::give_back(g),
    }
}

/// An abandoned goroutine whose memory is not to be used again: it has a stack, or nobody dropped its closure.
fn left_behind(g: &G) -> bool {
    g.started() || g.state().load().status() != Status::Done
}

/// # Safety
/// The goroutine was spawned with a closure that returns `T`, its result is there and is taken this once, by its one handle.
unsafe fn take_result<T>(g: &'static G) -> Outcome<T> {
    // SAFETY: of a goroutine whose result is there, table and room belong to the handle; the M that ends it touches the other fields only,
    // so no reference to the whole is made.
    unsafe {
        let own = g.own();
        match (*own).table.take() {
            Some(table) => body::take::<T>(&raw mut (*own).room, table),
            None => unreachable!("{g:?} has no body"),
        }
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("id", &self.id()).field("finished", &self.is_finished()).finish()
    }
}
