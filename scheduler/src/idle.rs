//! Who has nothing to do: idle Ps, sleeping Ms, Ms that wait for a P, and how many Ms search.
//!
//! The lists lie under one lock; two counts that submitters read without it lie in one word:
//!
//! ```text
//!  63            32 31            0
//! +----------------+---------------+
//! |   searching    |    idle Ps    |
//! +----------------+---------------+
//! ```
//!
//! **Work is not left lying while a P idles** (R1, R2, R29). Whoever publishes work looks for an idle P; whoever lets its P go, or stops
//! searching, looks for work afterwards:
//!
//! ```text
//! submit                                      let a P go, or stop searching
//! 1. publish: ring, injector                  1. idle Ps + 1, searching - 1, or both at once
//! 2. fence(SeqCst)                            2. fence(SeqCst)
//! 3. a P idle and nobody searching? wake one  3. look at every ring and the injector
//! ```
//!
//! A `runnext` is its owner's to run and the monitor's to watch; a timer, once it was announced in the same way, is looked after by whoever
//! blocks in the poll, or ends there (README, 7.1 and 7.4). So step 3 looks at neither.
//!
//! One of the two sees the other. If the submitter sees an idle P but also a searcher, that searcher has not done its own step 1 yet and
//! will look.
//!
//! Two do not look afterwards: who *claimed* a P and finds that it was taken meanwhile, and who searched and gives its P to an M that waits
//! for one. Both stop searching under the lock, where they see that no P idles. So whichever P a submitter saw idle beside them was taken
//! after the submitter's look, hence after its step 2, and whoever lets it go again will find the work; and who sees a P that idles since
//! does not see them any more, for both counts lie in one word. (Stopping after the lock was let go, they would be seen beside a P that has
//! idled since, and work would be left to them, who do not look.)
//!
//! Go re-checks only where an M stops *searching*, and needs a flag (needspinning) for those that were refused to search; here
//! every M that lets its P go looks again, so there is no such flag: the scan costs some loads per P, on a path that ends in a sleep.
//!
//! **No M waits for a P while a P idles.** Both lists change under the one lock: an M that comes to wait takes an idle P if there is one, a
//! P that would idle goes to a waiting M if there is one.
//!
//! **An M asleep is not forgotten by its inbox.**
//!
//! ```text
//! ready(g), g at home on m              m goes to sleep
//! 1. push to m's inbox                  1. asleep = true, under the lock
//! 2. fence(SeqCst)                      2. fence(SeqCst)
//! 3. m asleep? rouse(m)                 3. inbox not empty? rouse(m) itself
//! ```
//!
//! Whoever finds it asleep under the lock takes it off the list, so it is roused once: it gets an idle P, or waits for one.

use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*, fence};
use crate::sync::{Mutex, MutexGuard, faulty, lock};
use std::collections::VecDeque;
use std::fmt;

const SEARCHING_SHIFT: u32 = 32;
const ONE_SEARCHING: u64 = 1 << SEARCHING_SHIFT;
const ONE_IDLE: u64 = 1;

/// What the lists need to know of an M.
pub(crate) trait Sleeper: Sync + 'static {
    /// True while it is on the list of sleeping Ms. Written under the lock only.
    fn asleep(&self) -> &AtomicBool;
    /// Its inbox or its own queue holds goroutines that only it may run.
    fn has_own_work(&self) -> bool;
    /// The best to wake has the highest rank; 0: it can run nothing but its own work.
    fn rank(&self) -> u8;
}

/// One reading of the counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts(u64);

impl Counts {
    pub(crate) fn idle(self) -> u32 {
        self.0 as u32
    }
    pub(crate) fn searching(self) -> u32 {
        (self.0 >> SEARCHING_SHIFT) as u32
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} searching, {} idle Ps", self.searching(), self.idle())
    }
}

struct Lists<M: 'static> {
    ps: Vec<u32>,
    sleeping: Vec<&'static M>,
    waiting: VecDeque<&'static M>,
    /// How often a P or an M left its list: two looks that find everybody there and the same number found nobody away between them.
    departures: u64,
}

/// Evidence that at one instant every P idled, and so many Ms slept while none waited for a P.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rest {
    sleeping: usize,
    departures: u64,
}

impl Rest {
    pub(crate) fn sleeping(self) -> usize {
        self.sleeping
    }
}

