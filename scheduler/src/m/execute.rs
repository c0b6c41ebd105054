//! One goroutine's turn: from the queue onto its stack, and what is to be done when it has left the stack.

use super::M;
use crate::g::body::{Left, contained};
use crate::g::completion::Finish;
use crate::g::context::{self, Command, Context, Switch};
use crate::g::state::{Abandon, CommitPark};
use crate::g::{G, slab};
use crate::limits::clock;
use crate::m::current;
use crate::p::Caches;
use crate::runtime::MAIN;
use crate::runtime::Mode;
use crate::scope::Scope;
use crate::stack::{self, Stack};

impl M {
    /// Runs a goroutine that was taken from a queue until it leaves its stack. Afterwards the M may have no P.
    #[inline]
    pub(super) fn execute(&'static self, g: &'static G) {
        let inherits_slice = self.own().inherits_slice.replace(false);
        if !g.started() && !self.start(g) {
            return;
        }
        let p = self.p();
        let _fresh: bool = g.state().run();
        if !inherits_slice {
            p.tick.store(
                p.tick.load(std::sync::atomic::Ordering::Relaxed).wrapping_add(1),
                std::sync::atomic::Ordering::Relaxed,
            );
            if self.lease.preempt_requested() {
                self.lease.clear_preempt();
            }
        }
        p.counters.runs.bump();
        self.note_ready_behind();
        self.set_running(Some(g));
        loop {
            self.lease.exit();
            // SAFETY: taken from a queue, the goroutine is this M's, which lends it its stack, and it has one, as it is started. Nothing here
            // holds a reference into `own` or the frame while it runs, but to the coroutine, which it does not touch.
            let command = unsafe { context::resume(g.frame(), g) };
            if current::forked() && current::m().is_none() {
                child_came_back();
            }
            // The thread is back on its own stack; the goroutine's is quiet.
            if command == Command::Park {
                // SAFETY: off its stack and not committed: its variables are this M's.
                let epoch = unsafe { (*g.frame()).parks };
                // The P is still ours or lost; either way these are ours to write until the commit.
                // Without a P nobody keeps the monitor from sleeping for long, whose looks tell the time else.
                let inside = self.lease.inside();
                g.note_since(if inside { self.scheduler().monitor().about_now_ns() } else { clock::coarse_ns() });
                if g.state().commit_park(epoch) == CommitPark::AlreadyWoken {
                    if self.lease.inside() {
                        continue;
                    }
                    self.set_running(None);
                    g.state().requeue();
                    self.queue_without_p(g);
                    self.scheduler().settle_if_at_rest(g);
                    return;
                }
                self.set_running(None);
                if self.scheduler().stopping() {
                    // The shutdown may have passed it by while it ran; nobody shall be able to wake it.
                    let life = g.completion.life();
                    match g.state().abandon_park(epoch) {
                        // Nobody frees what is abandoned, so it is still this goroutine.
                        Abandon::Parked => {
                            // SAFETY: this M has just parked it, for good.
                            unsafe {
                                crate::scope::leaves(g);
                                crate::runtime::undo_wait(g);
                            }
                            crate::runtime::tell_joiner(g, life);
                        }
                        // Somebody woke it first.
                        _ => self.scheduler().settle_if_at_rest(g),
                    }
                }
                if self.lease.inside() {
                    self.p().counters.parks.bump();
                } else {
                    self.scheduler().came_to_rest();
                }
                return;
            }
            self.set_running(None);
            return match command {
                Command::Exit => self.finish(g),
                Command::Yield | Command::Preempted => self.requeue(g, command == Command::Preempted),
                Command::Park => unreachable!("handled above"),
            };
        }
    }

    /// Gives a fresh goroutine its stack and, in bound mode, its home. False: there is no stack, it waits for one.
    fn start(&'static self, g: &'static G) -> bool {
        let scheduler = self.scheduler();
        // SAFETY: this M holds the P and is inside; no other reference to the caches is alive.
        let caches = unsafe { self.p().caches() };
        let usual = g.stack_size() == scheduler.config().stack_size;
        let context = match caches.warm.take_if(|_| usual) {
            Some(warm) => warm,
            None => {
                let taken = if usual { caches.stacks.take() } else { stack::take(g.stack_size()) };
                match taken {
                    Ok(stack) => Context::new(stack, body),
                    Err(why) => {
                        scheduler.wait_for_stack(g, why);
                        return false;
                    }
                }
            }
        };
        context.set_owner(g);
        // SAFETY: taken from a queue and not started: its variables are this M's.
        unsafe { (*g.own()).context = Some(context) };
        if scheduler.mode() == Mode::Bound && !g.is_locked() {
            g.set_home(self);
            self.count_owned(1);
        }
        g.mark_started();
        true
    }

