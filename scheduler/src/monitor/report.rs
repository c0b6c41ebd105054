//! Ms that were detached, how many of them compute, and what is said of it on stderr.
//!
//! Of a goroutine that keeps its thread for long while others that are at home there are ready, it is said whether it computes or blocks. There is
//! a third: the machine runs other threads in its place, or the monitor itself was kept from looking. Then nobody is to blame and nothing is
//! said, yet. So whoever is accused was seen to use a good share of CPU time, or, twice and some time apart, not to want any ([`Suspect`]).

use super::retake::burns;
use super::{SECOND_NS, SLICE_NS};
use crate::g::G;
use crate::limits::clock::ThreadClock;
use crate::m::M;
use crate::observe::name_of;
use crate::runtime::Scheduler;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// So many detached Ms may compute at once for each P: more would only take the CPUs from each other.
const BURNING_PER_P: usize = 4;

/// So long a goroutine may hold up others before it is reported: well within a second, slice included.
pub(super) const REPORT_AFTER_NS: u64 = SECOND_NS / 2;
/// After so many reports the point is made.
const MOST_REPORTS: usize = 100;

/// What a goroutine does that keeps its thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keeps {
    Computing,
    Blocking,
}

/// So much CPU time since the first reading is no hiccup: several slices.
const COMPUTES: Duration = Duration::from_millis(50);
/// Between two looks at the same suspect.
const SUSPECT_LOOK_NS: u64 = SECOND_NS / 100;

/// A thread whose goroutine may have to be reported.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Suspect {
    /// The CPU time it had used when this began.
    used: Option<Duration>,
    looked: u64,
    /// In the look before it neither had a CPU nor wanted one.
    blocked: bool,
}

impl Suspect {
    pub(super) fn begin(used: Option<Duration>) -> Suspect {
        Suspect { used, looked: 0, blocked: false }
    }

    /// What can be told by now.
    fn look(&mut self, clock: ThreadClock, now: u64) -> Option<Keeps> {
        if self.looked != 0 && now - self.looked < SUSPECT_LOOK_NS {
            return None;
        }
        self.looked = now;
        if let (Some(before), Some(used)) = (self.used, clock.cpu_time())
            && used.saturating_sub(before) >= COMPUTES
        {
            return Some(Keeps::Computing);
        }
        let blocked = clock.is_runnable() == Some(false);
        let twice = std::mem::replace(&mut self.blocked, blocked) && blocked;
        twice.then_some(Keeps::Blocking)
    }
}

#[derive(Clone, Copy)]
struct Detached {
    m: &'static M,
    goroutine: u64,
    since: u64,
    burns: bool,
    suspect: Suspect,
    /// It keeps its seat (`seats.rs`): when that was looked into last, and the CPU time its thread had used when the P was taken.
    seated: Option<(u64, Option<Duration>)>,
}

/// So often an M that is kept from running is looked at.
const SEAT_LOOK_NS: u64 = SECOND_NS / 1_000;
/// Who has used so much CPU time since the first quarter of his slice was not kept from running.
const SLICE_USED: Duration = Duration::from_nanos(SLICE_NS / 2);

/// It wants a CPU and has not had its slice yet, of which it had used so much early in it: the machine runs others.
pub(super) fn is_kept_from_running(m: &M, used: Option<Duration>) -> bool {
    !had_its_slice(m, used) && wants_to_run(m)
}

/// Whether the M's thread has had its slice, however long that took.
fn had_its_slice(m: &M, before: Option<Duration>) -> bool {
    let now = m.clock().and_then(ThreadClock::cpu_time);
    matches!((before, now), (Some(before), Some(now)) if now.saturating_sub(before) >= SLICE_USED)
}

/// Whether the M's thread is seen to want a CPU. Who cannot be looked at may block for ever, and does not keep his seat.
fn wants_to_run(m: &M) -> bool {
    m.clock().is_some_and(|clock| clock.is_runnable() == Some(true))
}

#[derive(Default)]
pub(super) struct Reports {
    detached: Vec<Detached>,
    limit_since: u64,
    limit_reported: bool,
    /// Goroutines that were reported for holding up others; each once.
    said_of: Vec<u64>,
}