/// See the module.
pub(crate) struct Idle<M: 'static> {
    counts: AtomicU64,
    waiting: AtomicUsize,
    lists: Mutex<Lists<M>>,
}

/// A P that was taken off the idle list, and a sleeping M to run it; without one the caller makes a thread.
#[must_use = "the P would be lost"]
#[derive(Debug)]
pub(crate) struct Wakeup<M: 'static> {
    pub(crate) p: u32,
    pub(crate) m: Option<&'static M>,
}

/// Outcome of [`Idle::release`].
#[must_use]
#[derive(Debug)]
pub(crate) enum Released<M: 'static> {
    /// The P idles. The caller must look for work once more.
    Idles,
    /// This M waited for a P: the caller hands it over.
    To(&'static M),
}

impl<M: Sleeper> Idle<M> {
    /// All Ps are in use at first.
    pub(crate) fn new() -> Idle<M> {
        Idle {
            counts: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            lists: Mutex::new(Lists { ps: Vec::new(), sleeping: Vec::new(), waiting: VecDeque::new(), departures: 0 }),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts(self.counts.load(Relaxed))
    }

    /// How many Ms wait for a P. A hint.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// How many Ms sleep.
    pub(crate) fn sleeping(&self) -> usize {
        lock(&self.lists).sleeping.len()
    }

    /// Whether an M sleeps that could run what anybody may run: no thread need be made for a P.
    pub(crate) fn has_sleeper(&self) -> bool {
        lock(&self.lists).sleeping.iter().any(|m| m.rank() > 0)
    }

    // Searching.

    /// Steps 2 and 3 of submitting: true if somebody ought to be woken (`claim`).
    #[inline]
    pub(crate) fn wake_wanted(&self) -> bool {
        if !faulty!(SubmitWithoutFence) {
            fence(SeqCst);
        }
        let now = self.counts();
        now.idle() != 0 && now.searching() == 0
    }

    /// Takes an idle P and a sleeping M for it, which counts as searching from here on. None: no P idles, or somebody searches.
    pub(crate) fn claim(&self) -> Option<Wakeup<M>> {
        self.counts
            .fetch_update(AcqRel, Relaxed, |now| {
                let now = Counts(now);
                (now.idle() != 0 && now.searching() == 0).then_some(now.0 + ONE_SEARCHING)
            })
            .ok()?;
        let mut lists = lock(&self.lists);
        match self.pop_p(&mut lists) {
            Some(p) => Some(Wakeup { p, m: pop_sleeper(&mut lists) }),
            None => {
                // The P went to somebody who is awake and holds it now; what we wanted done lies where its owner will look before it
                // lets the P go again. Still under the lock: see the module.
                if faulty!(ClaimStopsLate) {
                    drop(lists);
                }
                self.counts.fetch_sub(ONE_SEARCHING, AcqRel);
                None
            }
        }
    }

    /// An M with a P starts to search, unless half of the busy ones do already (Go's bound on the contention of thieves).
    pub(crate) fn start_searching(&self, procs: u32) -> bool {
        let now = self.counts();
        if 2 * now.searching() >= procs - now.idle().min(procs) {
            return false;
        }
        self.counts.fetch_add(ONE_SEARCHING, AcqRel);
        true
    }

    /// Steps 1 and 2 of stopping; step 3 is the caller's. True: it was the last one.
    pub(crate) fn stop_searching(&self) -> bool {
        let before = Counts(self.counts.fetch_sub(ONE_SEARCHING, AcqRel));
        debug_assert!(before.searching() > 0, "{before:?}");
        if !faulty!(StopWithoutFence) {
            fence(SeqCst);
        }
        before.searching() == 1
    }

    // Ps.

    /// Steps 1 and 2 of letting a P go; after `Idles`, step 3 is the caller's. An M that `searches` stops that with it.
    pub(crate) fn release(&self, p: u32, searches: bool) -> Released<M> {
        let mut lists = lock(&self.lists);
        if !faulty!(IdleWhileOneWaits)
            && let Some(m) = self.pop_waiting(&mut lists)
        {
            self.stop_with_the_p(lists, searches);
            return Released::To(m);
        }
        lists.ps.push(p);
        // One idle P more and one searcher less, in one step.
        let before = Counts(
            self.counts.fetch_add(if searches { ONE_IDLE.wrapping_sub(ONE_SEARCHING) } else { ONE_IDLE }, AcqRel),
        );
        debug_assert!(!searches || before.searching() > 0, "{before:?}");
        drop(lists);
        if !faulty!(ReleaseWithoutFence) {
            fence(SeqCst);
        }
        Released::Idles
    }

    /// Under the lock, and no P idles: an M that `searches` stops, because it gives its P to another.
    fn stop_with_the_p(&self, lists: MutexGuard<'_, Lists<M>>, searches: bool) {
        if faulty!(HandOverStopsLate) {
            drop(lists);
        }
        if searches {
            self.counts.fetch_sub(ONE_SEARCHING, AcqRel);
        }
    }

    /// An idle P for an M that has work or ready goroutines for it.
    pub(crate) fn take_p(&self) -> Option<u32> {
        if self.counts().idle() == 0 {
            return None;
        }
        self.pop_p(&mut lock(&self.lists))
    }

    fn pop_p(&self, lists: &mut Lists<M>) -> Option<u32> {
        let p = lists.ps.pop()?;
        lists.depart();
        self.counts.fetch_sub(ONE_IDLE, AcqRel);
        Some(p)
    }

    // Ms.

    /// An M without a P that has something to run: an idle P, or its place in the queue, and it sleeps until it is given one.
    pub(crate) fn take_p_or_wait(&self, m: &'static M) -> Option<u32> {
        let mut lists = lock(&self.lists);
        let p = self.pop_p(&mut lists);
        if p.is_none() {
            self.push_waiting(&mut lists, m);
        }
        p
    }

    /// Of the waiting Ms that can run more than their own work, the one that has waited longest: the caller gives it its own P.
    pub(crate) fn next_waiting_for_all(&self) -> Option<&'static M> {
        if self.waiting() == 0 {
            return None;
        }
        let mut lists = lock(&self.lists);
        let at = lists.waiting.iter().position(|m| m.rank() > 0)?;
        let m = lists.waiting.remove(at)?;
        self.waiting.store(lists.waiting.len(), Relaxed);
        Some(m)
    }

