//! The free stacks of the process, by class.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::size::Class;
use super::slab::{Slab, StackId};
use super::{NO_OWNER, NoStack, Stack};

/// How many stacks are made ready at once when there are no used ones: their guards are put up in one call.
const FRESH_BATCH: usize = 16;

/// How long a stack lies unused before its memory is given back, in nanoseconds.
const COLD_AFTER: u64 = 1_000_000_000;

/// How many stacks one look gives back at most, so that the monitor is not held up for longer than about a millisecond.
const TRIM_BATCH: usize = 4_096;

static POOLS: [Pool; Class::COUNT] = [const { Pool(Mutex::new(Free::EMPTY)) }; Class::COUNT];

/// The free stacks of one class.
struct Pool(Mutex<Free>);

struct Free {
    /// With one page of memory.
    shallow: Tier,
    /// With more.
    deep: Tier,
    /// Without memory.
    clean: Vec<StackId>,
    /// Without a guard: an attempt to put it up has failed.
    bare: Vec<StackId>,
    /// The newest slab, whose stacks from `fresh` on were never handed out.
    slab: Option<&'static Slab>,
    fresh: u32,
    /// The stacks of all slabs together.
    total: usize,
    /// When the tiers' low-water marks were set.
    marked_at: u64,
}

/// Free stacks that hold memory, the latest at the end.
struct Tier {
    stacks: VecDeque<StackId>,
    /// The smallest length since the mark was set: what lies below was not touched since.
    low_water: usize,
}

impl Tier {
    fn pop(&mut self) -> Option<StackId> {
        let stack = self.stacks.pop_back();
        self.low_water = self.low_water.min(self.stacks.len());
        stack
    }

    /// Takes out cold stacks, the coldest first, until `out` holds `most`.
    fn take_cold(&mut self, most: usize, out: &mut Vec<StackId>) {
        let count = self.low_water.min(most - out.len());
        out.extend(self.stacks.drain(..count));
        self.low_water -= count;
    }

    /// Begins a new while.
    fn mark(&mut self) {
        self.low_water = self.stacks.len();
        // After a million goroutines have ended there would be megabytes for nothing.
        if self.stacks.capacity() > 1_024 + 4 * self.low_water {
            self.stacks.shrink_to(2 * self.low_water);
        }
    }
}

impl Free {
    const EMPTY: Free = Free {
        shallow: Tier { stacks: VecDeque::new(), low_water: 0 },
        deep: Tier { stacks: VecDeque::new(), low_water: 0 },
        clean: Vec::new(),
        bare: Vec::new(),
        slab: None,
        fresh: 0,
        total: 0,
        marked_at: 0,
    };

    /// A free stack whose guard is up. Deep ones come after shallow ones, so that they go cold where fewer are needed.
    fn pop(&mut self) -> Option<StackId> {
        self.shallow.pop().or_else(|| self.deep.pop()).or_else(|| self.clean.pop())
    }

    /// A stack that has no guard yet.
    fn pop_unguarded(&mut self, class: Class) -> Result<StackId, NoStack> {
        if let Some(stack) = self.bare.pop() {
            return Ok(stack);
        }
        let slab = match self.slab {
            Some(slab) if self.fresh < slab.count() => slab,
            _ => {
                // As large as all before it together, so that few goroutines take little address space and a million
                // take few slabs.
                let slab = Slab::map(class, self.total)?;
                self.total += slab.count() as usize;
                self.fresh = 0;
                self.slab.insert(slab)
            }
        };
        let stack = StackId::new(slab.number(), self.fresh);
        self.fresh += 1;
        Ok(stack)
    }

    fn is_warm(&self) -> bool {
        !self.deep.stacks.is_empty() || !self.shallow.stacks.is_empty()
    }
}

