//! The lock of [`Mutex`](super::Mutex): a word and a list of waiters. After Go's `sync.Mutex`, with the waiters in a list of our own in
//! place of Go's semaphore.
//!
//! # The word
//!
//! | bit | set | cleared |
//! |---|---|---|
//! | `LOCKED` | by whoever takes the lock, with the CAS that takes it | by the unlocker; kept set in a hand-off |
//! | `QUEUED` | under the list's lock, by a waiter that finds `LOCKED`, or `WOKEN` of one behind it, before it queues | under the list's lock, when the list has become empty |
//! | `WOKEN` | under the list's lock, by an unlocker that wakes a waiter | by that waiter, when it takes the lock; by anybody who queues while `LOCKED` is set; where there is nobody to wake, or who was woken is gone |
//! | the rest | counts those who went past a woken waiter, but for `try_lock` | with `WOKEN` |
//! | `STARVING` | under the list's lock, by a woken waiter that lost to a barger and has waited over a millisecond, when the turn is over, or over two | under the list's lock, by the unlocker whose first waiter has not waited so long, or when the list has become empty |
//!
//! *Normal mode*: unlock frees the lock and wakes the first waiter, which then competes with whoever comes by; a running goroutine usually
//! wins, which saves a switch per unlock. The loser goes back to the front. While one waiter is awake (`WOKEN`), no further one is woken.
//! *Starving mode*: unlock hands the lock to the first waiter without clearing `LOCKED`, so nobody can barge. It lasts while the first waiter
//! has waited for over a millisecond.
//!
//! In that last point Go differs: there the mode ends with the first waiter that *was handed* the lock within a millisecond. That one is as a
//! rule the barger on whom the mode was imposed: it queued last, gets the lock back with the mode over, and barges on. Where nothing else takes
//! the processor from it, one goroutine gets nearly all, the others a turn each millisecond. Here the mode ends with the last waiter that
//! was kept waiting, who then is the one to barge for a while, and everybody's turn for that comes.
//!
//! # Looking on
//!
//! In normal mode, who finds the lock taken looks on for a moment before it queues, if others run meanwhile (`looking.rs`); a woken waiter,
//! too, and as long as it does, and nobody queues meanwhile, `WOKEN` is set and no unlock goes through the list. Without it two threads that
//! contend pass the lock to and fro: each who finds it taken queues and takes `WOKEN` back, so the next unlock wakes one of the other thread, and
//! hardly an unlock is the short one. Who looks on is a barger like any other. When the turn is over it does not look on, but queues, also where it
//! has a deadline: now and then it asks.
//!
//! # Turns
//!
//! Who may barge gets thousands of locks in the time in which another gets one. So a fair share is a matter of how long that lasts: a *turn* begins
//! when an unlocker wakes a waiter that was not awake before, and is over after a millisecond, for everybody.
//!
//! A woken waiter that loses in that millisecond queues and is woken again; when it loses after it, or has waited for two, it starves. But a
//! waiter may be ready *behind* the barger, on its thread, where it cannot even lose before the barger's slice is over. With Go's rule alone the
//! turn of one that is followed by a neighbour lasts ten times as long as that of one that is followed by a goroutine of another thread. So a
//! barger looks at the clock now and then, and when its turn is over *and the woken waiter lies ready behind it*, it queues of its own accord,
//! beside a free lock: its park is what lets that waiter run. Nobody else does: what keeps the woken one away from elsewhere (a hog of its
//! thread, a machine that is full) is no reason to leave a free lock alone. Nor does who cannot leave its stack, or has a deadline.
//!
//! # Nobody sleeps beside a free lock
//!
//! | a waiter | the unlocker |
//! |---|---|
//! | 1. locks the list | 1. CAS: clears `LOCKED`; refused if the word is not what it saw |
//! | 2. **CAS: sets `QUEUED`, only while `LOCKED` or `WOKEN` is set** | 2. if it saw `QUEUED` without `WOKEN`: locks the list first, then |
//! | 3. queues, unlocks the list, parks | 3. clears `LOCKED` and sets `WOKEN` in one step, claims a waiter |
//!
//! Both CAS the same word, so one comes first. The waiter's first: the unlocker's CAS fails, it sees `QUEUED` and goes through the list, where
//! the waiter is by then. The unlocker's first: the waiter's CAS fails, and it tries again to take the free lock. If `WOKEN` was set, somebody
//! is awake who will take the lock, and whose unlock then finds `QUEUED` without `WOKEN`, or who clears `WOKEN` while `LOCKED` is set, so that the
//! present holder's unlock does. So it is for who queues beside a free lock, too: the one that is awake is ready on its own thread or P, which
//! its park sets free. An unlocker that has set `WOKEN` and finds no waiter left that can be claimed takes the bit back. A waiter
//! that was woken and whose runtime ends before it runs is stood in for: `pass_on` takes the bit back, and what follows is as above.

