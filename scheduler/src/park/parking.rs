//! An open park of the calling goroutine or thread.

use super::reason::Reason;
use super::thread::ThreadCell;
use super::ticket::Ticket;
use crate::g::context::Command;
use crate::g::state::{CommitPark, Epoch, State, Wake};
use crate::g::{G, Undo};
use crate::limits::clock;
use crate::m::{M, current};
use crate::timers;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;
use std::time::Instant;

/// An open park: the caller is about to wait, and whoever has the [`ticket`](Parking::ticket) may end it.
///
/// Dropping it closes it. See the crate's essay for the shape of its use.
#[must_use = "an open park is to be waited for or closed"]
pub struct Parking {
    who: Who,
    epoch: Epoch,
    reason: Reason,
    /// It belongs to this goroutine (or thread) alone.
    _not_send: PhantomData<*const ()>,
}

#[derive(Clone, Copy)]
enum Who {
    /// On this M, and there until it waits: nobody switches while a park is open (`State::requeue` asserts it).
    Goroutine(&'static G, &'static M),
    Thread(&'static ThreadCell),
}

impl Parking {
    /// Opens a park of the caller. Does not switch.
    ///
    /// # Panics
    /// Inside [`no_switch`](crate::no_switch), where the caller would leave its stack to wait: a call that finds it has to wait opens a park.
    #[inline]
    #[track_caller]
    pub fn open(reason: Reason) -> Parking {
        let who = match current::m() {
            Some(m) => match m.free_to_switch() {
                Some(g) => {
                    g.note_waits_at(Location::caller());
                    Who::Goroutine(g, m)
                }
                None => Who::in_place(m, &reason),
            },
            None => Who::Thread(ThreadCell::current()),
        };
        let epoch = who.state().open_park();
        Parking { who, epoch, reason, _not_send: PhantomData }
    }

    /// The right to end this park, to be given away.
    #[inline]
    pub fn ticket(&self) -> Ticket {
        match self.who {
            Who::Goroutine(g, _) => Ticket::of_goroutine(g, self.epoch),
            Who::Thread(cell) => Ticket::of_thread(cell, self.epoch),
        }
    }

    /// Waits until the ticket is woken; at once if it has been. **Switches.**
    #[inline]
    pub fn wait(self) {
        self.wait_until(None);
    }

    /// As [`wait`](Parking::wait), at most until the deadline. True: somebody woke the ticket; false: the deadline came first, and no wake
    /// of the ticket will succeed any more. A deadline in the past ends the wait at once, unless it was woken already. **Switches.**
    #[inline]
    pub fn wait_until(self, deadline: Option<Instant>) -> bool {
        self.wait_for(deadline, None)
    }