    /// The M that has waited longest: the caller gives it its own P. If the caller `searches`, it stops with that.
    pub(crate) fn next_waiting(&self, searches: bool) -> Option<&'static M> {
        if self.waiting() == 0 {
            return None;
        }
        let mut lists = lock(&self.lists);
        let next = self.pop_waiting(&mut lists)?;
        self.stop_with_the_p(lists, searches);
        Some(next)
    }

    /// As `next_waiting`, and puts the caller at the end of the queue: they exchange a P.
    pub(crate) fn swap_waiting(&self, m: &'static M, searches: bool) -> Option<&'static M> {
        let mut lists = lock(&self.lists);
        let next = self.pop_waiting(&mut lists)?;
        self.push_waiting(&mut lists, m);
        self.stop_with_the_p(lists, searches);
        Some(next)
    }

    fn push_waiting(&self, lists: &mut Lists<M>, m: &'static M) {
        lists.waiting.push_back(m);
        self.waiting.store(lists.waiting.len(), Relaxed);
    }

    fn pop_waiting(&self, lists: &mut Lists<M>) -> Option<&'static M> {
        let m = lists.waiting.pop_front()?;
        self.waiting.store(lists.waiting.len(), Relaxed);
        Some(m)
    }

    /// Steps 1 and 2 of going to sleep, for an M without a P; step 3 (`has_own_work`, then `rouse`) is done here. True: sleep until woken;
    /// false: it was roused by itself and waits for a P (`Some`: has got one).
    pub(crate) fn sleep(&self, m: &'static M) -> Result<(), Option<u32>> {
        {
            let mut lists = lock(&self.lists);
            lists.sleeping.push(m);
            m.asleep().store(true, Relaxed);
        }
        if faulty!(SleepWithoutLook) {
            return Ok(());
        }
        if !faulty!(SleepWithoutFence) {
            fence(SeqCst);
        }
        if m.has_own_work() {
            match self.rouse(m) {
                Roused::NotAsleep => Ok(()),
                Roused::Has(p) => Err(Some(p)),
                Roused::Waits => Err(None),
            }
        } else {
            Ok(())
        }
    }

    /// Steps 2 and 3 of leaving something in an M's inbox.
    #[inline]
    pub(crate) fn after_push(&self, m: &'static M) -> Roused {
        if !faulty!(PushedWithoutFence) {
            fence(SeqCst);
        }
        if m.asleep().load(Relaxed) { self.rouse(m) } else { Roused::NotAsleep }
    }

    /// Takes a sleeping M off the list, because it has something to run.
    pub(crate) fn rouse(&self, m: &'static M) -> Roused {
        let mut lists = lock(&self.lists);
        if !lists.remove_sleeper(m) {
            return Roused::NotAsleep;
        }
        match self.pop_p(&mut lists) {
            Some(p) => Roused::Has(p),
            None => {
                self.push_waiting(&mut lists, m);
                Roused::Waits
            }
        }
    }

    /// A sleeping M for a P the caller holds.
    pub(crate) fn take_sleeper(&self) -> Option<&'static M> {
        pop_sleeper(&mut lock(&self.lists))
    }

    /// A sleeping M wakes by itself (its sleep was a poll, or it has slept for long). False: somebody took it off the list, and gives it a
    /// P or let it wait for one.
    pub(crate) fn wake_myself(&self, m: &'static M) -> bool {
        lock(&self.lists).remove_sleeper(m)
    }

    /// Whether everybody rests: all `procs` Ps idle, and no M waits for one.
    pub(crate) fn rest(&self, procs: u32) -> Option<Rest> {
        let lists = lock(&self.lists);
        let all = lists.ps.len() == procs as usize && lists.waiting.is_empty();
        all.then(|| Rest { sleeping: lists.sleeping.len(), departures: lists.departures })
    }

    /// Everybody still rests as they did: a sleeping M takes itself off the list, and a P, and is the only one awake.
    pub(crate) fn end_rest(&self, rest: Rest, m: &'static M) -> Option<u32> {
        let mut lists = lock(&self.lists);
        let same = lists.departures == rest.departures && lists.sleeping.len() == rest.sleeping;
        if !same || lists.ps.is_empty() || !lists.remove_sleeper(m) {
            return None;
        }
        self.pop_p(&mut lists)
    }

    /// Shutdown: everybody who sleeps or waits.
    pub(crate) fn drain(&self) -> Vec<&'static M> {
        let mut lists = lock(&self.lists);
        let mut all = std::mem::take(&mut lists.sleeping);
        lists.depart();
        for m in &all {
            m.asleep().store(false, Relaxed);
        }
        all.extend(lists.waiting.drain(..));
        self.waiting.store(0, Relaxed);
        all
    }
}

