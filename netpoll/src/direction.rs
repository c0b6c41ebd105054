//! One direction of one descriptor: its word and its list of waiters. The protocol is explained in the README.

use crate::ready::{Ready, WaiterCount, Woken};
use crate::sync::{Arc, Mutex, MutexGuard, lock};
use crate::waiters::{Place, TaskKey, Waiters, Waits};
use crate::word::{Generation, Word, WordCell};
use std::fmt;
use std::task::Waker;

/// A direction of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Reading, receiving, accepting.
    Read,
    /// Writing, sending, and the end of a connect.
    Write,
}

/// What a waiter has to do after it asked to wait.
#[must_use = "a waiter that ignores the answer sleeps for ever, or not at all"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Something happened since [`begin`](crate::Operation::begin): do not park, make the call again.
    Retry,
    /// Queued. Park until woken, then go round: begin, call, wait.
    Park,
    /// The descriptor was closed; see [`closed_error`](crate::closed_error).
    Closed,
    /// The runtime that owns the descriptor's poller ended; see [`stopped_error`](crate::stopped_error).
    Stopped,
}

/// The direction as it was before a system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(Word);

impl Seen {
    /// See [`Operation::is_exhausted`](crate::Operation::is_exhausted).
    pub(crate) fn is_exhausted(self) -> bool {
        self.0.is_exhausted()
    }
}

/// An event, as far as one direction is concerned by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// There is something to read, or room.
    Ready,
    /// Of an end, an error or urgent data: there need not be another for what is found after a short transfer.
    Last,
}

/// Why everybody is sent away for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Closed,
    Stopped,
}

/// One direction of one descriptor slot.
///
/// | WAITERS | READY | the list | meaning |
/// |---|---|---|---|
/// | 0 | 0 | empty | drained, or no event yet; nobody waits |
/// | 0 | 1 | empty | an event came; the next wait that has not seen it is told to retry |
/// | 0 | 1 | one, and the lock is held | an event is about to take it out |
/// | 1 | 0 | filled | all of them found it drained and sleep until the next event |
/// | 1 | 1 | filled | a woken waiter is at work; it hands on when it finishes |
///
/// READY and the tick change by CAS alone. WAITERS changes, with the list, under the lock, and by CAS too, since the
/// other bits move meanwhile.
pub(crate) struct Side<W> {
    word: WordCell,
    waiters: Mutex<Waiters<W>>,
}

impl<W> Side<W> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Side { word: WordCell::new(), waiters: Mutex::new(Waiters::new()) }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Side { word: WordCell::new(), waiters: Mutex::new(Waiters::new()) }
    }
}

impl<W: Waits> Side<W> {
    pub(crate) fn generation(&self) -> Generation {
        self.word.load().generation()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.word.load().is_closed()
    }

    /// Begins the next life of a closed slot (R11).
    pub(crate) fn reopen(&self) {
        debug_assert!(lock(&self.waiters).is_empty(), "a slot is used again while somebody waits on it");
        self.word.reopen();
    }

    /// To be called before the system call whose `WouldBlock` is then passed to `wait`.
    pub(crate) fn look(&self) -> Seen {
        Seen(self.word.load())
    }

    /// Queues `waiter` unless something happened since `seen`. Everything is decided by one CAS (R10): an event, a
    /// close or a stop comes before it in the word's order, and is seen, or after it, and finds the waiter.
    ///
    /// READY is cleared, because the waiter's call found the direction drained after the last event.
    pub(crate) fn wait(&self, seen: Seen, place: &mut Option<Place>, waiter: W, count: &WaiterCount) -> Wait {
        self.queue(seen, place, waiter, count, Word::drained)
    }

    /// As `wait`, for a waiter that has found nothing out about the direction: READY stays, for whoever comes next.
    pub(crate) fn pause(&self, seen: Seen, place: &mut Option<Place>, waiter: W, count: &WaiterCount) -> Wait {
        self.queue(seen, place, waiter, count, |word| word)
    }

