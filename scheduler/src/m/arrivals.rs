//! The arrivals of an M: fresh goroutines of accepted connections that are to start on it (bound mode), put there by the M that accepted
//! them.
//!
//! # The problem
//!
//! Bound, a goroutine stays where it starts, and a connection's goroutine may stay for days. One goroutine accepts them all, and each is spawned
//! on *its* thread. Whoever idles at that moment takes its share (`place.rs`, `places_elsewhere`), but which thread idles when a
//! connection comes has nothing to do with how many it serves: of 2 000 ends of connections one of two threads had 700 and the other 1 300, or
//! worse, and when all of them talk one CPU idles beside another that has a third more to do than its share. So the spawner places them: a goroutine
//! that is spawned by one that has just accepted a connection goes to the home with the least of them, busy or asleep. (Envoy's "exact"
//! connection balancing does the same with the listener's lock; the kernel's, over several sockets with `SO_REUSEPORT`, is by hash.)
//!
//! # Why a queue of its own
//!
//! * *The inbox* is for what only this M may run, and what was taken out of it only its thread reaches. A fresh one behind a goroutine that
//!   computes for a second could be started by any other, and must be.
//! * *The ring* of the M's P is its own to write; and who has nothing to do takes from there at once, the one that has just passed it on as
//!   well as anybody.
//! * *The injector* knows no threads. It was tried (docs/decisions/0012): whoever is dry takes what lies there.
//!
//! A chain under a lock, then, with its length beside it. It is touched once in the life of a connection, which costs a dozen system calls.
//!
//! # Nothing lies behind an M that does not come
//!
//! Arrivals wait for one M, so somebody must see to it that it comes, or take them away again. An M that may start fresh goroutines has a
//! *seat* (`seats.rs`) as long as it runs; whoever takes the seat from it, or gives it up himself, passes on what lies here:
//!
//! ```text
//! place                                        a seat is given up, by its M or the monitor
//! 1. put g in                                  1. the seat is the M's no longer
//! 2. fence(SeqCst)                             2. fence(SeqCst)
//! 3. asleep? rouse it (idle.rs). Not asleep,   3. something lies here? all of it goes
//!    and it has no seat? all of it goes           to the injector
//!    to the injector
//! ```
//!
//! One of the two sees the other. An M that goes to sleep gives its seat up first: step 3 on the left finds it asleep, or on its way and without a
//! seat, or the M finds g. Who was roused has a P and no seat: before it runs anything it takes one, or passes on what lies here (there is none,
//! or its thread is some goroutine's alone meanwhile). So where something lies, there is a seat, or an M on its way out of its rest; and a
//! thread that ends passes on what there is, seat or none.
//!
//! While the M has its seat and computes, arrivals are among those that wait: after a slice its P is taken, and the seat with it, or, where
//! another P idles, they are passed on (`monitor/retake.rs`). An M that the machine keeps from running keeps its seat, and its arrivals, as long
//! as that is so (`monitor/report.rs`): it comes back before long, and who is at home there waits as well.

use crate::injector::{Chain, Linked};
use crate::sync::atomic::{AtomicUsize, Ordering::*, fence};
use crate::sync::{Mutex, faulty, lock};
use std::fmt;

/// Many put in, the M takes one by one, anybody takes all.
pub(crate) struct Arrivals<T: Linked> {
    /// Of the chain. Written under the lock.
    len: AtomicUsize,
    chain: Mutex<Chain<T>>,
}

impl<T: Linked> Arrivals<T> {
    pub(crate) fn new() -> Self {
        Arrivals { len: AtomicUsize::new(0), chain: Mutex::new(Chain::new()) }
    }

    /// Step 1 of placing: at the end.
    pub(crate) fn push(&self, last: &'static T) {
        let mut chain = lock(&self.chain);
        chain.push_back(last);
        self.len.store(chain.len(), Relaxed);
    }

    /// The one that came first.
    pub(crate) fn pop(&self) -> Option<&'static T> {
        if self.is_empty() {
            return None;
        }
        let mut chain = lock(&self.chain);
        let first = chain.pop_front();
        self.len.store(chain.len(), Relaxed);
        first
    }

    /// All of them, in order.
    pub(crate) fn take(&self) -> Chain<T> {
        if self.is_empty() {
            return Chain::new();
        }
        let mut chain = lock(&self.chain);
        self.len.store(0, Relaxed);
        std::mem::take(&mut *chain)
    }

    /// Steps 2 and 3 of giving a seat up: what is to go to the injector.
    pub(crate) fn take_after_seat(&self) -> Chain<T> {
        if !faulty!(ArrivalsLeftWithoutFence) {
            fence(SeqCst);
        }
        self.take()
    }

    /// How many: a hint, but for what a fence precedes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Whether nobody waits here. After a fence it misses nobody whose pusher has passed its own fence.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Linked> fmt::Debug for Arrivals<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrivals").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
#[path = "arrivals_loom.rs"]
mod loom_tests;
