//! The monitor: a thread without a P that looks after those who cannot look after themselves (Go's sysmon).
//!
//! Each round it makes the threads that others may not make (`runtime/threads.rs`), takes the Ps of Ms that are away (`retake`), wakes
//! somebody for work that lies while a P idles, and, while one idles, somebody to watch descriptors and timers if nobody has for 1 ms, polls
//! the network itself if nobody did for 10 ms, lets those that wait for a stack try again, gives cold stacks back, and says what is wrong (`report`).
//!
//! **How often.** Every 20 us while there is something to watch closely, doubling after 50 quiet rounds up to 10 ms, but never past the end
//! of a slice. Where every P idles and nothing lies anywhere, the next thing to watch is the slice of somebody who has not begun yet. Then it
//! sleeps by an alarm which those set that take a P, and put off that come to rest (`doze`): a program that does a little now and then, a ticker
//! say, has the monitor look once a second, or when something lasts for a millisecond. Where such a program is in a hurry the monitor naps, for
//! 10 ms at a time (`at_rest`). When no P has run anything for a while it sleeps for good, until an M has used a P for a millisecond.
//!
//! Who wakes it has something to look at, which takes two looks. Only where it is woken again and again is it cheaper for it to stay awake, for
//! those 50 rounds, than for the others to wake it.
//!
//! A push to a `runnext` wakes nobody, so if it naps for long, and a P idles, it must be told (`slot_is_filled`), or the goroutine there would lie
//! until the nap is over. Who pushes tells it, and who lets a P idle while a slot is filled; `doze` shows that it is enough.

mod alarm;
mod at_rest;
mod doze;
mod report;
mod retake;
mod retry;

use crate::limits::{clock, cpu};
use crate::m::{AbortOnPanic, M, current};
use crate::p::P;
use crate::quiet::deadlock::{self, Look};
use crate::runtime::{Order, Scheduler};
use crate::stack;
use at_rest::Moves;
use doze::{AT_REST_NS, Doze};
use report::Reports;
use retake::Seen;
use retry::Retry;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const SHORTEST_NS: u64 = 20_000;
const LONGEST_NS: u64 = 10_000_000;
const QUIET_ROUNDS: u32 = 50;
/// A goroutine's time slice.
pub(crate) const SLICE_NS: u64 = 10_000_000;
/// As long a slice has where time is virtual: what runs in which order is to depend on the program, not on a machine that was busy.
const SLICE_IN_VIRTUAL_TIME_NS: u64 = 100 * SLICE_NS;
/// While some P idles and another is in use it naps no longer: a `runnext` that fills up meanwhile is not announced to a short nap.
const NAP_NS: u64 = 80_000;
/// From this length on a nap begins with a fence, the heavy one where a P idles: a `runnext` that a shorter one overlooks is late by less.
const LONG_NAP_NS: u64 = 1_000_000;
/// Woken twice within so long it stays awake for a while.
const WOKEN_AGAIN_NS: u64 = 500_000;
/// So often it looks for a deadlock then, if the first looks meet somebody awake.
const LOOKS: u8 = 3;
/// The poller is looked at if nobody did for so long.
const UNPOLLED: Duration = Duration::from_millis(10);
/// While a P idles, somebody is woken to watch the descriptors and timers if nobody did for so long.
const UNWATCHED: Duration = Duration::from_millis(1);
const SECOND_NS: u64 = 1_000_000_000;

/// See the module.
pub(crate) struct Monitor {
    doze: Doze,
    moves: Moves,
    stopping: AtomicBool,
    thread_wanted: AtomicBool,
    /// Threads it is to make for others (`runtime/threads.rs`); `ordered`: there are some.
    orders: Mutex<Vec<Order>>,
    ordered: AtomicBool,
    /// It took some, and is at it.
    carrying_out: AtomicBool,
    trace: Option<Duration>,
    /// `procs` follows the machine: the CPU limit is looked at once a second and shown by the metrics.
    follow_cpus: bool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The time of its last look: some milliseconds late at most while a P is in use.
    last_look: AtomicU64,
    pub(crate) detached: AtomicU64,
    pub(crate) retaken: AtomicU64,
    pub(crate) cpus: AtomicU64,
    /// There is a CPU for each P: who has nothing to do takes none from those who have (`m/vigil.rs`). Looked at when the runtime begins, and where
    /// `procs` follows the machine once a second.
    pub(crate) a_cpu_each: AtomicBool,
}