    fn queue(
        &self,
        seen: Seen,
        place: &mut Option<Place>,
        waiter: W,
        count: &WaiterCount,
        found: impl Fn(Word) -> Word,
    ) -> Wait {
        count.add_one();
        let mut waiters = lock(&self.waiters);
        let answer = self.publish(seen, found);
        let is_one_more = answer == Wait::Park && waiters.put(place, waiter);
        drop(waiters);
        if !is_one_more {
            count.subtract(1);
        }
        answer
    }

    /// The task's counterpart of `wait`. Also returns the waker that is no longer needed, to be dropped by the caller.
    pub(crate) fn wait_task(
        &self,
        seen: Seen,
        key: &mut Option<TaskKey>,
        waker: Waker,
        count: &WaiterCount,
    ) -> (Wait, Option<Waker>) {
        count.add_one();
        let mut waiters = lock(&self.waiters);
        let answer = self.publish(seen, Word::drained);
        let unneeded = if answer == Wait::Park { waiters.put_task(key, waker) } else { Some(waker) };
        drop(waiters);
        if unneeded.is_some() {
            count.subtract(1);
        }
        (answer, unneeded)
    }

    /// A transfer was short, by someone who had seen `seen` before it: there was no more, or there will be an event for it. Until then, and
    /// unless there was one meanwhile, nobody need try.
    pub(crate) fn exhaust(&self, seen: Seen) {
        // Err: that is not so, and the next call finds out.
        let _ = self.word.update(|word| word.exhausted(seen.0));
    }

    /// What `exhaust` said holds no longer, or never did: the next call is to be made.
    pub(crate) fn may_have_more(&self) {
        // Err: it did not say so.
        let _ = self.word.update(|word| word.is_exhausted().then(|| word.unexhausted()));
    }

    /// Announces a waiter, if it may wait, before it enters the list; both under the list's lock. `found` notes what its call has found.
    fn publish(&self, seen: Seen, found: impl Fn(Word) -> Word) -> Wait {
        let decide = |word: Word| {
            (!word.is_closed() && !word.is_stopped() && word.same_tick(seen.0)).then(|| found(word).with_waiters(true))
        };
        match self.word.update(decide) {
            Ok(_) => Wait::Park,
            Err(word) if word.is_closed() => Wait::Closed,
            Err(word) if word.is_stopped() => Wait::Stopped,
            Err(_) => Wait::Retry,
        }
    }

    /// Makes WAITERS tell the truth about the list, under its lock, after something was taken out.
    fn refresh(&self, waiters: &MutexGuard<'_, Waiters<W>>) {
        if waiters.is_empty() {
            // Err: it was clear already.
            let _ = self.word.update(|word| word.has_waiters().then(|| word.with_waiters(false)));
        }
    }

    /// An event for `generation`: notes it, and takes out the first blocked waiter and every task.
    /// False: it was meant for somebody else, and changed nothing.
    pub(crate) fn deliver(
        &self,
        event: Event,
        generation: Generation,
        count: &Arc<WaiterCount>,
        ready: &mut Ready<W>,
    ) -> bool {
        let last = event == Event::Last;
        let concerns = |word: Word| word.generation() == generation && !word.is_closed();
        // Nobody waits: one CAS, no lock.
        match self.word.update(|word| (concerns(word) && !word.has_waiters()).then(|| word.with_event(last))) {
            Ok(_) => return true,
            Err(word) if !concerns(word) => return false,
            Err(_) => {}
        }
        let waiters = lock(&self.waiters);
        // Whoever waits alone is taken out before the lock is free, so that the event can clear WAITERS too.
        let somebody_stays = waiters.has_second();
        let arrive = |word: Word| word.with_event(last).with_waiters(somebody_stays);
        if self.word.update(|word| concerns(word).then(|| arrive(word))).is_err() {
            return false;
        }
        self.take_out(waiters, 1, count, ready);
        true
    }

