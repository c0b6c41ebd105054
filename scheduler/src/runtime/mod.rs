//! One runtime: its Ps, its Ms, its queues, from start to shutdown.
//!
//! A [`Scheduler`] is leaked when it is made: tickets, late wakers and threads that are let go at the shutdown may look at it at any time.
//! What it owns of the system (descriptors, threads, stacks) is given back by `shutdown` as far as nobody can touch it any more.

mod config;
mod gate;
mod host;
mod shutdown;
mod stackless;
mod threads;

pub use config::{Config, Mode};
pub use host::Host;
pub(crate) use shutdown::{tell_joiner, undo_wait};
pub(crate) use stackless::report_unstarted;
pub(crate) use threads::Order;

use crate::g::{G, SpawnOptions};
use crate::helpers::Helpers;
use crate::idle::{Idle, Released, Wakeup};
use crate::injector::Injector;
use crate::limits;
use crate::m::{M, current};
use crate::monitor::Monitor;
use crate::p::P;
use crate::park::Ticket;
use crate::quiet::{self, clock::Clock};
use crate::seats::Seats;
use crate::spawn::{self, Ended};
use crate::stack;
use crossbeam_utils::CachePadded;
use gate::Gate;
use stackless::Stackless;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use threadle_netpoll::Poller;

/// See the module.
pub(crate) struct Scheduler {
    config: Config,
    procs: u32,
    ps: Box<[CachePadded<P>]>,
    /// Steps that visit every P (Go's random coprime order).
    coprimes: Box<[u32]>,
    injector: CachePadded<Injector<G>>,
    idle: CachePadded<Idle<M>>,
    /// Freed at the shutdown once nobody can use it.
    poller: AtomicPtr<Poller<Ticket>>,
    monitor: Monitor,
    helpers: Helpers,
    stackless: Stackless,
    /// Closed when the runtime ends. Foreign threads pass it while they wake an M: the poller outlives that.
    gate: Gate,
    /// It has ended, and no M takes a goroutine out of a queue any more.
    at_rest: AtomicBool,
    seats: Seats,
    ids: AtomicU64,
    /// Spawned and finished where no P was at hand.
    spawned: AtomicU64,
    finished: AtomicU64,
    /// Somebody waits until all goroutines have ended.
    draining: AtomicBool,
    max_threads: usize,
    threads: AtomicUsize,
    ms: Mutex<Ms>,
    changed: Condvar,
    left_threads: AtomicUsize,
    quiet: quiet::State,
}

/// The number of main's goroutine.
pub(crate) const MAIN: u64 = 1;

#[derive(Default)]
struct Ms {
    /// Every M that has a thread.
    alive: Vec<&'static M>,
    handles: Vec<(u32, JoinHandle<()>)>,
    /// Ms whose thread has ended.
    spare: Vec<&'static M>,
    next_id: u32,
}

