//! The line of `THREADLE_TRACE=sched=1000`, in the form of Go's schedtrace.

use crate::limits::clock;
use crate::runtime::Scheduler;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) fn trace(scheduler: &Scheduler) {
    let counts = scheduler.idle().counts();
    let mut line = format!(
        "SCHED {}ms: procs={} idleprocs={} threads={} spinningthreads={} idlethreads={} waitingthreads={} goroutines={} runqueue={} [ ",
        clock::now_ns() / 1_000_000,
        scheduler.procs(),
        counts.idle(),
        scheduler.threads(),
        counts.searching(),
        scheduler.idle().sleeping(),
        scheduler.idle().waiting(),
        scheduler.live(),
        scheduler.injector().len(),
    );
    for p in scheduler.ps() {
        let _infallible = write!(line, "{} ", p.ring.queued());
    }
    line.push_str("] schedticks=[ ");
    for p in scheduler.ps() {
        let _infallible = write!(line, "{} ", p.tick.load(Relaxed));
    }
    crate::say::say!("{line}]");
}
