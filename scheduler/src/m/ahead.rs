//! Fetching ahead: what is ready and lies far away is asked for before its turn.
//!
//! A goroutine that waited long has nothing in any near cache: its G is three lines of a slab, and its stack a page of its own, whose entry in
//! the page tables is a line of its own. One after the other these are half a dozen misses a turn, each waited for in full: of the time in which
//! a million woken goroutines run and end, more than half. They depend on each other (the queue's link gives the G, the G the stack), but those
//! of one goroutine do not depend on those of another. So where many are ready, the next ones are gone through step by step, all of them
//! at each step:
//!
//! 1. along the chain: the link is in the first line of a G; ask for the two others;
//! 2. along the chain again: read where the stack is; ask for its head;
//! 3. once more: read there in which frame it waits; ask for that, and for those it returns to.
//!
//! What a step reads the one before it has asked for. So little of it is waited for but the links, and the walk of the page tables goes on
//! beside the rest. Where few are ready they are near enough as they are, and whoever takes one from a queue pays for no more than to see that
//! (docs/decisions/0031 has the figures, and what did not pay).

use super::M;
use crate::g::G;
use crate::injector::Chain;

/// So many goroutines ready are more than is near: a dozen lines and two pages of each of them fill a cache of the second level and its TLB.
const FAR: usize = 1024;
/// So many are fetched at a time.
const AT_A_TIME: usize = 32;

impl M {
    /// The next of the thread's own goroutines in turn.
    #[inline]
    pub(super) fn pop_own(&self) -> Option<&'static G> {
        let mut ready = self.own().ready.borrow_mut();
        if ready.len() >= FAR {
            self.keep_near(&ready);
        }
        ready.pop_front()
    }

    /// One of so many is about to be taken.
    #[inline(never)]
    fn keep_near(&self, ready: &Chain<G>) {
        let near = &self.own().near;
        if near.get() == 0 {
            fetch(ready, AT_A_TIME);
            near.set(AT_A_TIME);
        }
        near.set(near.get() - 1);
    }

    /// A batch of the injector, `behind` which others are queued there, is about to be queued on the P.
    pub(super) fn bring_near(batch: &Chain<G>, behind: usize) {
        if behind >= FAR {
            fetch(batch, batch.len());
        }
    }
}

/// Asks for what the turns of the first `count` will touch; they are the calling M's, in its queue or about to be.
fn fetch(ready: &Chain<G>, count: usize) {
    for g in ready.iter().take(count) {
        g.prefetch();
    }
    for g in ready.iter().take(count) {
        // SAFETY: who has the chain owns what is queued in it. The end of the runtime settles what still lies in such a queue, from another thread;
        // but where an M looks for work, as here, it waits for that M to leave, or to have seen that the runtime ends, before the queues.
        unsafe { g.prefetch_head() };
    }
    for g in ready.iter().take(count) {
        // SAFETY: as above.
        unsafe { g.prefetch_frames() };
    }
}