impl Scheduler {
    /// Makes a runtime, with one M that has a P.
    fn start(config: Config, virtual_time: bool) -> io::Result<&'static Scheduler> {
        let (procs, follow) = config.resolve_procs();
        prepare_the_process()?;
        let poller = Poller::new(&crate::poll::DESCRIPTORS)?;
        let stack_size = config.stack_size;
        let scheduler: &'static Scheduler = Box::leak(Box::new(Scheduler {
            procs: procs as u32,
            ps: (0..procs as u32).map(|i| CachePadded::new(P::new(i, stack_size))).collect(),
            coprimes: (1..=procs as u32).filter(|i| gcd(*i, procs as u32) == 1).collect(),
            injector: CachePadded::new(Injector::new()),
            idle: CachePadded::new(Idle::new()),
            poller: AtomicPtr::new(Box::into_raw(Box::new(poller))),
            monitor: Monitor::new(config::trace_interval(), follow, limits::cpu::CpuLimit::find().covers(procs)),
            helpers: Helpers::default(),
            stackless: Stackless::default(),
            gate: Gate::new(),
            at_rest: AtomicBool::new(false),
            seats: Seats::new(procs as u32),
            ids: AtomicU64::new(MAIN),
            spawned: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            max_threads: limits::threads::thread_budget(config.max_threads).max(2),
            threads: AtomicUsize::new(0),
            ms: Mutex::new(Ms::default()),
            changed: Condvar::new(),
            left_threads: AtomicUsize::new(0),
            // After the wheels, whose time is not to be ahead of the clock's.
            quiet: quiet::State::new(Clock::new(virtual_time)),
            config,
        }));
        for p in (1..scheduler.procs).rev() {
            match scheduler.idle.release(p, false) {
                Released::Idles => {}
                Released::To(_) => unreachable!("there are no Ms yet"),
            }
        }
        scheduler.monitor.start(scheduler)?;
        if let Err(error) = scheduler.start_m(0, false) {
            scheduler.shut_down();
            return Err(error);
        }
        Ok(scheduler)
    }

    // The parts.

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }
    pub(crate) fn mode(&self) -> Mode {
        self.config.mode
    }
    pub(crate) fn procs(&self) -> u32 {
        self.procs
    }
    pub(crate) fn p(&self, index: u32) -> &P {
        &self.ps[index as usize]
    }
    pub(crate) fn ps(&self) -> impl Iterator<Item = &P> {
        self.ps.iter().map(|p| &**p)
    }
    pub(crate) fn injector(&self) -> &Injector<G> {
        &self.injector
    }
    pub(crate) fn idle(&self) -> &Idle<M> {
        &self.idle
    }
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }
    pub(crate) fn helpers(&self) -> &Helpers {
        &self.helpers
    }
    pub(crate) fn quiet_state(&self) -> &quiet::State {
        &self.quiet
    }
    /// The time by the runtime's clock.
    pub(crate) fn now_ns(&self) -> u64 {
        self.quiet.clock.now_ns()
    }
    /// Only for the runtime's own threads, while they are counted, and for those inside the gate.
    pub(crate) fn poller(&self) -> &Poller<Ticket> {
        // SAFETY: made in `start`, and freed by the shutdown only after the last thread that was named above.
        unsafe { &*self.poller.load(Acquire) }
    }
    #[inline]
    pub(crate) fn stopping(&self) -> bool {
        self.gate.is_closed()
    }
    fn ms(&self) -> MutexGuard<'_, Ms> {
        self.ms.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Every M that has a thread.
    pub(crate) fn alive(&self) -> Vec<&'static M> {
        self.ms().alive.clone()
    }

    // Work, and who does it.

    /// Goroutines that any M with a P could run. The `runnext` slots are left to their owners and the monitor, timers to whoever blocks in
    /// the poll.
    pub(crate) fn any_work(&self) -> bool {
        !self.injector.is_empty() || self.ps().any(|p| p.ring.queued() > 0)
    }

    pub(crate) fn earliest_timer(&self) -> u64 {
        self.ps().map(|p| p.timers.next()).min().unwrap_or(crate::timers::NEVER)
    }

    pub(crate) fn timers_due(&self) -> bool {
        self.earliest_timer() <= self.now_ns()
    }

    /// Fires what is due on any P; for a thread without a P, or for all of them.
    pub(crate) fn fire_due_timers(&self, now: u64) -> usize {
        self.ps().map(|p| p.timers.run_due(now, usize::MAX).count).sum()
    }

    /// Work was published: wakes an M for it if a P idles and nobody searches. Never blocks for long, never switches.
    #[inline]
    pub(crate) fn wake_if_wanted(&'static self) {
        if self.idle.wake_wanted() {
            self.wake_one();
        }
    }

    #[cold]
    fn wake_one(&'static self) {
        self.as_waker(|| {
            if let Some(Wakeup { p, m }) = self.idle.claim() {
                match m {
                    Some(m) => m.assign(p, true),
                    None => self.start_m_or_keep(p, true),
                }
            }
        });
    }

    /// Has an idle P and a sleeping M run this fresh goroutine. False: there is none, or somebody searches and would take it anyway.
    pub(crate) fn wake_with(&'static self, g: &'static G) -> bool {
        let mut placed = false;
        self.as_waker(|| {
            if let Some(Wakeup { p, m }) = self.idle.claim() {
                // SAFETY: this thread took the P off the idle list and has not passed it on; the assignment below publishes the push.
                placed = unsafe { self.p(p).queue() }.push_back(g).is_ok();
                match m {
                    Some(m) => m.assign(p, true),
                    None => self.start_m_or_keep(p, true),
                }
            }
        });
        placed
    }

    /// The M for which this is least, of those for which there is a number.
    pub(crate) fn least_of_ms(&self, number: impl Fn(&M) -> Option<usize>) -> Option<&'static M> {
        let ms = self.ms();
        let numbered = ms.alive.iter().filter_map(|m| Some((number(m)?, *m)));
        numbered.min_by_key(|(number, _)| *number).map(|(_, m)| m)
    }

    /// How many started goroutines each P would have if they were spread evenly (bound mode).
    pub(crate) fn mean_at_home(&self) -> usize {
        let all: u32 = self.ms().alive.iter().map(|m| m.owned.load(Relaxed)).sum();
        all as usize / self.procs as usize
    }

    /// Does something that touches the poller or starts threads, unless the runtime ends; the shutdown waits for it.
    pub(crate) fn as_waker(&self, f: impl FnOnce()) {
        self.gate.pass(f);
    }

    /// A P whose M is away: to an M that waits for one, to a sleeping or new one if there is work for it, else it idles.
    pub(crate) fn hand_off(&'static self, p: u32) {
        if let Some(m) = self.idle.next_waiting(false) {
            return m.assign(p, false);
        }
        let work = (!self.p(p).ring.is_empty() || !self.injector.is_empty()) && self.fresh_may_start();
        let counts = self.idle.counts();
        // Everybody is busy: somebody must look round, for the poller and for what the busy ones left. `release` would see it too, but
        // nobody would be awake to search.
        if work || counts.searching() + counts.idle() == 0 {
            return self.hand_on(p);
        }
        self.let_idle(p);
    }

    /// A P with work for whoever may run it: to a waiting, sleeping or new M that can.
    pub(crate) fn hand_on(&'static self, p: u32) {
        match self.idle.next_waiting_for_all().or_else(|| self.idle.take_sleeper()) {
            Some(m) => m.assign(p, false),
            None => self.start_m_or_keep(p, false),
        }
    }

    /// A P was let go: what lies in a `runnext` is the monitor's care from here on, should it nap (`monitor/doze.rs`).
    #[inline]
    pub(crate) fn runnext_is_watched(&self) {
        self.monitor.p_idles();
        if self.ps().any(|p| p.ring.has_next()) {
            self.monitor.slot_is_filled();
        }
    }

    /// An M without a P is about to sleep. If everybody rests and somebody is in the poll, so may the monitor (`monitor/doze.rs`).
    #[inline]
    pub(crate) fn may_all_rest(&self) {
        if self.monitor.watches() && self.poller().is_watched() {
            self.monitor.rest_again(|| self.idle.counts().idle() == self.procs());
        }
    }

    fn let_idle(&'static self, p: u32) {
        match self.idle.release(p, false) {
            Released::To(m) => m.assign(p, false),
            Released::Idles => {
                self.runnext_is_watched();
                // Who lets this P idle does not end in the poll.
                if self.any_work() || !self.poller().is_watched() {
                    self.wake_if_wanted();
                }
            }
        }
    }

    /// Those of bound mode.
    pub(crate) fn seats(&self) -> &Seats {
        &self.seats
    }

    /// Whether an M that takes a P now could start a fresh goroutine. A hint.
    pub(crate) fn fresh_may_start(&self) -> bool {
        self.mode() == Mode::Migrating || self.seats.any()
    }

    /// The other Ps in a random order: a random start and a random step that visits all.
    pub(crate) fn steal_order(&self, random: u32) -> impl Iterator<Item = u32> + use<> {
        let n = self.procs;
        let step = self.coprimes[(random / n) as usize % self.coprimes.len()];
        let start = random % n;
        (0..n).scan(start, move |at, _| {
            let here = *at;
            *at = (*at + step) % n;
            Some(here)
        })
    }

    /// Whether every M that has a thread is among so many that sleep, and nothing lies in an inbox, nor among the arrivals.
    pub(crate) fn all_asleep(&self, sleeping: usize) -> bool {
        let ms = self.ms();
        ms.alive.len() == sleeping && ms.alive.iter().all(|m| m.inbox.is_empty() && !m.has_arrivals())
    }

    // Counting goroutines.

    pub(crate) fn next_id(&self) -> u64 {
        self.next_ids(1)
    }
    pub(crate) fn next_ids(&self, n: u64) -> u64 {
        self.ids.fetch_add(n, Relaxed)
    }
    pub(crate) fn count_spawned(&self) {
        self.spawned.fetch_add(1, Release);
    }
    pub(crate) fn count_finished(&self, n: u64) {
        self.finished.fetch_add(n, Release);
    }
    pub(crate) fn spawned_and_finished(&self) -> (u64, u64) {
        // The finished first: what finishes in between was spawned before.
        let finished = self.finished.load(Acquire) + self.ps().map(|p| p.counters.finished.get()).sum::<u64>();
        let spawned = self.spawned.load(Acquire) + self.ps().map(|p| p.counters.spawned.get()).sum::<u64>();
        (spawned, finished)
    }
    /// Goroutines that have not ended.
    pub(crate) fn live(&self) -> usize {
        let (spawned, finished) = self.spawned_and_finished();
        spawned.saturating_sub(finished) as usize
    }
    /// Main has ended, and the others are waited for.
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
    /// One has ended; if somebody waits for the last he is told.
    #[inline]
    pub(crate) fn goroutine_ended(&self) {
        if self.draining.load(Relaxed) && self.live() == 0 {
            drop(self.ms());
            self.changed.notify_all();
        }
    }
}