impl Pool {
    fn of(class: Class) -> &'static Pool {
        &POOLS[class.number()]
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kernel is called outside of the lock: other Ps go on meanwhile, and the stacks are in this thread's hands
    /// alone.
    fn make(&self, class: Class, wanted: usize, out: &mut Vec<Stack>) -> Result<(), NoStack> {
        let mut unguarded = Vec::with_capacity(FRESH_BATCH);
        let mut result = Ok(());
        {
            let mut free = self.lock();
            while unguarded.len() < wanted.min(FRESH_BATCH) {
                match free.pop_unguarded(class) {
                    Ok(stack) => unguarded.push(stack),
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                }
            }
        }
        let before = out.len();
        let mut bare = Vec::new();
        for stacks in unguarded.chunk_by(|one, next| one.slab_number() == next.slab_number()) {
            // After one refusal the rest would be refused too, each at the price of a system call.
            let (up, refused) = if bare.is_empty() { stacks[0].slab().put_guards(stacks) } else { (0, result) };
            if refused.is_err() {
                result = refused;
            }
            let (guarded, without) = stacks.split_at(up);
            out.extend(guarded.iter().map(|id| stack_of(*id)));
            bare.extend_from_slice(without);
        }
        if !bare.is_empty() {
            self.lock().bare.append(&mut bare);
        }
        if out.len() > before { Ok(()) } else { result }
    }

    fn trim(&self, now: u64) -> Option<u64> {
        let mut cold = Vec::new();
        let more = {
            let mut free = self.lock();
            if !free.is_warm() {
                return None;
            }
            let due = free.marked_at.saturating_add(COLD_AFTER);
            if now < due {
                return Some(due);
            }
            free.deep.take_cold(TRIM_BATCH, &mut cold);
            free.shallow.take_cold(TRIM_BATCH, &mut cold);
            let more = free.deep.low_water > 0 || free.shallow.low_water > 0;
            if !more {
                free.deep.mark();
                free.shallow.mark();
                free.marked_at = now;
            }
            more
        };
        discard(&mut cold);
        let mut free = self.lock();
        // The lowest addresses are taken first, which keeps the stacks in use together.
        free.clean.extend(cold.into_iter().rev());
        match (more, free.is_warm()) {
            (true, _) => Some(now),
            (false, true) => Some(free.marked_at.saturating_add(COLD_AFTER)),
            (false, false) => None,
        }
    }
}

/// Gives the memory of free stacks back, neighbours in one call, and leaves them sorted.
fn discard(stacks: &mut [StackId]) {
    stacks.sort_unstable();
    for run in stacks.chunk_by(|lower, upper| lower.is_followed_by(*upper)) {
        let (first, last) = (run[0], run[run.len() - 1]);
        // SAFETY: the stacks were taken out of the pool, so that they are in this thread's hands alone, and what ran
        // on them has ended.
        unsafe { first.slab().discard(first.index(), last.index()) };
    }
}

fn stack_of(id: StackId) -> Stack {
    Stack::new(id.slab(), id.index())
}

/// Adds 1 to `wanted` stacks to `out`.
pub(super) fn take(class: Class, wanted: usize, out: &mut Vec<Stack>) -> Result<(), NoStack> {
    let pool = Pool::of(class);
    let before = out.len();
    {
        let mut free = pool.lock();
        while out.len() - before < wanted
            && let Some(id) = free.pop()
        {
            out.push(stack_of(id));
        }
    }
    if out.len() > before { Ok(()) } else { pool.make(class, wanted, out) }
}

/// Takes one stack back, whose handle must not be used again: this is what dropping it does.
pub(super) fn give_back(stack: &mut Stack) {
    stack.set_owner(NO_OWNER);
    let deep = stack.is_deep();
    let mut free = Pool::of(stack.class()).lock();
    let tier = if deep { &mut free.deep } else { &mut free.shallow };
    tier.stacks.push_back(stack.id());
}

/// Takes the first `count` of `stacks` back, at most 64, which are of one class and have no owner.
pub(super) fn give_back_first(count: usize, stacks: &mut Vec<Stack>) {
    let Some(first) = stacks.first() else { return };
    let pool = Pool::of(first.class());
    // Each look at a canary may miss the cache: not under the lock.
    let deep = stacks[..count]
        .iter()
        .enumerate()
        .fold(0_u64, |deep, (place, stack)| deep | u64::from(stack.is_deep()) << place);
    let mut free = pool.lock();
    for (place, stack) in stacks.drain(..count).enumerate() {
        let tier = if deep >> place & 1 == 1 { &mut free.deep } else { &mut free.shallow };
        tier.stacks.push_back(stack.into_id());
    }
}

/// Gives back the memory of stacks that have lain in the pools for a second: for the monitor.
///
/// `now` is a reading of [`crate::limits::clock::now_ns`]. One call takes about a millisecond at most. The answer is
/// when to call again, `now` itself where more is ready to be given back; `None` where no free stack holds memory.
pub(crate) fn trim(now: u64) -> Option<u64> {
    POOLS.iter().filter_map(|pool| pool.trim(now)).min()
}