    /// The end of an operation that was queued at `place`, or of its owner: takes it out if it is still there, and returns the next one
    /// unless somebody found the direction drained since the last event. `None`: nobody is to be woken.
    #[inline]
    pub(crate) fn finish(&self, place: Place, count: &Arc<WaiterCount>) -> Option<Ready<W>> {
        // A list that is empty, or that an event is about to empty, holds neither this waiter nor a next one. Whoever enters it after this look
        // has seen every event this operation was woken for, or is told to retry.
        if self.word.load().has_waiters() { self.hand_on(place, count) } else { None }
    }

    fn hand_on(&self, place: Place, count: &Arc<WaiterCount>) -> Option<Ready<W>> {
        let mut waiters = lock(&self.waiters);
        let was_queued = waiters.remove(place);
        let (next, gone) = if self.word.load().is_ready() { waiters.claim() } else { (None, 0) };
        self.refresh(&waiters);
        drop(waiters);
        count.subtract(usize::from(was_queued) + gone);
        next.map(|next| {
            let mut ready = Ready::new();
            ready.push(Woken::Parked(next), count);
            ready
        })
    }

    /// Takes a task's waker out, for the caller to drop: that runs foreign code.
    pub(crate) fn forget_task(&self, key: TaskKey, count: &WaiterCount) -> Option<Waker> {
        let mut waiters = lock(&self.waiters);
        let waker = waiters.remove_task(key)?;
        self.refresh(&waiters);
        drop(waiters);
        count.subtract(1);
        Some(waker)
    }

    /// Takes everybody out, for a reason that lies outside: they look at it, and come back.
    ///
    /// Always takes the lock: a waiter that queues after this call then sees what the caller stored before it.
    pub(crate) fn recheck(&self, count: &Arc<WaiterCount>, ready: &mut Ready<W>) {
        let waiters = lock(&self.waiters);
        self.take_out(waiters, usize::MAX, count, ready);
    }

    /// Ends `generation`'s waiting for good, and takes everybody out. Does nothing to another generation.
    pub(crate) fn end(&self, end: End, generation: Generation, count: &Arc<WaiterCount>, ready: &mut Ready<W>) {
        let waiters = lock(&self.waiters);
        let mark = |word: Word| {
            (word.generation() == generation).then(|| match end {
                End::Closed => word.closed(),
                End::Stopped => word.stopped(),
            })
        };
        if self.word.update(mark).is_ok() {
            self.take_out(waiters, usize::MAX, count, ready);
        }
    }

    /// Takes out every task, and blocked waiters, at most so many of those that can be won. Gives the lock back.
    fn take_out(
        &self,
        mut waiters: MutexGuard<'_, Waiters<W>>,
        most: usize,
        count: &Arc<WaiterCount>,
        ready: &mut Ready<W>,
    ) {
        let mut gone = 0;
        for _ in 0..most {
            let (first, before) = waiters.claim();
            gone += before;
            let Some(won) = first else { break };
            ready.push(Woken::Parked(won), count);
        }
        if waiters.has_tasks() {
            for waker in waiters.drain_tasks() {
                ready.push(Woken::Task(waker), count);
            }
        }
        self.refresh(&waiters);
        drop(waiters);
        count.subtract(gone);
    }
}

impl<W> fmt::Debug for Side<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("word", &self.word).field("waiters", &self.waiters).finish()
    }
}

#[cfg(all(test, loom))]
#[path = "loom_direction.rs"]
mod loom_direction;
#[cfg(all(test, loom))]
#[path = "loom_lazy.rs"]
mod loom_lazy;
#[cfg(all(test, loom))]
#[path = "loom_orphaned.rs"]
mod loom_orphaned;
#[cfg(all(test, loom))]
#[path = "loom_short.rs"]
mod loom_short;