impl Reports {
    /// `used`: the CPU time its thread had used early in the slice.
    pub(super) fn detached(&mut self, m: &'static M, now: u64, burns: bool, used: Option<Duration>) {
        let goroutine = m.running().map_or(0, G::id);
        let clock = m.clock();
        // Bound mode's seat: migrating, nobody has one.
        let kept_from_running = m.has_seat() && is_kept_from_running(m, used);
        if !kept_from_running {
            m.give_seat_back();
        }
        let used = used.or_else(|| clock.and_then(ThreadClock::cpu_time));
        let seated = kept_from_running.then_some((now, used));
        self.detached.push(Detached { m, goroutine, since: now, burns, suspect: Suspect::begin(used), seated });
    }

    /// Whether an M that was kept from running may still turn out to block or to compute.
    pub(super) fn watches_seats(&self) -> bool {
        self.detached.iter().any(|d| d.seated.is_some())
    }

    /// An M that kept its seat has come to block, or has had its slice and does not come back.
    fn look_at_seats(&mut self, now: u64) {
        for d in &mut self.detached {
            let Some((looked, used)) = &mut d.seated else { continue };
            if now - *looked < SEAT_LOOK_NS {
                continue;
            }
            *looked = now;
            d.burns = burns(d.m, *used);
            if !is_kept_from_running(d.m, *used) {
                d.seated = None;
                d.m.leave_seat();
            }
        }
    }

    /// Whether one more M that computes may lose its P.
    pub(super) fn may_burn(&self, scheduler: &Scheduler) -> bool {
        let burning = self.detached.iter().filter(|d| d.burns).count();
        burning < BURNING_PER_P * scheduler.procs() as usize
            && scheduler.threads() < scheduler.max_threads().div_ceil(2)
    }

    /// A goroutine has kept its thread for long while others that are at home there are ready: said once of each, when it is known why.
    pub(super) fn holds_up(&mut self, m: &'static M, held_up: u32, suspect: &mut Suspect, now: u64) {
        let Some(g) = m.running() else { return };
        if self.said_of.contains(&g.id()) || self.said_of.len() >= MOST_REPORTS || m.lease.inside() {
            return;
        }
        let Some(keeps) = m.clock().and_then(|clock| suspect.look(clock, now)) else { return };
        self.said_of.push(g.id());
        let what = match keeps {
            Keeps::Computing => "computes",
            Keeps::Blocking => "blocks its thread",
        };
        crate::say::say!(
            "threadle: {} {what} without a switching call and holds up {held_up} or more ready goroutines of its thread; \
             checkpoint() or blocking() would cure it",
            name_of(Some(g))
        );
    }

    /// When a goroutine without a P may have to be reported, so that the monitor must not sleep past it: when it is due, then from look to look
    /// while it holds others up, and now and then while it does not yet: whoever makes those ready does not wake the monitor.
    pub(super) fn next_look(&self, now: u64) -> Option<u64> {
        if self.said_of.len() >= MOST_REPORTS {
            return None;
        }
        let unsaid = |d: &&Detached| d.m.owned.load(Relaxed) > 1 && !self.said_of.contains(&d.goroutine);
        let between = |d: &Detached| if d.m.held_up() > 0 { SUSPECT_LOOK_NS } else { REPORT_AFTER_NS };
        let then = |d: &Detached| (d.since + REPORT_AFTER_NS).max(now + between(d));
        self.detached.iter().filter(unsaid).map(then).min()
    }

