//! The memory of all goroutines of the process: of fixed type, recycled, never given back.

use super::G;
use crate::injector::Chain;
use std::sync::{Mutex, PoisonError};

/// How many Gs are made at once.
const CHUNK: usize = 2 * MAGAZINE;
/// So many a P, or an M, exchanges with the slab at once, as one chain that nobody walks through; fewer where somebody gave back what he had.
const MAGAZINE: usize = 32;

struct Slab {
    chunks: Vec<&'static [G]>,
    /// Chains of [`MAGAZINE`] free Gs, or fewer; none is empty.
    magazines: Vec<Chain<G>>,
    /// Those that came back one by one; fewer than a magazine.
    loose: Chain<G>,
}

static SLAB: Mutex<Option<Slab>> = Mutex::new(None);

fn with_slab<R>(f: impl FnOnce(&mut Slab) -> R) -> R {
    let mut slab = SLAB.lock().unwrap_or_else(PoisonError::into_inner);
    f(slab.get_or_insert_with(|| Slab { chunks: Vec::new(), magazines: Vec::new(), loose: Chain::new() }))
}

impl Slab {
    fn take(&mut self) -> &'static G {
        loop {
            if let Some(g) = self.loose.pop_front() {
                return g;
            }
            self.loose = self.take_magazine();
        }
    }

    /// At least one.
    fn take_magazine(&mut self) -> Chain<G> {
        if let Some(magazine) = self.magazines.pop() {
            return magazine;
        }
        let chunk: &'static [G] = Box::leak((0..CHUNK).map(|_| G::new()).collect());
        self.chunks.push(chunk);
        let (one, other) = chunk.split_at(MAGAZINE);
        self.magazines.push(other.iter().collect());
        one.iter().collect()
    }

    fn give_back(&mut self, g: &'static G) {
        self.loose.push_front(g);
        if self.loose.len() >= MAGAZINE {
            self.magazines.push(std::mem::take(&mut self.loose));
        }
    }

    fn give_magazine_back(&mut self, magazine: Chain<G>) {
        if !magazine.is_empty() {
            self.magazines.push(magazine);
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
    with_slab(|slab| slab.give_back(g));
}

/// Calls `f` for every G there is, of every runtime, free ones too.
pub(crate) fn for_each(mut f: impl FnMut(&'static G)) {
    // The list is copied so that `f` runs without the lock; chunks are never taken away.
    let chunks = with_slab(|slab| slab.chunks.clone());
    for chunk in chunks {
        chunk.iter().for_each(&mut f);
    }
}

/// The free Gs of a P, or of an M that has none: two magazines, so that goroutines that come and go by turns stay clear of the slab,
/// whatever the number they come and go by (Bonwick and Adams, "Magazines and Vmem", 2001).
pub(crate) struct Cache {
    loaded: Chain<G>,
    /// Full, or empty.
    previous: Chain<G>,
}

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache { loaded: Chain::new(), previous: Chain::new() }
    }

    #[inline]
    pub(crate) fn take(&mut self) -> &'static G {
        match self.loaded.pop_front() {
            Some(g) => g,
            None => self.reload(),
        }
    }

    #[cold]
    #[inline(never)]
    fn reload(&mut self) -> &'static G {
        loop {
            self.loaded = std::mem::take(&mut self.previous);
            if let Some(g) = self.loaded.pop_front() {
                return g;
            }
            self.previous = with_slab(Slab::take_magazine);
        }
    }

    #[inline]
    pub(crate) fn give_back(&mut self, g: &'static G) {
        g.tear_down();
        // A full one moves when another comes, not when it becomes full: one that comes and goes then does not move it to and fro.
        if self.loaded.len() >= MAGAZINE {
            self.unload();
        }
        self.loaded.push_front(g);
    }

    #[cold]
    #[inline(never)]
    fn unload(&mut self) {
        let full = std::mem::replace(&mut self.previous, std::mem::take(&mut self.loaded));
        if !full.is_empty() {
            with_slab(|slab| slab.magazines.push(full));
        }
    }

    /// All of them back to the slab.
    pub(crate) fn flush(&mut self) {
        if self.loaded.is_empty() && self.previous.is_empty() {
            return;
        }
        let (loaded, previous) = (std::mem::take(&mut self.loaded), std::mem::take(&mut self.previous));
        with_slab(|slab| {
            slab.give_magazine_back(loaded);
            slab.give_magazine_back(previous);
        });
    }
}
