//! The dump of all goroutines, in the form of Go's.

use crate::g::state::Status;
use crate::g::{G, slab};
use crate::limits::clock;
use crate::m::current;
use crate::runtime::Scheduler;
use std::io::{self, Write};
use std::time::Duration;

/// Writes what every goroutine of the caller's runtime does (outside a runtime: of every runtime in the process), sorted by number:
///
/// ```text
/// goroutine 7 "upload" [chan receive, 2.1 s]:
///     waits at src/upload.rs:112:30
///     spawned at src/main.rs:31:9
/// ```
///
/// *Waits at* is the line that called what waits; what called that, the dump does not tell.
///
/// Does not switch and stops nobody: each goroutine is shown as it is at its own instant.
///
/// # Errors
/// Those of the writer.
pub fn dump(out: &mut impl Write) -> io::Result<()> {
    write_dump(out, current::scheduler(), |_| true)
}

/// As [`dump`], of those goroutines alone whose number `wanted` accepts.
///
/// # Errors
/// Those of the writer.
pub fn dump_those(out: &mut impl Write, wanted: impl Fn(u64) -> bool) -> io::Result<()> {
    write_dump(out, current::scheduler(), wanted)
}

/// The numbers of the goroutines of the caller's runtime (outside a runtime: of every runtime in the process) that have not ended.
pub fn live_goroutines() -> Vec<u64> {
    live(current::scheduler()).into_iter().map(|(id, _)| id).collect()
}

/// Sorted by number.
fn live(scheduler: Option<&Scheduler>) -> Vec<(u64, &'static G)> {
    let mut all = Vec::new();
    slab::for_each(|g| {
        let live = !matches!(g.state().load().status(), Status::Free | Status::Done);
        if live && scheduler.is_none_or(|scheduler| g.belongs_to(scheduler)) {
            all.push((g.id(), g));
        }
    });
    // The numbers as they were: a G may serve another goroutine by now.
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

pub(crate) fn write_dump(
    out: &mut impl Write,
    scheduler: Option<&Scheduler>,
    wanted: impl Fn(u64) -> bool,
) -> io::Result<()> {
    let now = clock::now_ns();
    for (id, g) in live(scheduler) {
        if wanted(id) && g.id() == id {
            write_one(out, g, now)?;
        }
    }
    Ok(())
}

fn write_one(out: &mut impl Write, g: &'static G, now: u64) -> io::Result<()> {
    write!(out, "goroutine {}", g.id())?;
    if let Some(name) = g.name() {
        write!(out, " {name:?}")?;
    }
    let status = g.state().load().status();
    match status {
        Status::Free | Status::Done => write!(out, " [ended")?,
        Status::Fresh => write!(out, " [runnable, not started")?,
        Status::Runnable => write!(out, " [runnable")?,
        Status::Running => write!(out, " [running")?,
        Status::Waiting => {
            write!(out, " [{}", g.reason())?;
            let since = g.since();
            if since != 0 && since < now {
                write!(out, ", {}", Ago(Duration::from_nanos(now - since)))?;
            }
        }
    }
    if let Some(home) = g.home() {
        write!(out, ", {} M{}", if g.is_locked() { "locked to" } else { "on" }, home.id)?;
    }
    writeln!(out, "]:")?;
    if status == Status::Waiting
        && let Some(at) = g.waits_at()
    {
        writeln!(out, "    waits at {at}")?;
    }
    if let Some(at) = g.spawned_at() {
        writeln!(out, "    spawned at {at}")?;
    }
    Ok(())
}

struct Ago(Duration);

impl std::fmt::Display for Ago {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..120 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            _ => write!(f, "{} min", seconds / 60),
        }
    }
}
