//! The monitor's sleep by the alarm (`doze`): how far ahead it is set, by whom, and when it is not worth it.
//!
//! *Far* is where a process at rest is looked at, 50 ms after the last P was let go, or what the monitor itself has to do by the clock, if that is
//! sooner: at least once a second while something runs now and then, since cold stacks, reports and the CPU limit have nobody else. Who
//! moves the alarm therefore reads `until`.
//!
//! *Hurry.* To move the alarm costs two system calls for each time that a P is used; to nap, a wake-up in 10 ms, as dear as some dozen of
//! them. So where Ps are taken faster than one in 250 us, some times in a row, the one who notices it ends the sleep; and while more goroutines
//! than that came to their turns during its last sleep, the monitor naps.

use super::doze::{AT_REST_NS, Slept};
use super::{LOOKS, Monitor, QUIET_ROUNDS, Round, SECOND_NS, SHORTEST_NS};
use crate::limits::clock;
use crate::monitor::alarm::NEVER;
use crate::stack;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*, fence};

/// Who takes a P so soon after the one before is in a hurry.
const HURRY_NS: u64 = 250_000;
/// So many in a row: a burst has some.
const HURRIES: u32 = 8;

/// What those read and write who move the alarm. Times are nanoseconds of `limits::clock`. All of it hints: who reads an old value sets the alarm
/// too early, or later by a pause.
#[derive(Debug)]
pub(super) struct Moves {
    /// What the alarm is not set beyond.
    until: AtomicU64,
    /// When all Ps were last found idle in this sleep; 0: nobody has moved the alarm.
    rested: AtomicU64,
    /// When one was last taken.
    taken: AtomicU64,
    hurries: AtomicU32,
    /// Nothing but others will end this sleep. Not a hint: stored before the state says `RESTS`, and read behind that.
    deep: AtomicBool,
}

impl Moves {
    pub(super) fn new() -> Moves {
        Moves {
            until: AtomicU64::new(NEVER),
            rested: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            hurries: AtomicU32::new(0),
            deep: AtomicBool::new(false),
        }
    }

    /// Asked by who has found that the monitor rests.
    pub(super) fn is_deep(&self) -> bool {
        fence(Acquire);
        self.deep.load(Relaxed)
    }
}

impl Monitor {
    /// The first P is taken while it rests. It is not awake to look at the clock for others.
    #[cold]
    pub(super) fn a_p_is_taken(&self) {
        let now = clock::now_ns();
        self.last_look.store(now, Relaxed);
        let moves = &self.moves;
        // From here on it is looked at all 50 ms at least.
        moves.deep.store(false, Relaxed);
        let hurry = now.saturating_sub(moves.taken.swap(now, Relaxed)) < HURRY_NS;
        let in_a_row = if hurry { moves.hurries.load(Relaxed) + 1 } else { 0 };
        moves.hurries.store(in_a_row, Relaxed);
        if in_a_row >= HURRIES {
            moves.hurries.store(0, Relaxed);
            return self.doze.cut_short();
        }
        moves.until.fetch_min(now + SECOND_NS, Relaxed);
        self.doze.watch();
    }

    /// Whether `rest_again` is worth a call.
    #[inline]
    pub(crate) fn watches(&self) -> bool {
        self.doze.watches()
    }

    /// Nobody has anything to do, and somebody is in the poll.
    #[cold]
    pub(crate) fn rest_again(&self, all_idle: impl Fn() -> bool) {
        let now = clock::now_ns();
        self.moves.rested.store(now, Relaxed);
        let left = self.moves.until.load(Relaxed).saturating_sub(now);
        self.doze.rest_again(left.min(AT_REST_NS), all_idle);
    }
}

impl Round {
    /// Somebody is in the poll, and there is an alarm. Where there is none, for want of a descriptor, naps must do until there is.
    pub(super) fn may_rest(&self) -> bool {
        self.scheduler.poller().is_watched() && self.scheduler.monitor().doze.make_alarm().is_ok()
    }

    /// How many turns all Ps together have had.
    pub(super) fn runs_of_all(&self) -> u64 {
        self.scheduler.ps().fold(0, |sum: u64, p| sum.wrapping_add(p.counters.runs.get()))
    }

    /// Every P idles, and it has nothing to do. `deep`: nor will it have by itself, but for what is left over.
    pub(super) fn sleep_by_the_alarm(&mut self, deep: bool) {
        let monitor = self.scheduler.monitor();
        let begun = clock::now_ns();
        let other = if deep { stack::trim(begun) } else { Some(self.last_second + SECOND_NS) };
        let until = other.into_iter().chain(self.reports.next_look(begun)).min().unwrap_or(NEVER);
        let first = if deep { until } else { until.min(self.at_rest_since + AT_REST_NS) };
        monitor.moves.until.store(until, Relaxed);
        monitor.moves.rested.store(0, Relaxed);
        monitor.moves.deep.store(deep, Relaxed);
        monitor.doze.rest(if first == NEVER { NEVER } else { first.saturating_sub(begun) });
        if self.nothing_to_do() && !(deep && self.somebody_ran()) {
            monitor.doze.sleep_by_the_alarm();
        }
        // Before it rises: who takes a P later has his turns counted later.
        let runs = self.runs_of_all();
        let slept = monitor.doze.rise();
        self.judge_hurry(begun, runs);
        match slept {
            Slept::Ended => {
                self.at_rest_since = 0;
                self.begin_to_look();
            }
            Slept::AllIdle => {
                self.runs = runs;
                match monitor.moves.rested.load(Relaxed) {
                    0 => {}
                    since => self.at_rest_since = since,
                }
            }
            Slept::Watching => self.quiet = QUIET_ROUNDS,
        }
        self.nap = SHORTEST_NS;
        self.looks = LOOKS;
        if self.scheduler.idle().counts().idle() != self.scheduler.procs() {
            self.at_rest_since = 0;
        }
    }

    /// Since it looked last. Who took a P while it was awake, and has let it go again before the state said `RESTS`, has told nobody; from a
    /// deep sleep nobody would look what he has left behind. (A sleep that is not deep ends after 50 ms.)
    fn somebody_ran(&self) -> bool {
        // With the counts, in which all Ps idle, come the turns of whoever made the last of them idle.
        fence(Acquire);
        self.runs_of_all() != self.runs
    }

    /// After a sleep in which all could have been at rest: whether they were in too much of a hurry for the alarm.
    pub(super) fn judge_hurry(&mut self, begun: u64, runs: u64) {
        let ran = runs.wrapping_sub(self.runs);
        self.in_a_hurry = ran.saturating_mul(HURRY_NS) > clock::now_ns().saturating_sub(begun);
    }
}
