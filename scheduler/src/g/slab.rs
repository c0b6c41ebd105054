//! The memory of all goroutines of the process: of fixed type, recycled, never given back.

use super::G;
use crate::injector::Chain;
use std::sync::{Mutex, PoisonError};

/// How many Gs are made at once.
const CHUNK: usize = 64;
/// A P keeps at most so many free Gs, and exchanges half of that with the slab (Go keeps 64 and exchanges 32).
const CACHE: usize = 64;

struct Slab {
    chunks: Vec<&'static [G]>,
    free: Chain<G>,
}

static SLAB: Mutex<Option<Slab>> = Mutex::new(None);

fn with_slab<R>(f: impl FnOnce(&mut Slab) -> R) -> R {
    let mut slab = SLAB.lock().unwrap_or_else(PoisonError::into_inner);
    f(slab.get_or_insert_with(|| Slab { chunks: Vec::new(), free: Chain::new() }))
}

impl Slab {
    fn take(&mut self) -> &'static G {
        loop {
            if let Some(g) = self.free.pop_front() {
                return g;
            }
            let chunk: &'static [G] = Box::leak((0..CHUNK).map(|_| G::new()).collect());
            self.chunks.push(chunk);
            for g in chunk {
                self.free.push_back(g);
            }
        }
    }
}

/// A free G, for a thread that has no cache.
pub(crate) fn take() -> &'static G {
    with_slab(Slab::take)
}

/// Gives back a goroutine that is `Done`.
pub(crate) fn give_back(g: &'static G) {
    g.tear_down();
    with_slab(|slab| slab.free.push_front(g));
}

/// Calls `f` for every G there is, of every runtime, free ones too.
pub(crate) fn for_each(mut f: impl FnMut(&'static G)) {
    // The list is copied so that `f` runs without the lock; chunks are never taken away.
    let chunks = with_slab(|slab| slab.chunks.clone());
    for chunk in chunks {
        chunk.iter().for_each(&mut f);
    }
}

/// A P's own free Gs.
pub(crate) struct Cache(Chain<G>);

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache(Chain::new())
    }

    pub(crate) fn take(&mut self) -> &'static G {
        if let Some(g) = self.0.pop_front() {
            return g;
        }
        with_slab(|slab| {
            for _ in 1..CACHE / 2 {
                self.0.push_back(slab.take());
            }
            slab.take()
        })
    }

    pub(crate) fn give_back(&mut self, g: &'static G) {
        g.tear_down();
        self.0.push_front(g);
        if self.0.len() >= CACHE {
            let some = self.0.split_front(CACHE / 2);
            with_slab(|slab| slab.free.append(some));
        }
    }

    /// All of them back to the slab.
    pub(crate) fn flush(&mut self) {
        let all = std::mem::take(&mut self.0);
        with_slab(|slab| slab.free.append(all));
    }
}