/// What is done once for all runtimes of a process.
fn prepare_the_process() -> io::Result<()> {
    use std::sync::Once;
    static ONCE: Once = Once::new();
    stack::overflow::install(&crate::observe::DESCRIBE)?;
    ONCE.call_once(|| {
        // SAFETY: the handler touches a thread-local without a destructor and an atomic, which is all that a forked child may.
        unsafe { libc::pthread_atfork(None, None, Some(current::after_fork)) };
        if crate::limits::membarrier::register() {
            // SAFETY: a private expedited membarrier is just that; `heavy` does not return without it; no M has started yet.
            unsafe { crate::m::fence::use_membarrier(heavy_or_abort) };
        }
    });
    Ok(())
}

fn heavy_or_abort() {
    if !crate::limits::membarrier::heavy() {
        crate::say::say!("threadle: the kernel refuses a membarrier it had granted; the runtime cannot go on");
        std::process::abort();
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The runtime the caller works for.
#[track_caller]
pub(crate) fn current_or_panic(what: &str) -> &'static Scheduler {
    match current::scheduler() {
        Some(scheduler) => scheduler,
        None if current::forked() => panic!(
            "{what} needs a running threadle runtime, and that of the parent process has not come along through fork: exec a program, or \
             start a runtime of its own with threadle::run"
        ),
        None => panic!("{what} needs a running threadle runtime: call this inside threadle::run"),
    }
}

/// Runs `main` as goroutine 1 of a new runtime and returns what it returns; the other goroutines end with it (`shutdown`).
///
/// Inside a goroutine of another runtime this counts as `blocking`.
///
/// # Errors
/// Those of making the poller and the first threads.
///
/// # Panics
/// With main's panic.
#[track_caller]
pub fn run<T: Send>(config: Config, main: impl FnOnce() -> T + Send) -> io::Result<T> {
    let options = SpawnOptions { name: Some("main".into()), ..SpawnOptions::new() };
    if current::goroutine().is_some() {
        return crate::blocking::blocking(|| run_here(config, false, &options, main));
    }
    run_here(config, false, &options, main)
}

/// As [`run`], with a clock of the runtime's own, which stands still until all goroutines are blocked (`quiet::clock`).
///
/// # Errors
/// Those of [`run`]; and `Deadlock`, with the dump, if nothing could ever happen again: main is abandoned then, which is why it borrows
/// nothing.
///
/// # Panics
/// With main's panic.
#[track_caller]
pub fn run_in_virtual_time<T: Send + 'static>(
    config: Config,
    main: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let options = SpawnOptions { name: Some("main".into()), ..SpawnOptions::new() };
    let main = move || {
        if let Some(scheduler) = current::scheduler() {
            scheduler.quiet.clock.start();
        }
        main()
    };
    if current::goroutine().is_some() {
        return crate::blocking::blocking(|| run_here(config, true, &options, main));
    }
    run_here(config, true, &options, main)
}

/// In virtual time `main` and its result borrow nothing.
fn run_here<T: Send>(
    config: Config,
    virtual_time: bool,
    options: &SpawnOptions,
    main: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    let by_a_plain_thread = current::scheduler().is_none();
    let scheduler = Scheduler::start(config, virtual_time)?;
    quiet::deadlock::enlist(scheduler, by_a_plain_thread);
    // SAFETY: `wait` below returns when main has ended, or, where it borrows nothing, in a deadlock; else only the shutdown, further below,
    // abandons it.
    let join = unsafe { spawn::spawn_on(scheduler, options, std::ptr::null(), main) };
    let ended = join.wait();
    scheduler.drain();
    quiet::deadlock::strike(scheduler);
    scheduler.shut_down();
    match ended {
        Ended::Returned(value) => Ok(value),
        Ended::Panicked(panic) => std::panic::resume_unwind(panic),
        Ended::NoStack(why) => Err(io::Error::new(io::ErrorKind::OutOfMemory, why)),
        Ended::Abandoned => match scheduler.quiet.clock.deadlock() {
            Some(dump) => Err(io::Error::new(io::ErrorKind::Deadlock, dump)),
            None => unreachable!("main was abandoned before the shutdown"),
        },
    }
}
