//! The life of an M's thread.

use super::M;
use super::current;
use crate::limits::clock::ThreadClock;
use crate::runtime::Scheduler;
use crate::stack::overflow::AltStack;
use std::io;

/// Makes a thread for an M. The P it shall have was assigned before, or somebody assigns one later.
pub(crate) fn start_thread(scheduler: &'static Scheduler, m: &'static M) -> io::Result<()> {
    let name = format!("{}-{}", scheduler.config().thread_name, m.id);
    scheduler.start_thread_of(m, || std::thread::Builder::new().name(name).spawn(move || live(m)))
}

fn live(m: &'static M) {
    let _abort = AbortOnPanic;
    current::become_m(m);
    // Without it an overflow is still caught, as a plain SIGSEGV with less of a message.
    let _stack =
        AltStack::install().inspect_err(|error| crate::say::say!("threadle: no signal stack for a thread: {error}"));
    m.set_clock(ThreadClock::current().ok());
    m.run();
    m.give_back_unstarted();
    m.leaves();
    m.set_clock(None);
    if m.is_home() {
        // Thread-locals of this thread may be borrowed by the stacks of goroutines that were abandoned: it never ends.
        m.end_of_the_runtime();
    }
    m.give_spares_back();
    current::leave_m();
    m.scheduler().thread_ends(m);
}

/// A panic may not cross the loop of an M, nor end the monitor in silence: goroutines' panics end at their root, so this is a fault of the
/// runtime, and half of one would be worse than none.
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::say::say!("threadle: a panic reached the scheduler's loop; this is a bug in the runtime");
            std::process::abort();
        }
    }
}