impl Monitor {
    pub(crate) fn new(trace: Option<Duration>, follow_cpus: bool, a_cpu_each: bool) -> Monitor {
        Monitor {
            doze: Doze::new(),
            moves: Moves::new(),
            stopping: AtomicBool::new(false),
            thread_wanted: AtomicBool::new(false),
            orders: Mutex::new(Vec::new()),
            ordered: AtomicBool::new(false),
            carrying_out: AtomicBool::new(false),
            trace,
            follow_cpus,
            thread: Mutex::new(None),
            last_look: AtomicU64::new(clock::now_ns()),
            detached: AtomicU64::new(0),
            retaken: AtomicU64::new(0),
            cpus: AtomicU64::new(0),
            a_cpu_each: AtomicBool::new(a_cpu_each),
        }
    }

    pub(crate) fn start(&self, scheduler: &'static Scheduler) -> io::Result<()> {
        // With the runtime's other descriptors, and not at some later moment at which somebody counts them. If there is none left it is tried again
        // whenever it is wanted.
        let _made = self.doze.make_alarm();
        let name = format!("{}-monitor", scheduler.config().thread_name);
        let handle = std::thread::Builder::new().name(name).spawn(move || Round::new(scheduler).live())?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.doze.end();
        let handle = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            // It aborts the process rather than panic.
            let _ended = handle.join();
        }
        self.doze.close_alarm();
    }

    /// A P left the idle list: a fence, and a load while the monitor does not rest.
    #[inline]
    pub(crate) fn p_is_busy(&self) {
        if self.doze.rests() {
            self.a_p_is_taken();
        }
    }

    /// The time, late by one of the monitor's naps, or from when a P was taken while it rested: for times that people look at. A load, where a
    /// clock would be the dearest part of a park.
    #[inline]
    pub(crate) fn about_now_ns(&self) -> u64 {
        self.last_look.load(Relaxed)
    }

    /// An announced call begins: should it last, its P is to be taken.
    #[inline]
    pub(crate) fn look_soon(&self) {
        self.doze.cut_short();
    }

    /// Something lies in a slot that nobody was woken for. Nor need the monitor be, while no P idles.
    #[inline]
    pub(crate) fn slot_is_filled(&self) {
        self.doze.a_slot_is_filled();
    }

    /// A P was let go, and idles; called behind the fence. What fills a slot from here on is the monitor's care; what does already is the caller's to
    /// look for.
    #[inline]
    pub(crate) fn p_idles(&self) {
        self.doze.a_p_idles(|| current::m().is_none_or(|m| !m.is_exclusive()));
    }

    /// Whether a thread was refused, and the monitor has not been granted one since: nobody else need try.
    pub(crate) fn asks_for_a_thread(&self) -> bool {
        self.thread_wanted.load(Relaxed)
    }

    /// Something has ended that is not seen by a P that comes to idle: if everything is at rest, is it a deadlock?
    pub(crate) fn look_at_rest(&self) {
        // A sleep that is not deep ends before long, and with that look.
        if self.doze.rests() && self.moves.is_deep() {
            self.doze.cut_short();
        }
    }

    /// No thread was to be had for a P: look again while there is work.
    pub(crate) fn thread_wanted(&self) {
        self.thread_wanted.store(true, Relaxed);
        self.must_look();
    }

    /// Has the monitor make a thread.
    pub(crate) fn order(&self, order: Order) {
        {
            let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
            orders.push(order);
            self.ordered.store(true, SeqCst);
        }
        // However short its nap is, and in whatever it is: a P waits for this thread.
        self.doze.end();
    }

    /// Whether threads are still to be made. In this order: who carries out says so before the orders are taken.
    pub(crate) fn has_orders(&self) -> bool {
        self.ordered.load(SeqCst) || self.carrying_out.load(SeqCst)
    }

    /// What was ordered and is not done yet.
    pub(crate) fn take_orders(&self) -> Vec<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        self.ordered.store(false, SeqCst);
        std::mem::take(&mut *orders)
    }

    /// Something is left to the monitor alone: as `look_soon`, and it does not sleep on.
    pub(crate) fn must_look(&self) {
        self.doze.must_look();
    }
}

/// The monitor's own variables.
struct Round {
    scheduler: &'static Scheduler,
    seen: Vec<Seen>,
    reports: Reports,
    retry: Retry,
    quiet: u32,
    nap: u64,
    /// When its sleep was last ended by somebody.
    woken: u64,
    /// A timer was due in the round before, and nobody slept in the poll until it is.
    timer_lay: bool,
    at_rest_since: u64,
    /// How many turns all Ps together had had in the round before.
    runs: u64,
    /// More went on in its last sleep than the alarm is worth.
    in_a_hurry: bool,
    /// How often it may still look whether what is at rest is a deadlock.
    looks: u8,
    /// A goroutine's time slice.
    slice: u64,
    last_second: u64,
    last_trace: u64,
    next_trim: u64,
    cpu_limit: Option<cpu::CpuLimit>,
}

