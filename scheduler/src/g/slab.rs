//! The memory of all goroutines of the process: of fixed type, recycled, never given back.
//!
//! A program with few goroutines has their Gs in small chunks from the allocator. What comes behind the first thousands is cut from huge
//! pages: a page fault for every 4 KiB of new Gs, and a walk of the page tables for every 4 KiB of far ones, were half of what a spawn took
//! (docs/decisions/0036).

use super::G;
use crate::injector::Chain;
use std::alloc::{self, Layout};
use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

/// How many Gs are made at once.
const CHUNK: usize = 2 * MAGAZINE;
/// So many a P, or an M, exchanges with the slab at once, as one chain that nobody walks through; fewer where somebody gave back what he had.
const MAGAZINE: usize = 32;

/// So many chunks are small: 800 KB of Gs. With the next one the process has 2 MiB more, whether they will be used or not.
const SMALL_CHUNKS: usize = 64;
/// The memory that one entry of the second level of page tables can stand for, where pages are of 4 KiB. Elsewhere it is a size like any other.
const HUGE_PAGE: usize = 2 << 20;

struct Slab {
    chunks: Vec<&'static [G]>,
    /// The rest of the last huge page.
    blank: &'static mut [MaybeUninit<G>],
    /// Chains of [`MAGAZINE`] free Gs, or fewer; none is empty.
    magazines: Vec<Chain<G>>,
    /// Those that come back, and are given out, one by one.
    loose: Chain<G>,
}

static SLAB: Mutex<Option<Slab>> = Mutex::new(None);

fn with_slab<R>(f: impl FnOnce(&mut Slab) -> R) -> R {
    let mut slab = SLAB.lock().unwrap_or_else(PoisonError::into_inner);
    f(slab.get_or_insert_with(|| Slab {
        chunks: Vec::new(),
        blank: &mut [],
        magazines: Vec::new(),
        loose: Chain::new(),
    }))
}

impl Slab {
    /// Room for a chunk that is nobody else's.
    fn room_for_chunk(&mut self) -> &'static mut [MaybeUninit<G>] {
        if self.chunks.len() >= SMALL_CHUNKS && self.blank.len() < CHUNK {
            self.blank = huge_page();
        }
        if self.blank.len() < CHUNK {
            return Box::leak(Box::new_uninit_slice(CHUNK));
        }
        let (room, blank) = std::mem::take(&mut self.blank).split_at_mut(CHUNK);
        self.blank = blank;
        room
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

/// At least one.
fn take_magazine() -> Chain<G> {
    let room = with_slab(|slab| slab.magazines.pop().ok_or_else(|| slab.room_for_chunk()));
    let room = match room {
        Ok(magazine) => return magazine,
        Err(room) => room,
    };
    // Without the lock: the first touch of a huge page takes the kernel as long as a thousand spawns take. Who comes meanwhile cuts his own chunk,
    // and touches the same page: he waits there for as long as he would have waited here, but those who need no new memory do not.
    room.iter_mut().for_each(|place| _ = place.write(G::new()));
    // SAFETY: each of them was written just now, and nobody else has this room.
    let chunk: &'static [G] = unsafe { &*(&raw const *room as *const [G]) };
    let (one, other) = chunk.split_at(MAGAZINE);
    with_slab(|slab| {
        slab.chunks.push(chunk);
        slab.magazines.push(other.iter().collect());
    });
    one.iter().collect()
}

/// Room for Gs in a huge page of its own; none where there is no memory for it, or not in one piece.
fn huge_page() -> &'static mut [MaybeUninit<G>] {
    let Ok(layout) = Layout::from_size_align(HUGE_PAGE, HUGE_PAGE) else { unreachable!("a power of two") };
    // SAFETY: of a size that is not zero.
    let start = unsafe { alloc::alloc(layout) };
    if start.is_null() {
        return &mut [];
    }
    // A kernel without huge pages refuses, and one that has none free takes small ones, now or later: no G needs to know.
    // SAFETY: the advice leaves what the memory holds as it is; the memory is ours for good.
    unsafe { libc::madvise(start.cast(), HUGE_PAGE, libc::MADV_HUGEPAGE) };
    // SAFETY: allocated just now, for good, and aligned for far more than a G; what is not initialised need not be.
    unsafe { std::slice::from_raw_parts_mut(start.cast(), HUGE_PAGE / size_of::<G>()) }
}

/// A free G, for a thread that has no cache.
pub(crate) fn take() -> &'static G {
    if let Some(g) = with_slab(|slab| slab.loose.pop_front()) {
        return g;
    }
    let mut magazine = take_magazine();
    let Some(g) = magazine.pop_front() else { unreachable!("a magazine is not empty") };
    with_slab(|slab| {
        // Others may have come here as well.
        if slab.loose.is_empty() {
            slab.loose = magazine;
        } else {
            slab.give_magazine_back(magazine);
        }
    });
    g
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
            self.previous = take_magazine();
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn many_are_cut_from_huge_pages_and_each_is_found() {
        let in_a_page = HUGE_PAGE / size_of::<G>() / CHUNK * CHUNK;
        let wanted = SMALL_CHUNKS * CHUNK + 2 * in_a_page + 1;
        let mut caches = [Cache::new(), Cache::new()];
        let taken: Vec<&G> = (0..wanted).map(|turn| caches[turn % 2].take()).collect();
        let places: HashSet<usize> = taken.iter().map(|g| std::ptr::from_ref(*g).addr()).collect();
        assert_eq!(places.len(), wanted, "one was given out twice");

        let mut found = HashSet::new();
        for_each(|g| assert!(found.insert(std::ptr::from_ref(g).addr()), "one was shown twice"));
        assert!(found.is_superset(&places), "some are not shown");
        // Other tests of the process share the slab, and may have taken the first.
        let pages: HashSet<usize> = places.iter().map(|place| place / HUGE_PAGE).collect();
        let full = |page: &&usize| places.iter().filter(|place| *place / HUGE_PAGE == **page).count() == in_a_page;
        assert!(pages.iter().filter(full).count() >= 1, "no huge page is in use");

        // They are as new: a magazine of them goes back as it came.
        let mut chain: Chain<G> = taken.into_iter().collect();
        while !chain.is_empty() {
            let magazine = chain.split_front(MAGAZINE);
            with_slab(|slab| slab.give_magazine_back(magazine));
        }
        caches.iter_mut().for_each(Cache::flush);
    }
}
