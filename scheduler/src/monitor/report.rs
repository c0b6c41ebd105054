//! Ms that were detached, how many of them compute, and what is said of it on stderr.

use super::SECOND_NS;
use crate::g::G;
use crate::m::M;
use crate::runtime::{Mode, Scheduler};

/// So many detached Ms may compute at once for each P: more would only take the CPUs from each other.
const BURNING_PER_P: usize = 4;

struct Detached {
    m: &'static M,
    goroutine: u64,
    since: u64,
    burns: bool,
    reported: bool,
}

#[derive(Default)]
pub(super) struct Reports {
    detached: Vec<Detached>,
    limit_since: u64,
    limit_reported: bool,
}

impl Reports {
    pub(super) fn detached(&mut self, m: &'static M, now: u64, burns: bool) {
        let goroutine = m.running().map_or(0, G::id);
        self.detached.push(Detached { m, goroutine, since: now, burns, reported: false });
    }

    /// Whether one more M that computes may lose its P.
    pub(super) fn may_burn(&self, scheduler: &Scheduler) -> bool {
        let burning = self.detached.iter().filter(|d| d.burns).count();
        burning < BURNING_PER_P * scheduler.procs() as usize
            && scheduler.threads() < scheduler.max_threads().div_ceil(2)
    }

    /// Forgets those that have come back, and reports what has lasted for a second.
    pub(super) fn look(&mut self, scheduler: &'static Scheduler, now: u64, others_wait: bool) {
        self.detached.retain(|d| d.m.lease.p().is_none() && d.m.running().is_some_and(|g| g.id() == d.goroutine));
        for d in &mut self.detached {
            let held_up = d.m.owned.load(std::sync::atomic::Ordering::Relaxed).saturating_sub(1);
            // Reported well within a second of its beginning, slice included.
            if scheduler.mode() == Mode::Bound && held_up > 0 && !d.reported && now - d.since >= SECOND_NS / 2 {
                d.reported = true;
                let what = if d.burns { "computes" } else { "blocks its thread" };
                let who = who(d.m.running());
                eprintln!(
                    "threadle: {who} {what} without a switching call and holds up {held_up} other goroutines of its thread; \
                     checkpoint() or blocking() would cure it"
                );
            }
        }
        let at_limit = others_wait
            && scheduler.idle().counts().idle() == 0
            && (scheduler.threads() >= scheduler.max_threads()
                || (!self.detached.is_empty() && !self.may_burn(scheduler)));
        if !at_limit {
            self.limit_since = 0;
        } else if self.limit_since == 0 {
            self.limit_since = now;
        } else if now - self.limit_since >= SECOND_NS && !self.limit_reported {
            self.limit_reported = true;
            let oldest = self.detached.iter().min_by_key(|d| d.since).and_then(|d| d.m.running());
            eprintln!(
                "threadle: work has waited for a second: {} of at most {} threads are in use, {} goroutines run without a P; the oldest is {}",
                scheduler.threads(),
                scheduler.max_threads(),
                self.detached.len(),
                who(oldest)
            );
        }
    }
}

fn who(g: Option<&'static G>) -> String {
    let Some(g) = g else { return "a goroutine".into() };
    let name = g.name().map_or_else(String::new, |name| format!(" {name:?}"));
    let at = g.spawned_at().map_or_else(String::new, |at| format!(", spawned at {at},"));
    format!("goroutine {}{name}{at}", g.id())
}