    /// As [`wait_until`](Parking::wait_until), for one who is given something by being woken.
    ///
    /// A ticket of a goroutine whose runtime has ended cannot be won, and the wait never returns. One that was won just before is as good as
    /// lost: the goroutine is ready and never runs. In either case `undo` is called, once, after which the caller will have had nothing: it
    /// takes out of every list what the caller queued there, as the caller would at a deadline, and gives to the next one what came with the
    /// ticket, if it was won. It must neither unwind nor wait, and drops nothing of the user's.
    ///
    /// # Safety
    /// `undo` may be called on any thread, while nobody is on the caller's stack.
    #[inline]
    pub unsafe fn wait_until_or(self, deadline: Option<Instant>, undo: &dyn Fn()) -> bool {
        // SAFETY: the lifetime alone is changed. It is called where this call never returns, so that what it borrows stays; where it does
        // return, `wait_for` has forgotten it.
        let undo = unsafe { std::mem::transmute::<NonNull<dyn Fn() + '_>, Undo>(NonNull::from(undo)) };
        self.wait_for(deadline, Some(undo))
    }

    /// All of [`wait_until_or`](Parking::wait_until_or) without a deadline but the switch, for one who is to [leave](Leaving::leave) the
    /// stack in a frame further out. `None`: the wait is over, the ticket was woken. **Switches** nothing; may sleep, where the caller may not
    /// leave its stack.
    ///
    /// # Safety
    /// As for `wait_until_or`; and what it returns is left, by the caller and at once.
    #[inline]
    pub unsafe fn up_to_the_switch(self, undo: &dyn Fn()) -> Option<Leaving> {
        // SAFETY: as in `wait_until_or`; here it is `leave` that forgets it.
        let undo = unsafe { std::mem::transmute::<NonNull<dyn Fn() + '_>, Undo>(NonNull::from(undo)) };
        match self.who {
            Who::Goroutine(g, m) => self.prepare(g, m, Some(undo)),
            Who::Thread(cell) => {
                self.hold_thread(cell, None, Some(undo));
                None
            }
        }
    }

    #[inline(never)]
    fn wait_for(self, deadline: Option<Instant>, undo: Option<Undo>) -> bool {
        let (g, m) = match self.who {
            Who::Goroutine(g, m) => (g, m),
            Who::Thread(cell) => return self.hold_thread(cell, deadline, undo),
        };
        let Some(deadline) = deadline else {
            if let Some(leaving) = self.prepare(g, m, undo) {
                leaving.leave();
            }
            return true;
        };
        let ticket = self.ticket();
        let Some(leaving) = self.prepare(g, m, undo) else { return true };
        let timer = timers::arm_ticket_and_leave(m, ticket, clock::to_ns(deadline));
        leaving.leave();
        let expired = g.state().load().expired();
        if !expired {
            timer.cancel();
        }
        !expired
    }

    #[inline]
    fn prepare(self, g: &'static G, m: &'static M, undo: Option<Undo>) -> Option<Leaving> {
        let epoch = self.epoch;
        g.note_reason(self.reason);
        // From here on it is the M's loop that closes it, or whoever has won it already: then there is no need to leave the stack.
        std::mem::forget(self);
        if !g.state().is_open(epoch) {
            return None;
        }
        // SAFETY: the goroutine runs: these variables are its own. Place by place, since the M holds a reference to the coroutine beside them.
        unsafe {
            let frame = g.frame();
            (*frame).undo = undo;
            (*frame).parks = epoch;
        }
        Some(Leaving { g, m })
    }

    #[cold]
    fn hold_thread(self, cell: &'static ThreadCell, deadline: Option<Instant>, undo: Option<Undo>) -> bool {
        // At once if it was woken already.
        let woken = !cell.waiter.state().is_open(self.epoch)
            || match current::m() {
                Some(m) => self.wait_in_place(m, cell, deadline, undo),
                None => self.sleep(cell, deadline),
            };
        std::mem::forget(self);
        woken
    }

    fn sleep(&self, cell: &'static ThreadCell, deadline: Option<Instant>) -> bool {
        let state = cell.waiter.state();
        if state.commit_park(self.epoch) == CommitPark::AlreadyWoken {
            return true;
        }
        // The note may hold a wake of an earlier park that came late; only the epoch counts.
        while state.is_open(self.epoch) {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) && state.expire(self.epoch) == Wake::Queue {
                state.thread_runs();
                return false;
            }
            cell.note.sleep(left);
        }
        state.thread_runs();
        true
    }

    fn wait_in_place(
        &self,
        m: &'static M,
        cell: &'static ThreadCell,
        deadline: Option<Instant>,
        undo: Option<Undo>,
    ) -> bool {
        let by_a_timer = m.goroutine().is_some() && m.scheduler().quiet_state().clock.is_virtual();
        if !by_a_timer {
            return m
                .wait_in_place(self.reason, self.ticket(), deadline.is_some(), undo, || self.sleep(cell, deadline));
        }
        // The deadline comes by the runtime's clock and not by the thread's own. Armed before anybody may take this wait for one without.
        let timer = deadline.map(|deadline| timers::arm_ticket(self.ticket(), clock::to_ns(deadline)));
        m.wait_in_place(self.reason, self.ticket(), false, undo, || self.sleep(cell, None));
        let expired = cell.waiter.state().load().expired();
        if let Some(timer) = timer
            && !expired
        {
            timer.cancel();
        }
        !expired
    }

    /// Gives the wait up. True: nobody had woken it, and nobody will. False: somebody has, and what it did for the waiter is done.
    pub fn close(self) -> bool {
        let closed = self.who.state().close_park(self.epoch);
        std::mem::forget(self);
        closed
    }
}

/// A goroutine's wait up to the switch, with an open park: what is left is to [leave](Leaving::leave) the stack.
///
/// So that a wait can be made of calls before and after the switch, and the switch lie in the frame of who calls them: the processor foresees
/// its returns then (docs/decisions/0019 and 0026).
#[must_use = "the goroutine has said that it waits"]
pub struct Leaving {
    g: &'static G,
    m: &'static M,
}

impl Leaving {
    /// Waits until the ticket is woken. **Switches**, in the caller's frame.
    #[inline(always)]
    pub fn leave(self) {
        let Leaving { g, m } = self;
        debug_assert!(current::m().is_some_and(|here| std::ptr::eq(here, m)), "{g:?} has switched with an open park");
        m.harass();
        m.switch(g, Command::Park);
        // From here on perhaps another thread.
        // SAFETY: the goroutine runs: its variables are its own.
        unsafe { (*g.frame()).undo = None };
    }
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leaving").field(self.g).finish()
    }
}

impl Drop for Parking {
    fn drop(&mut self) {
        let _: bool = self.who.state().close_park(self.epoch);
    }
}

impl Who {
    /// The goroutine of this M may not leave its stack.
    #[cold]
    #[track_caller]
    fn in_place(m: &'static M, reason: &Reason) -> Who {
        if m.switch_forbidden() {
            forbidden(m, reason);
        }
        Who::Thread(ThreadCell::current())
    }

