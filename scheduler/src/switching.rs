//! The calls that only switch, or only forbid it.

use crate::blocking::come_back;
use crate::g::context::Command;
use crate::m::{M, current};
use crate::park;

/// Lets others run: the caller goes to the end of the queue. **Switches.** On a plain thread it is `std::thread::yield_now`.
///
/// # Panics
/// Inside [`no_switch`](crate::no_switch).
#[track_caller]
// Always inlined, so that no frame lies between the switch and who called it (docs/decisions/0019).
#[inline(always)]
pub fn yield_now() {
    if let Some(m) = current::m() {
        if let Some(g) = m.free_to_switch() {
            return m.switch(g, Command::Yield);
        }
        park::switch_forbidden(&"yield_now");
    }
    std::thread::yield_now();
}

/// Lets others run if the caller's time is up, or if its P was taken; else it costs a few loads. **Switches.** For long computations.
///
/// Inside [`no_switch`](crate::no_switch) it does nothing.
#[inline]
pub fn checkpoint() {
    if let Some(m) = current::m()
        && !m.lease.undisturbed()
    {
        heed(m);
    }
}

#[cold]
fn heed(m: &'static M) {
    let Some(g) = m.goroutine() else { return };
    if m.in_no_switch() {
        return;
    }
    if !m.lease.enter() {
        return come_back(m, g);
    }
    m.lease.exit();
    if m.lease.preempt_requested() && m.may_leave_stack() {
        m.switch(g, Command::Preempted);
    }
}

/// Runs `f`, and panics where it would switch goroutines: for code that holds what must not be held over a switch. Does not switch.
///
/// Calls that may switch but need not (a lock that is free, a value that is there) go through. So do those that wait in place, with the
/// goroutine's whole thread: in a Drop while the goroutine unwinds, in a future's poll, inside [`blocking`](crate::blocking).
///
/// # Panics
/// With `f`'s panic, and where `f` would switch. That panic's location is the call that would, its text says what it would wait for and
/// where this was called.
///
/// ```
/// # use threadle_scheduler::{Config, Mode, no_switch, run, yield_now};
/// # run(Config::new(Mode::Bound), || {
/// use std::panic::catch_unwind;
///
/// assert_eq!(no_switch(|| 6 * 7), 42);
/// assert!(catch_unwind(|| no_switch(yield_now)).is_err());
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn no_switch<R>(f: impl FnOnce() -> R) -> R {
    park::no_switch(f)
}

/// Runs `f` with the calling goroutine held on its thread: where `f` has to wait it waits in place, its thread sleeps and its P is handed
/// on. For `block_on`, whose polls may hold what is bound to the thread. Does not switch by itself.
pub fn in_place<R>(f: impl FnOnce() -> R) -> R {
    struct Unhold(Option<&'static M>);
    impl Drop for Unhold {
        fn drop(&mut self) {
            if let Some(m) = self.0 {
                m.unhold();
            }
        }
    }
    // The M cannot change while the goroutine is held.
    let m = current::m().filter(|m| m.goroutine().is_some());
    if let Some(m) = m {
        m.hold();
    }
    let _unhold = Unhold(m);
    f()
}
