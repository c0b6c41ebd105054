//! Calls that may block the thread, announced: the P moves on while the thread is away.
//!
//! Migrating, or where nothing else is at home on the thread, the call runs in place: one word says "in a call" (`m/lease.rs`), the monitor
//! takes the P if the call lasts, and the return is one compare-and-swap if it did not. Nobody reads a clock for a call that keeps its P: it is the
//! monitor that tells calls that last, by seeing one twice. A goroutine whose P was taken in a call that lasted gives the P away before the next
//! one, which saves the monitor's delay; that one is timed, and if it is short the next keeps its P again.
//!
//! Bound, and other started goroutines are at home on the thread: they would be held up, since nobody else may run them. So the call runs
//! on a helper thread and its goroutine parks.

use crate::g::G;
use crate::g::context::Command;
use crate::limits::clock;
use crate::m::lease::Call;
use crate::m::{M, current};
use crate::park::{self, Parking, Reason};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A call that took so long will take long the next time, too.
const LONG_NS: u64 = 200_000;

/// Runs `f`, which may block its thread, so that no other goroutine is held up. **Switches**: the caller may wait for a P afterwards.
///
/// To the runtime `f` is a plain thread: what it waits on blocks its thread. In bound mode it may run on another thread than the caller's.
/// Outside a runtime it is simply called.
///
/// # Panics
/// With `f`'s panic; and inside [`no_switch`](crate::no_switch).
#[track_caller]
pub fn blocking<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let Some(m) = current::m() else { return f() };
    park::switch_forbidden_on(m, &Reason::Blocking);
    let Some(g) = m.goroutine() else { return f() };
    // None but the running one is at home where it is locked, nor where goroutines migrate.
    if m.at_home_beside_the_running() > 0 && m.may_leave_stack() {
        return on_a_helper(m, f);
    }
    in_place(m, g, f)
}

#[track_caller]
fn on_a_helper<F, R>(m: &'static M, f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let scheduler = m.scheduler();
    let mut outcome = None;
    {
        let job = || outcome = Some(catch_unwind(AssertUnwindSafe(f)));
        let parking = Parking::open(Reason::Blocking);
        // SAFETY: the borrows of this frame end before `wait` returns, which is after the job's last act; and while the goroutine is
        // parked its frame stays (also for ever, if the runtime ends).
        let started = unsafe { scheduler.helpers().run(scheduler, job, Some(parking.ticket())) };
        match started {
            Ok(()) => parking.wait(),
            Err(job) => {
                // No thread is to be had: it runs here after all, and holds up what is at home here.
                drop(parking);
                match (current::m(), current::goroutine()) {
                    (Some(m), Some(g)) => in_place(m, g, job),
                    _ => job(),
                }
            }
        }
    }
    match outcome {
        Some(Ok(value)) => value,
        Some(Err(panic)) => resume_unwind(panic),
        None => unreachable!("the helper woke its caller before it had run the call"),
    }
}

/// The call under way, ended also by a panic of what it calls.
struct Away {
    m: &'static M,
    g: &'static G,
    call: Option<Call>,
}

#[inline]
fn in_place<R>(m: &'static M, g: &'static G, f: impl FnOnce() -> R) -> R {
    g.note_wait(Reason::Blocking, 0);
    if g.calls_last() || !m.lease.enter() {
        return without_a_p(m, g, f);
    }
    m.scheduler().monitor().look_soon();
    let _away = Away { m, g, call: Some(m.lease.begin_call()) };
    m.enter_call();
    f()
}

impl Drop for Away {
    #[inline]
    fn drop(&mut self) {
        let Away { m, g, .. } = *self;
        m.leave_call();
        if !self.call.take().is_some_and(|call| m.lease.end_call(call)) {
            return come_back_from_a_long_call(m, g);
        }
        m.lease.exit();
        if m.scheduler().stopping() {
            come_back(m, g);
        }
    }
}

/// The P was taken meanwhile.
#[cold]
fn come_back_from_a_long_call(m: &'static M, g: &'static G) {
    g.set_calls_last(clock::now_ns().saturating_sub(m.call_seen_since()) >= LONG_NS);
    come_back(m, g);
}

/// A call without a P: the goroutine's calls last, so that it gives it away first; or it has lost it before.
struct Gone {
    m: &'static M,
    g: &'static G,
    began: u64,
}

#[cold]
fn without_a_p<R>(m: &'static M, g: &'static G, f: impl FnOnce() -> R) -> R {
    if m.lease.enter() {
        let p = m.give_up_p();
        m.give_seat_back();
        m.scheduler().hand_off(p);
    }
    let _gone = Gone { m, g, began: clock::now_ns() };
    m.enter_call();
    f()
}

impl Drop for Gone {
    fn drop(&mut self) {
        let Gone { m, g, began } = *self;
        g.set_calls_last(clock::now_ns().saturating_sub(began) >= LONG_NS);
        m.leave_call();
        come_back(m, g);
    }
}

/// In user code, and the P is gone: an idle one, or the goroutine queues for one.
pub(crate) fn come_back(m: &'static M, g: &'static G) {
    if m.scheduler().stopping() {
        if m.may_leave_stack() && !m.switch_forbidden() {
            return m.switch(g, Command::Yield);
        }
        m.end_of_the_runtime();
    }
    if let Some(p) = m.scheduler().idle().take_p() {
        m.take_idle_p(p);
    } else if m.may_leave_stack() && !m.switch_forbidden() {
        m.switch(g, Command::Yield);
    } else {
        m.reacquire_in_place();
    }
}
