//! The lists with real threads: Ms that sleep for good unless somebody wakes them. There is no monitor here, so work that is
//! left lying is never done, and the test says so.

use super::*;
use crate::m::inbox::Inbox;
use crate::m::note::Note;
use crate::sync::item::{Dice, Item, Items};
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

const NO_P: u32 = u32::MAX;
const SEARCHES: u32 = 1 << 31;
const PATIENCE: Duration = Duration::from_secs(60);

struct Machine {
    asleep: AtomicBool,
    inbox: Inbox<Item>,
    note: Note,
    /// What it was assigned: a P, and whether it counts as searching.
    assigned: AtomicU32,
}

impl Sleeper for Machine {
    fn asleep(&self) -> &AtomicBool {
        &self.asleep
    }
    fn has_own_work(&self) -> bool {
        !self.inbox.is_empty()
    }
    fn rank(&self) -> u8 {
        1
    }
}

impl Machine {
    fn new() -> &'static Machine {
        Box::leak(Box::new(Machine {
            asleep: AtomicBool::new(false),
            inbox: Inbox::new(),
            note: Note::new(),
            assigned: AtomicU32::new(NO_P),
        }))
    }

    fn assign(&self, p: u32, searches: bool) {
        self.assigned.store(if searches { p | SEARCHES } else { p }, Release);
        self.note.set();
    }
}

struct World {
    idle: Idle<Machine>,
    procs: u32,
    /// Stands for rings and injector.
    work: AtomicUsize,
    done: AtomicUsize,
    stopping: AtomicBool,
    stuck: AtomicBool,
    in_use: Vec<AtomicBool>,
}

impl World {
    fn take_work(&self) -> bool {
        self.work.fetch_update(AcqRel, Relaxed, |work| work.checked_sub(1)).is_ok()
    }

    fn submit(&self) {
        self.work.fetch_add(1, Release);
        self.wake();
    }

    fn submit_to(&self, m: &'static Machine, item: &'static Item) {
        m.inbox.push(item);
        if let Roused::Has(p) = self.idle.after_push(m) {
            m.assign(p, false);
        }
    }

    fn wake(&self) {
        while self.idle.wake_wanted()
            && let Some(Wakeup { p, m }) = self.idle.claim()
        {
            match m {
                Some(m) => return m.assign(p, true),
                // All are about to sleep. A runtime would make a thread; here the P goes back until one is found asleep.
                None => match self.idle.release(p, true) {
                    Released::To(m) => return m.assign(p, false),
                    Released::Idles if self.work.load(Relaxed) == 0 => return,
                    Released::Idles => std::thread::yield_now(),
                },
            }
        }
    }

    /// One that comes back from a call: takes a P if there is one, and soon lets it go again.
    fn pass_by(&self) {
        if let Some(p) = self.idle.take_p() {
            self.hold(p);
            self.let_go(p);
            match self.idle.release(p, false) {
                Released::To(m) => m.assign(p, false),
                Released::Idles if self.work.load(Relaxed) > 0 => self.wake(),
                Released::Idles => {}
            }
        }
    }

    /// Waits until it is so; not for ever.
    fn await_that(&self, so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so() && !self.stuck.load(Relaxed) {
            std::thread::yield_now();
            if Instant::now() > end {
                self.stuck.store(true, Relaxed);
            }
        }
    }

    /// The P is this M's: nobody else may think so.
    fn hold(&self, p: u32) {
        assert!(!self.in_use[p as usize].swap(true, AcqRel), "P {p} has two owners");
    }

    fn let_go(&self, p: u32) {
        assert!(self.in_use[p as usize].swap(false, AcqRel), "P {p} has no owner");
    }

    fn run_own(&self, m: &Machine) -> usize {
        let ran = m.inbox.take().inspect(|item| item.run()).count();
        self.done.fetch_add(ran, AcqRel);
        ran
    }