/// Outcome of [`Idle::rouse`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Roused {
    /// It is awake, or somebody else roused it.
    NotAsleep,
    /// It is awake now and is owed this P.
    Has(u32),
    /// It waits for a P; it needs not be woken before it gets one.
    Waits,
}

fn pop_sleeper<M: Sleeper>(lists: &mut Lists<M>) -> Option<&'static M> {
    // The last of the best: warm caches first. The list is as long as the threads that sleep, which are few.
    let ranked = lists.sleeping.iter().enumerate().map(|(i, m)| (m.rank(), i));
    let (_, best) = ranked.filter(|(rank, _)| *rank > 0).max()?;
    let m = lists.sleeping.remove(best);
    lists.depart();
    m.asleep().store(false, Relaxed);
    Some(m)
}

impl<M> Lists<M> {
    fn depart(&mut self) {
        if !faulty!(DeparturesNotCounted) {
            self.departures += 1;
        }
    }
}

impl<M: Sleeper> Lists<M> {
    /// True: it was on the list.
    fn remove_sleeper(&mut self, m: &'static M) -> bool {
        let Some(i) = self.sleeping.iter().rposition(|x| std::ptr::eq(*x, m)) else { return false };
        self.sleeping.remove(i);
        self.depart();
        m.asleep().store(false, Relaxed);
        true
    }
}

impl<M: Sleeper> fmt::Debug for Idle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").field("counts", &self.counts()).field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
#[path = "idle_loom.rs"]
mod loom_tests;
#[cfg(all(test, loom))]
#[path = "rest_loom.rs"]
mod loom_tests_of_rest;
#[cfg(all(test, not(loom)))]
#[path = "idle_tests.rs"]
mod tests;
