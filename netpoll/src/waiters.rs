//! The list of those who wait for one direction: a FIFO of blocking waiters, and the wakers of tasks.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;

/// A place in the FIFO, given once per operation and kept over its waits: a waiter that was woken in vain
/// goes back to where it was, not to the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place(u64);

/// Names the waker slot of one task waiter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TaskKey(u64);

/// A blocking waiter, as the caller names it: a value that is copied, kept in the queue of a direction, and claimed there. One value stands
/// for one wait.
pub trait Waits: Copy + Send + 'static {
    /// The waiter, once its wait has been won. It need not run before this is given back by [`Ready::drain`](crate::Ready::drain).
    type Won: Send + 'static;

    /// Ends the wait, if it is still to be ended. `None` is for good: it was ended otherwise, or its owner has ceased to exist. An event is
    /// then not spent on it, but goes to the next in the queue.
    ///
    /// Called under the lock of a queue: it must not block, nor use a descriptor.
    fn claim(self) -> Option<Self::Won>;
}

/// Names and numbers always wait, and it is for whoever they name to know better.
macro_rules! always_waits {
    ($($name:ty)*) => {$(
        impl Waits for $name {
            type Won = $name;

            fn claim(self) -> Option<$name> {
                Some(self)
            }
        }
    )*};
}

always_waits!(&'static str u32 u64 usize);

struct Entry<W> {
    place: Place,
    waiter: W,
}

/// Waiters ordered by place. The first one is inline: a lone waiter, the usual case, allocates nothing.
struct Queue<W> {
    /// `None` implies that `rest` is empty.
    first: Option<Entry<W>>,
    rest: VecDeque<Entry<W>>,
}

impl<W: Copy> Queue<W> {
    /// Puts the waiter of `place` in; true: it is new there, false: it replaced an earlier one.
    fn put(&mut self, place: Place, waiter: W) -> bool {
        let entry = Entry { place, waiter };
        match &mut self.first {
            None => self.first = Some(entry),
            Some(first) if first.place == place => {
                *first = entry;
                return false;
            }
            Some(first) if place < first.place => {
                let second = std::mem::replace(first, entry);
                self.rest.push_front(second);
            }
            Some(_) => match self.rest.binary_search_by(|other| other.place.cmp(&place)) {
                Ok(index) => {
                    self.rest[index] = entry;
                    return false;
                }
                Err(index) => self.rest.insert(index, entry),
            },
        }
        true
    }

    fn pop(&mut self) -> Option<W> {
        let popped = self.first.take()?;
        self.first = self.rest.pop_front();
        Some(popped.waiter)
    }

    /// True: it was there.
    fn remove(&mut self, place: Place) -> bool {
        if self.first.as_ref().is_some_and(|first| first.place == place) {
            return self.pop().is_some();
        }
        match self.rest.binary_search_by(|other| other.place.cmp(&place)) {
            Ok(index) => self.rest.remove(index).is_some(),
            Err(_) => false,
        }
    }
}

/// Everybody who waits for one direction. Guarded by the direction's lock.
pub(crate) struct Waiters<W> {
    blocked: Queue<W>,
    tasks: Vec<(TaskKey, Waker)>,
    next_name: u64,
}

impl<W> Waiters<W> {
    pub(crate) const fn new() -> Self {
        Waiters { blocked: Queue { first: None, rest: VecDeque::new() }, tasks: Vec::new(), next_name: 0 }
    }
}

impl<W: Waits> Waiters<W> {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocked.first.is_none() && self.tasks.is_empty()
    }

    /// Whether somebody stays once the first blocked waiter, and every task, are taken out.
    pub(crate) fn has_second(&self) -> bool {
        !self.blocked.rest.is_empty()
    }

    fn name(&mut self) -> u64 {
        self.next_name += 1;
        self.next_name
    }

    /// Queues a waiter at `place`, or at the end with a new one. True: one more waits than before.
    pub(crate) fn put(&mut self, place: &mut Option<Place>, waiter: W) -> bool {
        let place = *place.get_or_insert_with(|| Place(self.name()));
        self.blocked.put(place, waiter)
    }

    /// Takes out the first whose wait can be won, and those before it, which do not wait any more. How many these were comes second.
    pub(crate) fn claim(&mut self) -> (Option<W::Won>, usize) {
        let mut gone = 0;
        while let Some(waiter) = self.blocked.pop() {
            if let Some(won) = waiter.claim() {
                return (Some(won), gone);
            }
            gone += 1;
        }
        (None, gone)
    }

    pub(crate) fn remove(&mut self, place: Place) -> bool {
        self.blocked.remove(place)
    }

    /// Registers a waker under `key`, or under a new one. `None`: one more waits than before. `Some`: the waker that
    /// is no longer needed. Dropping it runs foreign code, so the caller does that after the lock.
    #[must_use]
    pub(crate) fn put_task(&mut self, key: &mut Option<TaskKey>, waker: Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| TaskKey(self.name()));
        match self.tasks.iter_mut().find(|(other, _)| *other == key) {
            Some((_, registered)) if registered.will_wake(&waker) => Some(waker),
            Some((_, registered)) => Some(std::mem::replace(registered, waker)),
            None => {
                self.tasks.push((key, waker));
                None
            }
        }
    }

    pub(crate) fn remove_task(&mut self, key: TaskKey) -> Option<Waker> {
        let index = self.tasks.iter().position(|(other, _)| *other == key)?;
        Some(self.tasks.swap_remove(index).1)
    }

    pub(crate) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Takes all wakers out, keeping the list's memory.
    pub(crate) fn drain_tasks(&mut self) -> impl Iterator<Item = Waker> {
        self.tasks.drain(..).map(|(_, waker)| waker)
    }
}

