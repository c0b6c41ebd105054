//! The P itself.

use super::counters::Counters;
use super::ring::{Owner, Ring};
use crate::g::context::Context;
use crate::g::{G, slab};
use crate::m::M;
use crate::runtime::Scheduler;
use crate::stack;
use crate::timers::Timers;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::*};

/// Goroutine ids are handed out in batches of so many (as in Go).
const ID_BATCH: u64 = 16;

/// See the module. What is not atomic belongs to the M that holds the P, while it is inside the runtime.
pub(crate) struct P {
    pub(crate) index: u32,
    pub(crate) ring: Ring<G>,
    pub(crate) timers: Timers,
    pub(crate) counters: Counters,
    /// Grows when a goroutine begins a slice of its own: the monitor sees by it whether the P gets on.
    pub(crate) tick: AtomicU32,
    /// Who holds it, for the monitor: null while it idles or is being handed over.
    m: AtomicPtr<M>,
    caches: UnsafeCell<Caches>,
}

/// What a P keeps at hand so that the common case needs no lock.
pub(crate) struct Caches {
    pub(crate) stacks: stack::Cache,
    /// The context of the goroutine that ended here last, on a stack of the default size: the next to start gets it as it is.
    pub(crate) warm: Option<Context>,
    pub(crate) spare: Spare,
}

/// Free Gs, and ids for them.
pub(crate) struct Spare {
    pub(crate) gs: slab::Cache,
    /// The next id and how many are left.
    ids: (u64, u64),
}

impl Spare {
    pub(crate) fn new() -> Spare {
        Spare { gs: slab::Cache::new(), ids: (0, 0) }
    }

    #[inline]
    pub(crate) fn take(&mut self, scheduler: &Scheduler) -> (&'static G, u64) {
        if self.ids.1 == 0 {
            self.ids = (scheduler.next_ids(ID_BATCH), ID_BATCH);
        }
        let id = self.ids.0;
        self.ids = (id + 1, self.ids.1 - 1);
        (self.gs.take(), id)
    }
}

// SAFETY: `caches` is reached through `P::caches`, whose callers hold the P, and a P is held by one M at a time.
unsafe impl Sync for P {}
// SAFETY: as above; what it owns is Send.
unsafe impl Send for P {}

impl P {
    pub(crate) fn new(index: u32, stack_size: usize) -> P {
        P {
            index,
            ring: Ring::new(),
            timers: Timers::new(),
            counters: Counters::default(),
            tick: AtomicU32::new(0),
            m: AtomicPtr::new(ptr::null_mut()),
            caches: UnsafeCell::new(Caches { stacks: stack::Cache::new(stack_size), warm: None, spare: Spare::new() }),
        }
    }

    /// The owner's end of the run queue.
    ///
    /// # Safety
    /// The calling thread holds this P and is inside the runtime, for as long as the token lives.
    pub(crate) unsafe fn queue(&self) -> Owner<'_, G> {
        // SAFETY: holding the P is what the ring asks for; P hand-over goes through a lock or a note, which order it.
        unsafe { self.ring.owner() }
    }

    /// # Safety
    /// As for [`P::queue`], and no other reference to the caches is alive.
    #[allow(clippy::mut_from_ref, reason = "the holder of a P is its only user, which the type system cannot see")]
    pub(crate) unsafe fn caches(&self) -> &mut Caches {
        // SAFETY: by contract exclusive.
        unsafe { &mut *self.caches.get() }
    }

    pub(crate) fn m(&self) -> Option<&'static M> {
        // SAFETY: Ms are never freed.
        unsafe { self.m.load(Acquire).as_ref() }
    }

    pub(crate) fn set_m(&self, m: Option<&'static M>) {
        self.m.store(m.map_or(ptr::null_mut(), |m| ptr::from_ref(m).cast_mut()), Release);
    }
}