use std::fmt;
#[cfg(not(loom))]
use std::time::Duration;
use std::time::Instant;

use super::looking::{Look, Looking};
use crate::base::atomic::{AtomicU32, Ordering};
use crate::base::{self, Parking, Reason, Ticket, checkpoint, constructor, faulty, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{WaitList, Waiter};

const LOCKED: u32 = 1;
const QUEUED: u32 = 2;
const WOKEN: u32 = 4;
const STARVING: u32 = 8;
/// One more has gone past the woken waiter. Where it overflows the count begins anew.
const PAST: u32 = 16;
/// `WOKEN` and what belongs to it.
const AWAKE: u32 = WOKEN | !(PAST - 1);

/// How long a waiter may lose to bargers, and how long their turn is. Go's figure.
#[cfg(not(loom))]
fn patience() -> Duration {
    Duration::from_millis(1)
}
#[cfg(loom)]
use base::fault::patience;

pub(super) struct RawMutex {
    word: AtomicU32,
    looking: Looking,
    waiters: base::Mutex<Waiters>,
}

struct Waiters {
    list: WaitList<Claim>,
    /// The waiter that `WOKEN` was set for last, and when the turn of those who barge past it began.
    woken: Option<(Ticket, Instant)>,
}

impl Waiters {
    fn turn_is_over(&self) -> bool {
        self.woken.is_some_and(|(_, began)| began.elapsed() >= patience())
    }

    fn woken_is_behind_the_caller(&self) -> bool {
        self.woken.is_some_and(|(woken, _)| woken.is_ready_behind_caller())
    }
}

/// What a waiter shows to the unlocker, and is told by it.
struct Claim {
    /// When it began to wait. Losing to a barger does not set it back.
    since: Instant,
    /// It was awake already, and lost.
    again: bool,
    /// It was woken as the owner.
    handed: bool,
}

impl Claim {
    fn new(since: Instant, again: bool) -> Self {
        Claim { since, again, handed: false }
    }

    fn starves(&self) -> bool {
        self.since.elapsed() >= patience()
    }
}

impl RawMutex {
    constructor! {
        pub(super) fn new() -> Self {
            let waiters = Waiters { list: WaitList::new(), woken: None };
            RawMutex { word: AtomicU32::new(0), looking: Looking::new(), waiters: base::Mutex::new(waiters) }
        }
    }

    #[inline]
    #[track_caller]
    pub(super) fn lock(&self) {
        if self.lock_within(Limit::NONE).is_err() {
            unreachable!("nothing ends this wait but the lock");
        }
    }

    /// Locks, or gives up at the limit.
    #[inline]
    #[track_caller]
    pub(super) fn lock_within(&self, limit: Limit<'_>) -> Result<(), GaveUp> {
        // Before the lock is taken: who is switched away holding it makes everybody wait.
        checkpoint();
        // Looked at first: while others wait, a running goroutine goes past them thousands of times a turn, and the word is never bare.
        let mut word = self.word.load(Ordering::Relaxed);
        if word & LOCKED == 0 && !is_time_to_look(word) {
            match self.exchange(word, taken(word), Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
        self.lock_slow(word, limit)
    }

    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & LOCKED == 0 {
            match self.exchange(word, word | LOCKED, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// # Safety
    /// The caller owns the lock.
    #[inline]
    pub(super) unsafe fn unlock(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        if word & LOCKED != 0 && !must_wake(word) {
            match self.exchange(word, word & !LOCKED, Ordering::Release) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.unlock_slow(word);
    }

    #[inline]
    fn exchange(&self, old: u32, new: u32, success: Ordering) -> Result<u32, u32> {
        self.word.compare_exchange(old, new, success, Ordering::Relaxed)
    }

    #[cold]
    #[track_caller]
    fn lock_slow(&self, mut word: u32, limit: Limit<'_>) -> Result<(), GaveUp> {
        let mut since = None;
        // What to take back: `WOKEN` after a wake-up, which set it for us.
        let mut mine = 0;
        let mut starves = false;
        // Asked for where it is found taken.
        let mut look = None;
        loop {
            if word & LOCKED == 0 && !(mine == 0 && limit.is_none() && self.must_let_pass(word)) {
                match self.exchange(word, taken(word & !mine), Ordering::Acquire) {
                    Ok(_) => {
                        look.flatten().into_iter().for_each(Look::paid);
                        return Ok(());
                    }
                    Err(now) => {
                        word = now;
                        continue;
                    }
                }
            }
            if word & LOCKED != 0
                && let Some(look) = look.get_or_insert_with(|| self.looking.begin())
                && self.may_look_on(word)
                && look.again()
            {
                word = self.word.load(Ordering::Relaxed);
                continue;
            }
            let since = *since.get_or_insert_with(Instant::now);
            let mut waiters = lock(&self.waiters);
            let parking = Parking::open(Reason::MutexLock);
            let enough = || waiters.turn_is_over() || since.elapsed() >= patience().saturating_mul(2);
            let starving = if starves && enough() { STARVING } else { 0 };
            // Anybody's `WOKEN`, not only ours: whoever it was set for may never run again, if its runtime has ended since. If `LOCKED` is
            // set, the holder's unlock wakes the next one; at worst one too many is awake. If not, the unlock of the one that is awake does.
            let awake = if word & LOCKED == 0 || faulty!(MutexKeepsWoken) { 0 } else { AWAKE };
            let queued = (word | QUEUED | starving) & !awake;
            // Bitwise, for outside the models both are false, and clippy would have the rest struck out.
            if faulty!(MutexQueuesUnlooked) | (faulty!(MutexQueuesBehindNobody) & (word & LOCKED == 0)) {
                self.word.fetch_or(QUEUED | starving, Ordering::Relaxed);
            } else if let Err(now) = self.exchange(word, queued, Ordering::Relaxed) {
                word = now;
                continue;
            }
            let node = Waiter::new(parking.ticket(), Claim::new(since, mine != 0));
            // SAFETY: the node is new; it stays in this frame until it is claimed, which is the only end of this park, or
            // `leave` removes it.
            unsafe {
                if mine == 0 {
                    waiters.list.push_back(&node);
                } else {
                    waiters.list.push_front(&node);
                }
            }
            drop(waiters);
            wait(parking, &node, limit, || self.leave(&node), || self.pass_on(&node))?;
            let claim = node.into_payload();
            if claim.handed {
                return Ok(());
            }
            mine = AWAKE;
            starves = claim.starves();
            look = None;
            word = self.word.load(Ordering::Relaxed);
        }
    }

    /// Whether who finds this word would barge past a woken waiter that waits for nothing but for the caller to leave its stack, and the time for
    /// barging is over.
    fn must_let_pass(&self, word: u32) -> bool {
        word & WOKEN != 0 && is_time_to_look(word) && {
            let waiters = lock(&self.waiters);
            waiters.turn_is_over() && waiters.woken_is_behind_the_caller()
        }
    }

    /// Whether who finds it taken may look on: not where it is handed from one to the next, and never falls free. Nor where it has been
    /// the turn of those who are awake for long enough (asked now and then): who is woken may lie ready behind one who looks on, and his park is
    /// what lets it run.
    fn may_look_on(&self, word: u32) -> bool {
        let is_over = || lock(&self.waiters).turn_is_over();
        word & STARVING == 0 && !(word & WOKEN != 0 && is_time_to_look(word) && is_over())
    }

    /// A waiter gives up. It is not awake on anybody's behalf: who was woken and lost has taken `WOKEN` back as it queued again.
    #[cold]
    fn leave(&self, node: &Waiter<Claim>) {
        let mut waiters = lock(&self.waiters);
        // SAFETY: linked into this list or into none.
        unsafe { waiters.list.remove(node) };
        if waiters.list.is_empty() {
            self.word.fetch_and(!(QUEUED | STARVING), Ordering::Relaxed);
        }
    }

    /// A waiter was woken and will never run: the lock that it was handed is freed, or the next one is woken in its place.
    #[cold]
    fn pass_on(&self, node: &Waiter<Claim>) {
        // SAFETY: it was served.
        if !unsafe { node.payload() }.handed {
            self.word.fetch_and(!AWAKE, Ordering::Relaxed);
            // Whoever holds the lock finds `QUEUED` without `WOKEN` when it unlocks; if nobody does, we are to wake somebody.
            if !self.try_lock() {
                return;
            }
        }
        // SAFETY: it was handed to the one we stand for, or locked just now.
        unsafe { self.unlock() };
    }

    #[cold]
    fn unlock_slow(&self, mut word: u32) {
        loop {
            assert!(word & LOCKED != 0, "unlock of a mutex that is not locked");
            if must_wake(word) {
                break;
            }
            match self.exchange(word, word & !LOCKED, Ordering::Release) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        let mut waiters = lock(&self.waiters);
        // While we hold the list, nobody sets or clears `QUEUED` or sets `STARVING` or `WOKEN`.
        let word = self.word.load(Ordering::Relaxed);
        let starving = word & STARVING != 0 && waiters.list.front().is_some_and(|first| first.starves());
        if starving && faulty!(MutexHandsOverFree) {
            self.word.fetch_and(!LOCKED, Ordering::Release);
        }
        if !starving {
            // Before the claim: the woken one may run at once, and takes `WOKEN` back.
            let announce = if must_wake(word & !STARVING) { WOKEN } else { 0 };
            let unlocked = |word: u32| Some((word & !(LOCKED | STARVING)) | announce);
            if self.word.fetch_update(Ordering::Release, Ordering::Relaxed, unlocked).is_err() {
                unreachable!("the update is never refused");
            }
            if announce == 0 {
                return;
            }
        }
        let mut woken = None;
        while let Some(mut first) = waiters.list.pop() {
            first.payload().handed = starving;
            let (ticket, again) = (first.ticket(), first.payload().again);
            match first.claim() {
                Ok(claimed) => {
                    woken = Some((claimed, ticket, again));
                    break;
                }
                // Its runtime has stopped.
                Err(mut gone) => gone.payload().handed = false,
            }
        }
        let none_left = if waiters.list.is_empty() { QUEUED | STARVING } else { 0 };
        let not_woken = match woken {
            Some(_) => 0,
            None if starving => LOCKED,
            None => AWAKE,
        };
        self.word.fetch_and(!(none_left | not_woken), Ordering::Release);
        let woken = woken.map(|(woken, ticket, again)| {
            if !starving {
                // Who lost and is awake again: it is the same turn still.
                let began = waiters.woken.filter(|_| again).map_or_else(Instant::now, |(_, began)| began);
                waiters.woken = Some((ticket, began));
            }
            woken
        });
        drop(waiters);
        drop(woken);
    }
}

/// The word with the lock taken, perhaps past a woken waiter.
fn taken(word: u32) -> u32 {
    let past = if word & WOKEN == 0 { 0 } else { PAST };
    word.wrapping_add(past) | LOCKED
}

/// Whether a barger that finds this word asks the clock: after 1, 2, 4, 8 and 16 others, as each may hold the lock for long, then after each 32.
fn is_time_to_look(word: u32) -> bool {
    let past = word / PAST;
    past.is_power_of_two() || (past > 0 && past.is_multiple_of(32))
}

/// Whether an unlocker has to go through the list. Not if somebody is awake and will try.
fn must_wake(word: u32) -> bool {
    word & QUEUED != 0 && (word & WOKEN == 0 || word & STARVING != 0)
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Ordering::Relaxed);
        let bits = [(LOCKED, "locked"), (QUEUED, "queued"), (WOKEN, "woken"), (STARVING, "starving")];
        f.debug_list().entries(bits.iter().filter(|(bit, _)| word & bit != 0).map(|(_, name)| name)).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "raw_mutex_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn long_ago() -> Instant {
        Instant::now() - Duration::from_secs(1)
    }

    #[test]
    fn a_waiter_that_is_gone_is_passed_over() {
        let mutex = RawMutex::new();
        mutex.lock();
        let parking = Parking::open(Reason::MutexLock);
        let node = Waiter::new(parking.ticket(), Claim::new(long_ago(), false));
        // SAFETY: the node is new and stays here; the unlock below pops it.
        unsafe { lock(&mutex.waiters).list.push_back(&node) };
        mutex.word.fetch_or(QUEUED, Ordering::Relaxed);
        assert!(parking.close());
        // SAFETY: locked above.
        unsafe { mutex.unlock() };
        assert_eq!(mutex.word.load(Ordering::Relaxed), 0);
        assert!(lock(&mutex.waiters).list.is_empty());

        // The same in starving mode.
        mutex.lock();
        let parking = Parking::open(Reason::MutexLock);
        let node = Waiter::new(parking.ticket(), Claim::new(long_ago(), false));
        // SAFETY: as above.
        unsafe { lock(&mutex.waiters).list.push_back(&node) };
        mutex.word.fetch_or(QUEUED | STARVING, Ordering::Relaxed);
        assert!(parking.close());
        // SAFETY: locked above.
        unsafe { mutex.unlock() };
        assert_eq!(mutex.word.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_starving_waiter_is_handed_the_lock() {
        let mutex = RawMutex::new();
        let tried = AtomicU32::new(0);
        mutex.lock();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                mutex.lock();
                while tried.load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
                // SAFETY: locked above.
                unsafe { mutex.unlock() };
            });
            while mutex.word.load(Ordering::Relaxed) & QUEUED == 0 {
                std::thread::yield_now();
            }
            let until = Instant::now() + patience() * 2;
            while Instant::now() < until {
                std::thread::yield_now();
            }
            mutex.word.fetch_or(STARVING, Ordering::Relaxed);
            // SAFETY: locked above.
            unsafe { mutex.unlock() };
            assert!(!mutex.try_lock(), "at no moment is it free for us");
            tried.store(1, Ordering::Relaxed);
        });
        assert_eq!(mutex.word.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_mode_ends_with_the_last_one_that_was_kept_waiting() {
        let mutex = RawMutex::new();
        mutex.lock();
        let parking = Parking::open(Reason::MutexLock);
        // One that has hardly begun to wait.
        let node = Waiter::new(parking.ticket(), Claim::new(Instant::now() + Duration::from_secs(3600), false));
        // SAFETY: the node is new and stays here; the unlock below pops it.
        unsafe { lock(&mutex.waiters).list.push_back(&node) };
        mutex.word.fetch_or(QUEUED | STARVING, Ordering::Relaxed);
        // SAFETY: locked above.
        unsafe { mutex.unlock() };
        assert!(mutex.try_lock(), "it was woken, and we barge");
        assert!(!parking.close() && !node.into_payload().handed);
    }

    #[test]
    #[should_panic(expected = "not locked")]
    fn unlocking_twice_is_told() {
        // SAFETY: the promise is broken on purpose: the check is what is tested, and nothing is guarded by this lock.
        unsafe { RawMutex::new().unlock() };
    }
}