impl<W> fmt::Debug for Waiters<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocked = usize::from(self.blocked.first.is_some()) + self.blocked.rest.len();
        f.debug_struct("Waiters").field("blocked", &blocked).field("tasks", &self.tasks.len()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Its number, and whether it still waits.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Mortal(u32, bool);

    impl Waits for Mortal {
        type Won = Mortal;

        fn claim(self) -> Option<Mortal> {
            self.1.then_some(self)
        }
    }

    #[test]
    fn those_that_wait_no_longer_are_passed_over() {
        let mut waiters = Waiters::new();
        for (number, waits) in (0..).zip([false, true, false, false, true, false]) {
            waiters.put(&mut None, Mortal(number, waits));
        }
        assert_eq!(waiters.claim(), (Some(Mortal(1, true)), 1));
        assert_eq!(waiters.claim(), (Some(Mortal(4, true)), 2));
        assert_eq!(waiters.claim(), (None, 1));
        assert!(waiters.is_empty());
        assert_eq!(waiters.claim(), (None, 0));
    }

    fn drain(waiters: &mut Waiters<u32>) -> Vec<u32> {
        std::iter::from_fn(|| waiters.claim().0).collect()
    }

    #[test]
    fn a_place_is_kept_over_waits() {
        let mut waiters = Waiters::new();
        let mut places = [None; 4];
        for (number, place) in (0..).zip(&mut places) {
            assert!(waiters.put(place, number));
        }
        assert_eq!(waiters.claim(), (Some(0), 0));
        assert_eq!(waiters.claim(), (Some(1), 0));
        assert!(waiters.put(&mut places[1], 11), "it was out, so it is one more");
        assert!(waiters.put(&mut places[0], 10));
        assert!(!waiters.put(&mut places[2], 12), "it was still in: replaced");
        assert!(!waiters.put(&mut places[0], 20));
        assert_eq!(drain(&mut waiters), [20, 11, 12, 3]);
        assert!(waiters.is_empty());
    }

    #[test]
    fn removal_from_every_position() {
        for removed in 0..4 {
            let mut waiters = Waiters::new();
            let mut places = [None; 4];
            for (number, place) in (0..).zip(&mut places) {
                waiters.put(place, number);
            }
            let place = places[removed as usize].expect("every waiter got a place");
            assert!(waiters.remove(place));
            assert!(!waiters.remove(place), "only once");
            let rest: Vec<u32> = (0..4).filter(|number| *number != removed).collect();
            assert_eq!(drain(&mut waiters), rest);
        }
    }
}