impl Round {
    fn new(scheduler: &'static Scheduler) -> Round {
        Round {
            scheduler,
            seen: scheduler.ps().map(|_| Seen::default()).collect(),
            reports: Reports::default(),
            retry: Retry::default(),
            quiet: 0,
            nap: SHORTEST_NS,
            woken: 0,
            timer_lay: false,
            at_rest_since: 0,
            runs: 0,
            in_a_hurry: false,
            looks: LOOKS,
            slice: if scheduler.quiet_state().clock.is_virtual() { SLICE_IN_VIRTUAL_TIME_NS } else { SLICE_NS },
            last_second: clock::now_ns(),
            last_trace: 0,
            next_trim: 0,
            cpu_limit: scheduler.monitor().follow_cpus.then(cpu::CpuLimit::find),
        }
    }

    fn live(mut self) {
        let _abort = AbortOnPanic;
        current::become_monitor(self.scheduler);
        precise_sleeps();
        let monitor = self.scheduler.monitor();
        while !monitor.stopping.load(Acquire) {
            self.sleep();
            let now = clock::now_ns();
            monitor.last_look.store(now, Relaxed);
            let acted = self.look(now);
            if acted {
                self.quiet = 0;
                self.nap = SHORTEST_NS;
            } else {
                self.quiet += 1;
                if self.quiet > QUIET_ROUNDS {
                    self.nap = (self.nap * 2).min(LONGEST_NS);
                }
            }
        }
    }

    /// Sleeps as long as the module says.
    fn sleep(&mut self) {
        let scheduler = self.scheduler;
        let monitor = scheduler.monitor();
        let counts = scheduler.idle().counts();
        let now = clock::now_ns();
        let all_idle = counts.idle() == scheduler.procs();
        let runs = self.runs_of_all();
        let ran = std::mem::replace(&mut self.runs, runs) != runs;
        if !all_idle || ran {
            self.at_rest_since = 0;
            self.looks = LOOKS;
        }
        if all_idle && self.at_rest_since == 0 {
            self.at_rest_since = now;
        }
        let for_long = all_idle && now - self.at_rest_since >= AT_REST_NS;
        if for_long {
            self.look_for_a_deadlock();
        }
        // While looks for a deadlock are still to be made, it naps between them.
        let deep = for_long && self.looks == 0;
        let at_rest = (deep || self.quiet >= QUIET_ROUNDS) && self.nothing_to_do();
        if at_rest && (deep || (all_idle && !for_long && !self.in_a_hurry)) && self.may_rest() {
            return self.sleep_by_the_alarm(deep);
        }
        let mut nap = self.nap;
        if counts.idle() > 0 && !all_idle {
            nap = nap.min(NAP_NS);
        }
        if at_rest {
            nap = LONGEST_NS;
        }
        for (p, seen) in scheduler.ps().zip(&self.seen) {
            if let Some(end) = seen.slice_end(p) {
                nap = nap.min(end.saturating_sub(now).max(SHORTEST_NS));
            }
        }
        if nap > NAP_NS {
            monitor.doze.nap(nap >= LONG_NAP_NS, scheduler.procs(), || scheduler.idle().counts().idle());
            let idle = scheduler.idle().counts().idle();
            let lies = idle > 0 && (self.timer_lay || scheduler.ps().any(|p| !p.ring.is_empty()));
            if lies || (at_rest && idle != scheduler.procs()) {
                // Left there, or begun, between the last look and the word.
                nap = SHORTEST_NS;
            }
        }
        let woken = monitor.doze.sleep(Some(Duration::from_nanos(nap)));
        if at_rest {
            self.judge_hurry(now, self.runs_of_all());
        }
        if woken {
            self.begin_to_look();
        }
    }

    /// Somebody has ended its sleep.
    fn begin_to_look(&mut self) {
        let now = clock::now_ns();
        let again = now - self.woken < WOKEN_AGAIN_NS;
        self.woken = now;
        self.quiet = if again { 0 } else { QUIET_ROUNDS };
        self.nap = SHORTEST_NS;
    }

    /// Once each time that all comes to rest; some times, where somebody was still on his way to bed.
    fn look_for_a_deadlock(&mut self) {
        if self.looks > 0 {
            self.looks = match deadlock::look(self.scheduler) {
                Look::Over => 0,
                Look::Again => self.looks - 1,
            };
        }
    }

    /// Nothing but what sets the note can give it something to do: asked once more when the sleep was announced.
    fn nothing_to_do(&self) -> bool {
        let scheduler = self.scheduler;
        let monitor = scheduler.monitor();
        scheduler.idle().counts().idle() == scheduler.procs()
            && scheduler.stackless() == 0
            && monitor.trace.is_none()
            && !scheduler.quiet_state().clock.is_virtual()
            && !monitor.thread_wanted.load(Relaxed)
            && scheduler.ps().all(|p| p.ring.is_empty())
            && !self.reports.watches_seats()
            && !self.unwatched()
            && !monitor.stopping.load(Acquire)
    }

