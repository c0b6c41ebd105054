//! Calls that may block the thread, announced: the P moves on while the thread is away.
//!
//! Migrating, or where nothing else is at home on the thread, the call runs in place: one word says "in a call" (`m/lease.rs`), the monitor
//! takes the P if the call lasts, and the return is one compare-and-swap if it did not. A goroutine whose calls have been seen to last gives
//! its P away before the next one, which saves the monitor's delay.
//!
//! Bound, and other started goroutines are at home on the thread: they would be held up, since nobody else may run them. So the call runs
//! on a helper thread and its goroutine parks.

use crate::g::G;
use crate::g::context::Command;
use crate::limits::clock;
use crate::m::lease::Call;
use crate::m::{M, current};
use crate::park::{self, Parking, Reason};
use crate::runtime::Mode;
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
    park::switch_forbidden(&Reason::Blocking);
    let Some(m) = current::m() else { return f() };
    let Some(g) = m.goroutine() else { return f() };
    if m.scheduler().mode() == Mode::Bound
        && !g.is_locked()
        && m.at_home_beside_the_running() > 0
        && m.may_leave_stack()
    {
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

/// The call under way, ended also by a panic of `f`.
struct Away {
    m: &'static M,
    g: &'static G,
    call: Option<Call>,
    began: u64,
}

fn in_place<R>(m: &'static M, g: &'static G, f: impl FnOnce() -> R) -> R {
    let call = if m.lease.enter() {
        if g.calls_last() {
            let p = m.give_up_p();
            m.give_seat_back();
            m.scheduler().hand_off(p);
            None
        } else {
            m.scheduler().monitor().look_soon();
            Some(m.lease.begin_call())
        }
    } else {
        None
    };
    m.set_in_call(true);
    g.note_wait(Reason::Blocking, 0);
    let away = Away { m, g, call, began: clock::now_ns() };
    let value = f();
    drop(away);
    value
}

impl Drop for Away {
    fn drop(&mut self) {
        let Away { m, g, .. } = *self;
        g.set_calls_last(clock::now_ns().saturating_sub(self.began) >= LONG_NS);
        m.set_in_call(false);
        if self.call.take().is_some_and(|call| m.lease.end_call(call)) {
            m.lease.exit();
            if !m.scheduler().stopping() {
                return;
            }
        }
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
