//! Taking Ps from Ms that are away: in an announced call, or in user code for longer than a slice (`m/lease.rs` has the protocol).

use super::report::{REPORT_AFTER_NS, Suspect, is_kept_from_running};
use super::{Round, SHORTEST_NS, SLICE_NS};
use crate::m::M;
use crate::m::lease::{CallSeq, Revoke};
use crate::p::P;
use std::sync::atomic::Ordering::*;
use std::time::Duration;

/// A membarrier at most so often for each P.
const BETWEEN_BARRIERS_NS: u64 = 1_000_000;

/// What the monitor saw of a P in the round before.
#[derive(Default)]
pub(super) struct Seen {
    last_barrier: u64,
    /// Something lay in its `runnext` or ring when it had made so many runs.
    lay_at: Option<u64>,
    /// Whose P it was. What follows is of that M's turns and calls.
    m: Option<u32>,
    tick: u32,
    runs: u64,
    /// Since when the tick is the same; 0: it was not looked at.
    since: u64,
    call: Option<CallSeq>,
    call_since: u64,
    flagged: u64,
    /// The CPU time its M's thread had used a quarter into the slice.
    used: Option<Duration>,
    suspect: Suspect,
}

impl Seen {
    /// When it is to be looked at again: in the slice of what it runs, then at its end.
    pub(super) fn slice_end(&self, p: &P) -> Option<u64> {
        let part = if self.used.is_none() { SLICE_NS / 4 } else { SLICE_NS };
        (self.since != 0 && p.m().is_some()).then_some(self.since + part)
    }

    /// The P may have gone from one M to another between two rounds, in the same turn.
    fn is_of(&mut self, m: &M) {
        if self.m.replace(m.id) != Some(m.id) {
            self.since = 0;
            self.call = None;
        }
    }

    /// The same lies there as in the round before, and the P ran nothing in between.
    pub(super) fn lies_still(&mut self, p: &P) -> bool {
        let runs = p.counters.runs.get();
        if p.ring.is_empty() {
            self.lay_at = None;
            return false;
        }
        let still = self.lay_at == Some(runs);
        self.lay_at = Some(runs);
        still
    }
}

impl Round {
    /// True: a P was taken, or is about to be.
    pub(super) fn retake(&mut self, now: u64, others_wait: bool) -> bool {
        let mut acted = false;
        for index in 0..self.seen.len() {
            let p = self.p(index);
            let Some(m) = p.m() else {
                self.seen[index].since = 0;
                self.seen[index].call = None;
                continue;
            };
            self.seen[index].is_of(m);
            acted |= match m.lease.call_seen() {
                Some(call) => self.retake_from_call(p, m, call, now, others_wait),
                None => self.retake_from_user_code(p, m, now, others_wait),
            };
        }
        self.reports.look(self.scheduler, now, others_wait);
        acted
    }

    fn retake_from_call(&mut self, p: &'static P, m: &'static M, call: CallSeq, now: u64, others_wait: bool) -> bool {
        let seen = &mut self.seen[p.index as usize];
        if seen.call != Some(call) {
            seen.call = Some(call);
            seen.call_since = now;
            // Look again in a tick: it may be a long one.
            return others_wait;
        }
        if !(others_wait && now - seen.call_since >= SHORTEST_NS) && now - seen.call_since < SLICE_NS {
            return others_wait;
        }
        m.note_call_seen_since(seen.call_since);
        if !m.lease.take_call(p.index, call) {
            return false;
        }
        seen.call = None;
        seen.since = 0;
        p.set_m(None);
        m.give_seat_back();
        self.scheduler.monitor().retaken.fetch_add(1, Relaxed);
        self.scheduler.hand_off(p.index);
        true
    }

    fn retake_from_user_code(&mut self, p: &'static P, m: &'static M, now: u64, others_wait: bool) -> bool {
        let (scheduler, slice) = (self.scheduler, self.slice);
        let seen = &mut self.seen[p.index as usize];
        seen.call = None;
        let (tick, runs) = (p.tick.load(Relaxed), p.counters.runs.get());
        if seen.tick != tick || seen.since == 0 {
            seen.tick = tick;
            seen.runs = runs;
            seen.since = now;
            seen.flagged = 0;
            seen.used = None;
            return false;
        }
        if now - seen.since >= SLICE_NS / 4 && seen.used.is_none() {
            seen.used = m.clock().and_then(|thread| thread.cpu_time());
            seen.suspect = Suspect::begin(seen.used);
        }
        let held_up = m.held_up();
        if now - seen.since < slice || !(others_wait || held_up > 0) {
            return false;
        }
        if seen.flagged == 0 {
            seen.flagged = now;
            seen.runs = runs;
            m.lease.request_preempt();
            return true;
        }
        if runs != seen.runs {
            // A chain of goroutines that inherit the slice: the flag will be heeded by one of them.
            seen.runs = runs;
            seen.flagged = now;
            m.lease.request_preempt();
            return true;
        }
        if held_up > 0 && now - seen.since >= REPORT_AFTER_NS {
            self.reports.holds_up(m, held_up, &mut seen.suspect, now);
        }
        if !others_wait {
            // Only those of this thread wait, and no other P would help them.
            return false;
        }
        if now - seen.flagged < SHORTEST_NS {
            return true;
        }
        // An idle P takes what waits, or that of an M that searches and has found nothing, and what was to start here; those at home on
        // this very thread it cannot help, nor would another P.
        let counts = scheduler.idle().counts();
        if counts.idle() > 0 || counts.searching() > 0 {
            if m.has_arrivals() && !is_kept_from_running(m, seen.used) {
                m.pass_arrivals_on();
            }
            return true;
        }
        if now - seen.last_barrier < BETWEEN_BARRIERS_NS || !m.lease.in_user_code() {
            return true;
        }
        let m_burns = burns(m, seen.used);
        if m_burns && !self.reports.may_burn(scheduler) {
            return false;
        }
        seen.last_barrier = now;
        let used = seen.used;
        match m.lease.revoke(p.index) {
            Revoke::Taken => {
                seen.since = 0;
                p.set_m(None);
                scheduler.monitor().detached.fetch_add(1, Relaxed);
                self.reports.detached(m, now, m_burns, used);
                scheduler.hand_off(p.index);
                true
            }
            Revoke::Inside | Revoke::NotHolder => true,
        }
    }
}

/// Whether the M's thread has used its CPU since it had used so much: it computes. Else it blocks in a call that nobody announced.
pub(super) fn burns(m: &M, before: Option<Duration>) -> bool {
    let now = m.clock().and_then(|thread| thread.cpu_time());
    // Milliseconds have passed: a blocked thread has used nothing, but for coming to its call; one that computes was given some even on
    // a machine that is full.
    matches!((before, now), (Some(before), Some(now)) if now.saturating_sub(before) > Duration::from_micros(50))
}