    /// One round. True: something was done, so look closely for a while.
    fn look(&mut self, now: u64) -> bool {
        let scheduler = self.scheduler;
        let mut acted = self.carry_out_orders();
        acted |= self.poll();
        let others_wait = self.others_wait();
        acted |= self.retake(now, others_wait);
        acted |= self.wake_for_stuck_work(now);
        if scheduler.quiet_state().clock.is_virtual() {
            scheduler.wake_if_quiet();
        }
        if scheduler.stackless() > 0 {
            scheduler.tend_stackless(now);
        }
        if now >= self.next_trim {
            // Stacks come to rest at any time: a look ten times a second.
            self.next_trim = stack::trim(now).unwrap_or(0).max(now + SECOND_NS / 10);
        }
        if now - self.last_second >= SECOND_NS {
            self.last_second = now;
            if let Some(limit) = &mut self.cpu_limit {
                scheduler.monitor().cpus.store(limit.procs() as u64, Relaxed);
                scheduler.monitor().a_cpu_each.store(limit.covers(scheduler.procs() as usize), Relaxed);
            }
        }
        if let Some(interval) = scheduler.monitor().trace
            && (self.last_trace == 0 || now - self.last_trace >= interval.as_nanos() as u64)
        {
            self.last_trace = now;
            crate::observe::trace(scheduler);
        }
        acted
    }

    /// Polls the descriptors if nobody did for long: every P is busy with something that does not come by.
    fn poll(&self) -> bool {
        let poller = self.scheduler.poller();
        if poller.waiters() == 0 || poller.since_last_poll(Instant::now()) < UNPOLLED {
            return false;
        }
        let mut ready = threadle_netpoll::Ready::new();
        if let Err(error) = poller.poll_now(&mut ready) {
            crate::poll::broken(&error);
        }
        let any = !ready.is_empty();
        crate::poll::wake_ready(&mut ready);
        any
    }

    fn carry_out_orders(&self) -> bool {
        let monitor = self.scheduler.monitor();
        if !monitor.ordered.load(Relaxed) {
            return false;
        }
        monitor.carrying_out.store(true, SeqCst);
        monitor.take_orders().into_iter().for_each(|order| self.scheduler.carry_out(order));
        monitor.carrying_out.store(false, Release);
        true
    }

    /// Whether somebody waits for a P.
    fn others_wait(&self) -> bool {
        let scheduler = self.scheduler;
        scheduler.idle().waiting() > 0
            || !scheduler.injector().is_empty()
            || scheduler.ps().any(|p| !p.ring.is_empty() || p.m().is_some_and(M::has_arrivals))
            || scheduler.timers_due()
            || (scheduler.poller().waiters() > 0 && scheduler.poller().since_last_poll(Instant::now()) >= UNPOLLED)
    }

    /// Work lies while a P idles: a `runnext` whose P does not get to it (in two rounds the same), a timer that nobody gets to (likewise: whoever
    /// sleeps in the poll until it is due needs a moment to wake up), or a thread that could not be made.
    fn wake_for_stuck_work(&mut self, now: u64) -> bool {
        let scheduler = self.scheduler;
        let refused = &scheduler.monitor().thread_wanted;
        let counts = scheduler.idle().counts();
        let timer_lies = scheduler.timers_due() && !scheduler.poller().is_watched();
        let timer_lay = std::mem::replace(&mut self.timer_lay, timer_lies);
        if counts.idle() == 0 || counts.searching() > 0 {
            return false;
        }
        if refused.load(Relaxed) && !self.retry.may_ask(now) && !scheduler.idle().has_sleeper() {
            return false;
        }
        let mut stuck = refused.swap(false, Relaxed) && scheduler.any_work();
        for (p, seen) in scheduler.ps().zip(&mut self.seen) {
            stuck |= seen.lies_still(p);
        }
        stuck |= !scheduler.injector().is_empty();
        // Bound, what lies there is fresh, and where no seat is free whoever is woken could not start it.
        stuck &= scheduler.fresh_may_start();
        stuck |= (timer_lies && timer_lay) || self.unwatched();
        if stuck {
            scheduler.wake_if_wanted();
        }
        if refused.load(Relaxed) {
            self.retry.refused(now);
            return false;
        }
        self.retry.granted();
        stuck
    }

    /// Nobody has polled for a while, nor is about to: the M that did is away. Whether anybody waits for a descriptor or a timer by now is
    /// no matter: who comes to wait later counts on somebody being there.
    fn unwatched(&self) -> bool {
        self.scheduler.poller().since_last_poll(Instant::now()) >= UNWATCHED
    }

    fn p(&self, index: usize) -> &'static P {
        self.scheduler.p(index as u32)
    }
}

/// Naps of 20 us are to be that, not 20 us and the kernel's usual slack of 50.
fn precise_sleeps() {
    // SAFETY: sets a number of this thread only.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}