    #[inline]
    fn state(&self) -> &State {
        match self {
            Who::Goroutine(g, _) => g.state(),
            Who::Thread(cell) => cell.waiter.state(),
        }
    }
}

impl fmt::Debug for Parking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parking").field("reason", &self.reason).field("state", self.who.state()).finish()
    }
}

/// The location of this panic is the caller's of the public call: `track_caller` all the way down.
#[cold]
#[track_caller]
fn forbidden(m: &M, why: &dyn fmt::Display) -> ! {
    let at = m.no_switch_at().map_or_else(String::new, |at| format!(" at {at}"));
    panic!(
        "a call inside no_switch{at} would have to switch goroutines ({why}): make it before or after, when nothing is held that must \
         not be held over a switch, or in a form that does not wait (`try_..`)"
    )
}

/// Runs `f` and panics where it would switch goroutines.
#[track_caller]
pub(crate) fn no_switch<R>(f: impl FnOnce() -> R) -> R {
    struct Allow {
        m: &'static M,
        before: Option<&'static Location<'static>>,
    }
    impl Drop for Allow {
        fn drop(&mut self) {
            self.m.allow_switch(self.before);
        }
    }
    let at = Location::caller();
    // The M cannot change while switching is forbidden.
    let m = current::m().filter(|m| m.goroutine().is_some());
    let _allow = m.map(|m| Allow { m, before: m.forbid_switch(at) });
    f()
}

/// Panics where `f` of [`no_switch`] calls something that switches whatever the state of things; `why` says what.
#[track_caller]
pub(crate) fn switch_forbidden(why: &dyn fmt::Display) {
    if let Some(m) = current::m() {
        switch_forbidden_on(m, why);
    }
}

/// As `switch_forbidden`, for who has found the M of the calling thread.
#[inline]
#[track_caller]
pub(crate) fn switch_forbidden_on(m: &M, why: &dyn fmt::Display) {
    if m.switch_forbidden() {
        forbidden(m, why);
    }
}
