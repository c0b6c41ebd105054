//! The deadlock report: all goroutines are asleep, and nothing is left that could wake one of them.
//!
//! The monitor looks when every P has idled for 50 ms, before it goes to sleep for good; no sooner, no later, and nobody else. What ends
//! without a P (a helper's call, a goroutine that parks after its P was taken) has the monitor look once more if it sleeps so already. So neither
//! those who work nor a process at rest pay for it.
//!
//! It looks at all runtimes of the process together, as one may wake another's goroutines: each must be [quiet](super) without an armed timer,
//! twice, so that all were at once.
//!
//! **What cannot be known** is what plain threads are about. So the default is to report only where the process has none: every thread of
//! `/proc/self/task` is then an M, a helper or the monitor of some runtime, all asleep, or waits in `run`. Only a signal handler could still do
//! something, and none of ours does without a thread. With threads beside (the dispatcher of `signal`, another library's pool, a test
//! harness) the report is opt-in, and says how many there are; so is ending the process.

use super::Quiet;
use crate::observe::write_dump;
use crate::runtime::Scheduler;
use std::sync::atomic::Ordering::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is done when all goroutines of the process are asleep for good.
///
/// ```
/// # use threadle_scheduler as threadle;
/// assert_eq!(threadle::Deadlock::default(), threadle::Deadlock::ReportIfCertain);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Deadlock {
    /// Nothing.
    Ignore,
    /// A report on stderr, with the dump, if the process has no thread outside its runtimes, so that nobody is left who could wake one of
    /// them.
    #[default]
    ReportIfCertain,
    /// The report also where other threads might still wake somebody.
    Report,
    /// As `Report`, then the process is aborted. Not for a runtime whose goroutines wait for plain threads for long.
    Abort,
}

/// The runtimes of this process, and whether a plain thread waits in `run` for each.
static RUNTIMES: Mutex<Vec<(&'static Scheduler, bool)>> = Mutex::new(Vec::new());

fn runtimes() -> MutexGuard<'static, Vec<(&'static Scheduler, bool)>> {
    RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The runtime has begun; `run` was called by a plain thread or by one of a runtime.
pub(crate) fn enlist(scheduler: &'static Scheduler, by_a_plain_thread: bool) {
    runtimes().push((scheduler, by_a_plain_thread));
}

/// It ends.
pub(crate) fn strike(scheduler: &'static Scheduler) {
    runtimes().retain(|(other, _)| !std::ptr::eq(*other, scheduler));
}

/// What a look came to.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// Nothing is to be said, until something has run again.
    Over,
    /// Something was awake just now.
    Again,
}

/// The monitor of this runtime has seen every P idle for a while.
pub(crate) fn look(scheduler: &'static Scheduler) -> Look {
    let wanted = scheduler.config().deadlock;
    if wanted == Deadlock::Ignore {
        return Look::Over;
    }
    let all = runtimes();
    // Under the lock: of two monitors that look at once one reports.
    if scheduler.quiet_state().reported.load(Relaxed) {
        return Look::Over;
    }
    let Some(first) = all_stuck(&all) else { return Look::Again };
    let Some(others) = threads_beside(&all) else { return Look::Over };
    if wanted == Deadlock::ReportIfCertain && others > 0 {
        return Look::Over;
    }
    // What was the same before and after lay still at every instant between.
    if all_stuck(&all).as_ref() != Some(&first) {
        return Look::Again;
    }
    for (runtime, _) in all.iter() {
        runtime.quiet_state().reported.store(true, Relaxed);
    }
    let runtimes: Vec<_> = all.iter().map(|(runtime, _)| *runtime).collect();
    drop(all);
    crate::say::say!("{}", describe(&runtimes, Some(others)).trim_end());
    if wanted == Deadlock::Abort {
        std::process::abort();
    }
    Look::Over
}

/// Evidence that no runtime can do anything by itself, if that is so.
fn all_stuck(all: &[(&'static Scheduler, bool)]) -> Option<Vec<Quiet>> {
    all.iter().map(|(runtime, _)| stuck(runtime)).collect()
}

fn stuck(scheduler: &'static Scheduler) -> Option<Quiet> {
    // The end of the drain is a timer of sorts.
    if scheduler.draining() || scheduler.live() == 0 {
        return None;
    }
    let quiet = scheduler.quiet()?;
    let armed = scheduler.ps().any(|p| p.timers.settle().is_some()) || quiet.in_place.iter().any(|one| one.timed);
    (!armed).then_some(quiet)
}

/// How many threads the process has beside those of its runtimes and those that wait in `run`.
fn threads_beside(all: &[(&'static Scheduler, bool)]) -> Option<usize> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?.count();
    let ours: usize = all
        .iter()
        .map(|(runtime, plain)| runtime.alive().len() + runtime.helpers().threads() + 1 + usize::from(*plain))
        .sum();
    Some(threads.saturating_sub(ours))
}

/// The report. `others`: threads that might still wake somebody, where they were counted.
pub(crate) fn describe(runtimes: &[&'static Scheduler], others: Option<usize>) -> String {
    let mut text = String::from("threadle: all goroutines are asleep - deadlock! ");
    text.push_str(match others {
        None => "No timer is armed, nobody waits for a descriptor, no blocking call is under way.\n",
        Some(0) => "No timer is armed, nobody waits for a descriptor, no blocking call is under way, and there is no other thread.\n",
        Some(_) => "No timer is armed, nobody waits for a descriptor, no blocking call is under way; ",
    });
    if let Some(others @ 1..) = others {
        text.push_str(&format!("only one of {others} other threads could still wake somebody.\n"));
    }
    let mut dump = Vec::new();
    for runtime in runtimes {
        // A Vec takes everything.
        let _infallible = write_dump(&mut dump, Some(runtime), |_| true);
    }
    text.push_str(&String::from_utf8_lossy(&dump));
    text
}