    /// It gave way.
    fn requeue(&'static self, g: &'static G, preempted: bool) {
        if self.scheduler().stopping() {
            // SAFETY: it is off its stack and not queued yet; no M takes anything from a queue any more.
            unsafe { crate::scope::leaves(g) };
        }
        g.state().requeue();
        if !self.lease.inside() {
            return self.queue_without_p(g);
        }
        let p = self.p();
        if preempted {
            p.counters.preempted.bump();
            self.own().give_way.set(true);
        } else {
            p.counters.yields.bump();
        }
        if g.home().is_some() {
            self.own().ready.borrow_mut().push_back(g);
        } else if preempted {
            self.scheduler().injector().push_one(g);
            self.scheduler().wake_if_wanted();
        } else {
            // SAFETY: the loop holds its P and is inside.
            let queue = unsafe { p.queue() };
            if let Err(batch) = queue.push_back(g) {
                p.counters.overflows.bump();
                self.scheduler().injector().push(batch);
                self.scheduler().wake_if_wanted();
            }
        }
    }

    /// It is ready, and its P was taken while it ran.
    fn queue_without_p(&'static self, g: &'static G) {
        if g.home().is_some() {
            self.own().ready.borrow_mut().push_back(g);
        } else {
            self.scheduler().injector().push_one(g);
            self.scheduler().wake_if_wanted();
        }
    }

    fn give_stack_back(stack: Stack, caches: Option<&mut Caches>) {
        match caches {
            Some(caches) => caches.stacks.give_back(stack),
            None => stack::give_back(stack),
        }
    }

    /// It has ended: its stack, its joiner, its memory.
    fn finish(&'static self, g: &'static G) {
        let scheduler = self.scheduler();
        // SAFETY: it has ended and its memory is not free yet; the handle may be at its table and room already, so only this field is
        // touched.
        let context = unsafe { (*g.own()).context.take() };
        let inside = self.lease.inside();
        if let Some(context) = context {
            let usual = g.stack_size() == scheduler.config().stack_size;
            // SAFETY: this M holds the P and is inside; no other reference to the caches is alive.
            match if inside { Some(unsafe { self.p().caches() }) } else { None } {
                Some(caches) if usual && caches.warm.is_none() && context.is_reusable() => caches.warm = Some(context),
                // SAFETY: its goroutine has ended.
                caches => M::give_stack_back(unsafe { context.into_stack() }, caches),
            }
            scheduler.stack_came_back();
        }
        if g.home().is_some() {
            self.count_owned(-1);
            g.clear_home();
        }
        g.state().finish();
        if g.id() == MAIN {
            scheduler.quiet_state().clock.stop();
        }
        if inside {
            self.p().counters.finished.bump();
        } else {
            scheduler.count_finished(1);
            scheduler.came_to_rest();
        }
        // From here on a joiner may free the memory: it is touched only where nobody joins.
        if let Some(Finish { waiter, release }) = g.completion.returned() {
            if release {
                if inside {
                    // SAFETY: as above.
                    unsafe { self.p().caches() }.spare.gs.give_back(g);
                } else {
                    slab::give_back(g);
                }
            }
            if let Some(joiner) = waiter {
                joiner.wake();
            }
        }
        scheduler.goroutine_ended();
    }
}

/// A goroutine that forked has returned, or waits, in the child: there is nobody else to run.
#[cold]
fn child_came_back() -> ! {
    crate::say::say!(
        "threadle: a goroutine went on in the child of a fork, where there is no runtime: end the child with _exit, or exec a program"
    );
    std::process::abort();
}

/// A goroutine, from its first instruction on its stack to its last. Nothing unwinds out of it.
///
/// Never inlined: its caller's loop goes on with another goroutine, perhaps on another thread, so it may not keep a thread-local's address.
#[inline(never)]
fn body(g: &'static G, switch: *const Switch) {
    let run = {
        // SAFETY: as below.
        let own = unsafe { g.own() };
        // SAFETY: the goroutine runs: its variables are its own.
        unsafe {
            (*g.frame()).switch = switch;
            (*own).table.map(|table| (table, &raw mut (*own).room, (*own).scope))
        }
    };
    if let Some((table, room, scope)) = run {
        // SAFETY: `spawn` left a closure in the room with this table; it runs once.
        let left = unsafe { (table.run)(room) };
        // Who need not drop it need not know whether anybody asks for it.
        if left != Left::Plain && g.completion.ready() {
            // Nobody will ask. As with std's threads a panic of the result's Drop has nowhere to go; unlike there it costs nobody else.
            // SAFETY: the room holds the result, and the handle is gone.
            if !contained(|| unsafe { (table.drop_result)(room) }) {
                crate::say::say!("threadle: the result of goroutine {} panicked in its Drop", g.id());
            }
        }
        // SAFETY: on its own stack; closure and result are done with.
        unsafe { crate::locals::end_of(g) };
        if !scope.is_null() {
            // SAFETY: its scope waits for this very call. The closure is gone, and the result is gone or its handle's: nothing that this
            // goroutine borrowed is touched from here on.
            unsafe { Scope::over(scope, left == Left::Panic) };
        }
    }
    super::machine::leave_for_good();
}