    /// The M's loop, as in `m/schedule.rs` and `m/rest.rs`.
    fn live(&self, m: &'static Machine) {
        let mut own = self.rest(m);
        while let Some((p, mut searches)) = own {
            self.hold(p);
            loop {
                let found = self.run_own(m) > 0 || self.take_work_and_count();
                if found {
                    if std::mem::take(&mut searches) && self.idle.stop_searching() {
                        self.wake();
                    }
                    continue;
                }
                if let Some(next) = self.idle.next_waiting(searches) {
                    self.let_go(p);
                    next.assign(p, false);
                    own = self.rest(m);
                    break;
                }
                if !searches && self.idle.start_searching(self.procs) {
                    searches = true;
                    continue;
                }
                self.let_go(p);
                own = match self.idle.release(p, searches) {
                    Released::To(next) => {
                        next.assign(p, false);
                        None
                    }
                    Released::Idles if self.work.load(Relaxed) > 0 => self.idle.take_p().map(|p| (p, false)),
                    Released::Idles => None,
                };
                own = own.or_else(|| self.rest(m));
                break;
            }
        }
    }

    fn take_work_and_count(&self) -> bool {
        let took = self.take_work();
        self.done.fetch_add(usize::from(took), AcqRel);
        took
    }

    /// Until it is given a P. None: the test is over.
    fn rest(&self, m: &'static Machine) -> Option<(u32, bool)> {
        let p = if m.has_own_work() {
            self.idle.take_p_or_wait(m)
        } else {
            match self.idle.sleep(m) {
                Ok(()) => None,
                Err(p) => p,
            }
        };
        if let Some(p) = p {
            return Some((p, false));
        }
        loop {
            let assigned = m.assigned.swap(NO_P, Acquire);
            if assigned != NO_P {
                return Some((assigned & !SEARCHES, assigned & SEARCHES != 0));
            }
            if self.stopping.load(Acquire) {
                return None;
            }
            m.note.sleep(None);
        }
    }
}

#[test]
fn nothing_is_left_lying() {
    const PROCS: u32 = 2;
    const MS: usize = 3;
    const SUBMITTERS: usize = 2;
    const ROUNDS: usize = 100_000;
    let mut dice = Dice::new();
    let items = Items::new(SUBMITTERS * ROUNDS);
    let world = World {
        idle: Idle::new(),
        procs: PROCS,
        work: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        stopping: AtomicBool::new(false),
        stuck: AtomicBool::new(false),
        in_use: (0..PROCS).map(|_| AtomicBool::new(false)).collect(),
    };
    for p in 0..PROCS {
        assert!(matches!(world.idle.release(p, false), Released::Idles));
    }
    let ms: [&'static Machine; MS] = std::array::from_fn(|_| Machine::new());
    let submitted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for m in ms {
            let world = &world;
            scope.spawn(move || world.live(m));
        }
        let submitters: Vec<_> = (0..SUBMITTERS)
            .map(|i| {
                let (world, items, submitted, mut dice) = (&world, &items, &submitted, dice.split());
                scope.spawn(move || {
                    for id in i * ROUNDS..(i + 1) * ROUNDS {
                        match dice.roll(3) {
                            0 => world.submit_to(ms[dice.roll(MS)], items.get(id)),
                            _ => world.submit(),
                        }
                        submitted.fetch_add(1, Relaxed);
                        if dice.roll(4) == 0 {
                            // Everybody comes to rest before the next one.
                            let until = submitted.load(Relaxed);
                            world.await_that(|| world.done.load(Acquire) >= until);
                        }
                        if dice.roll(2) == 0 {
                            world.pass_by();
                        }
                    }
                })
            })
            .collect();
        for submitter in submitters {
            submitter.join().expect("a submitter panicked");
        }
        world.await_that(|| {
            world.done.load(Acquire) == SUBMITTERS * ROUNDS
                && (world.idle.counts().idle(), world.idle.counts().searching(), world.idle.waiting()) == (PROCS, 0, 0)
        });
        world.stopping.store(true, Release);
        for m in ms {
            m.note.set();
        }
        assert!(
            !world.stuck.load(Relaxed),
            "{} of {} done, {:?}",
            world.done.load(Acquire),
            SUBMITTERS * ROUNDS,
            world.idle
        );
    });
}