    /// Forgets those that have come back, and reports what has lasted for a second.
    pub(super) fn look(&mut self, scheduler: &'static Scheduler, now: u64, others_wait: bool) {
        self.detached.retain(|d| d.m.lease.p().is_none() && d.m.running().is_some_and(|g| g.id() == d.goroutine));
        self.look_at_seats(now);
        for i in 0..self.detached.len() {
            let Detached { m, since, mut suspect, .. } = self.detached[i];
            let held_up = m.held_up();
            if held_up > 0 && now - since >= REPORT_AFTER_NS {
                self.holds_up(m, held_up, &mut suspect, now);
                self.detached[i].suspect = suspect;
            }
        }
        // With no thread left to make, the P that was taken idles beside the work; with too many that compute, no P idles.
        let no_thread = scheduler.threads() >= scheduler.max_threads();
        let all_burn = scheduler.idle().counts().idle() == 0 && !self.detached.is_empty() && !self.may_burn(scheduler);
        let at_limit = others_wait && (no_thread || all_burn);
        if !at_limit {
            self.limit_since = 0;
        } else if self.limit_since == 0 {
            self.limit_since = now;
        } else if now - self.limit_since >= SECOND_NS && !self.limit_reported {
            self.limit_reported = true;
            let oldest = self.detached.iter().min_by_key(|d| d.since).and_then(|d| d.m.running());
            crate::say::say!(
                "threadle: work has waited for a second: {} of at most {} threads are in use, {} goroutines run without a P; the oldest is {}",
                scheduler.threads(),
                scheduler.max_threads(),
                self.detached.len(),
                name_of(oldest)
            );
        }
    }
}

#[cfg(all(test, not(loom)))]
#[expect(clippy::disallowed_methods, reason = "plain threads that compute, or block")]
mod tests {
    use std::hint;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;
    use crate::limits::clock::now_ns;

    /// Looks at a thread that does `what` until something can be told of it, or so often.
    fn told_of(looks: usize, mut what: impl FnMut() + Send + 'static) -> Option<Keeps> {
        let over = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let thread = {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                tell.send(ThreadClock::current().expect("Linux has the clocks of threads")).expect("we wait for it");
                while !over.load(SeqCst) {
                    what();
                }
            })
        };
        let clock = told.recv().expect("it tells");
        let mut suspect = Suspect::begin(clock.cpu_time());
        let keeps = (0..looks).find_map(|_| {
            thread::sleep(Duration::from_nanos(2 * SUSPECT_LOOK_NS));
            suspect.look(clock, now_ns())
        });
        over.store(true, SeqCst);
        thread.join().expect("it does as it is told");
        keeps
    }

    #[test]
    fn who_computes_is_told_from_who_blocks() {
        assert_eq!(told_of(10_000, hint::spin_loop), Some(Keeps::Computing));
        assert_eq!(told_of(10_000, || thread::sleep(Duration::from_secs(1))), Some(Keeps::Blocking));
    }

    /// One that wants a CPU, however little it gets of it, does not block. It shares one with a thread that leaves it a three hundredth.
    #[test]
    fn one_that_is_kept_from_running_does_not_block() {
        let over = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let other = {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                // SAFETY: takes nothing and touches nothing.
                let cpu = unsafe { libc::sched_getcpu() };
                tell.send(cpu).expect("we wait for it");
                stay_on(cpu);
                while !over.load(SeqCst) {
                    hint::spin_loop();
                }
            })
        };
        let cpu = told.recv().expect("it tells");
        for _ in 0..5 {
            let mut kept = false;
            let told = told_of(3, move || {
                if !kept {
                    kept = true;
                    stay_on(cpu);
                    run_when_nobody_else_wants_to();
                }
                hint::spin_loop();
            });
            assert_ne!(told, Some(Keeps::Blocking));
        }
        over.store(true, SeqCst);
        other.join().expect("it only computes");
    }

    fn stay_on(cpu: i32) {
        // SAFETY: all zero is the empty set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: a set of our own, and a number the system gave.
        unsafe { libc::CPU_SET(usize::try_from(cpu).expect("Linux tells the CPU"), &mut set) };
        // SAFETY: the calling thread, and a set of the size that is stated.
        let error = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
        assert_eq!(error, 0, "a thread may stay where it is: {}", std::io::Error::last_os_error());
    }

    fn run_when_nobody_else_wants_to() {
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the calling thread, and parameters of our own.
        let error = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
        assert_eq!(error, 0, "everybody may ask for less: {}", std::io::Error::last_os_error());
    }

    /// The monitor may have been kept from looking itself: what it then sees first is no evidence.
    #[test]
    fn one_look_convicts_nobody() {
        let clock = ThreadClock::current().expect("Linux has the clocks of threads");
        let mut suspect = Suspect::begin(clock.cpu_time());
        assert_eq!(suspect.look(clock, 1), None);
        assert_eq!(suspect.look(clock, SUSPECT_LOOK_NS), None, "too soon after the first");
    }
}
