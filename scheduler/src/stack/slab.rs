//! Slabs: one mapping each, holding many stacks of one class; and the registry of all of them.

use std::fmt;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::NoStack;
use super::guard::Guards;
use super::size::{self, Class, Shape};

/// How many slabs a process may have: 64 million stacks of the default size.
const MAX_SLABS: usize = 4096;

/// How many bits of a [`StackId`] count within the slab.
const INDEX_BITS: u32 = 14;

/// The most stacks a slab holds.
const MAX_STACKS: usize = 1 << INDEX_BITS;

/// The most address space one slab takes, unless a single stack takes more.
const MAX_BYTES: usize = 16 << 30;

/// The least stacks a slab is made for, until the kernel refuses so many.
const MIN_STACKS: usize = 64;

/// How many bytes at the lower end of the top page tell whether a stack has gone below it.
const CANARY: usize = 128;

/// All slabs, in the order they were made; never shrinks. In atomics, so that a signal handler can read it.
static SLABS: [AtomicPtr<Slab>; MAX_SLABS] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX_SLABS];

/// How many places of [`SLABS`] were given out. The last ones may not be filled yet.
static SLAB_COUNT: AtomicUsize = AtomicUsize::new(0);

/// The number of a stack within the process: four bytes, where a `Stack` is sixteen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StackId(u32);

impl StackId {
    pub(super) fn new(slab: u32, index: u32) -> StackId {
        StackId(slab << INDEX_BITS | index)
    }

    pub(super) fn slab(self) -> &'static Slab {
        get(self.slab_number()).expect("the number of a stack comes from its slab, which is registered for good")
    }

    pub(super) fn slab_number(self) -> u32 {
        self.0 >> INDEX_BITS
    }

    pub(super) fn index(self) -> u32 {
        self.0 & (MAX_STACKS as u32 - 1)
    }

    /// Whether `next` is the upper neighbour of this stack in the same slab.
    pub(super) fn is_followed_by(self, next: StackId) -> bool {
        self.0 + 1 == next.0 && self.slab_number() == next.slab_number()
    }
}

impl fmt::Debug for StackId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.slab_number(), self.index())
    }
}

/// A mapping of many stacks. Made once, never unmapped.
#[derive(Debug)]
pub(super) struct Slab {
    start: *mut u8,
    shape: Shape,
    number: u32,
    guards: Guards,
    /// Who runs on each stack.
    owners: Box<[AtomicPtr<()>]>,
}

// SAFETY: `start` is only an address; what lies there is shared out stack by stack, each to one holder at a time. The
// other fields are constant or atomic.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    /// Maps and registers a slab for about `wanted` stacks, fewer where the kernel has no room for so many.
    pub(super) fn map(class: Class, wanted: usize) -> Result<&'static Slab, NoStack> {
        let shape = Shape::of(class);
        let mut count = wanted.clamp(MIN_STACKS, MAX_STACKS).min((MAX_BYTES / shape.stride).max(1));
        loop {
            match map(count * shape.stride) {
                Ok(start) => return register(start, shape, count),
                Err(_) if count > 1 => count = count.div_ceil(4),
                Err(error) => return Err(NoStack::refused("mmap of a stack", &error)),
            }
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// How many stacks there are.
    pub(super) fn count(&self) -> u32 {
        self.owners.len() as u32
    }

    /// The lowest address of a stack, where its guard begins.
    pub(super) fn limit(&self, index: u32) -> *mut u8 {
        debug_assert!(index < self.count());
        // The mapping is `count * stride` bytes, so this stays inside.
        self.start.wrapping_add(index as usize * self.shape.stride)
    }

    /// The lowest usable address.
    pub(super) fn bottom(&self, index: u32) -> *mut u8 {
        self.limit(index).wrapping_add(self.shape.guard)
    }

    /// The end of the usable part.
    pub(super) fn top(&self, index: u32) -> *mut u8 {
        self.limit(index).wrapping_add(self.shape.stride)
    }

    /// Where the head begins and, below it, the first frame: a few cache lines below the top.
    pub(super) fn base(&self, index: u32) -> *mut u8 {
        self.top(index).wrapping_sub(size::colour(index) + size::HEAD)
    }

    pub(super) fn owner_place(&self, index: u32) -> &AtomicPtr<()> {
        &self.owners[index as usize]
    }

    pub(super) fn owner(&self, index: u32) -> *const () {
        self.owner_place(index).load(Ordering::Relaxed)
    }

    /// Puts the guards of stacks of this slab up, for good: of how many, the first ones, and why not of the next.
    pub(super) fn put_guards(&self, stacks: &[StackId]) -> (usize, Result<(), NoStack>) {
        let limits: Vec<_> = stacks.iter().map(|stack| self.limit(stack.index())).collect();
        self.guards.put_all(&limits, self.shape.guard)
    }

    /// In its second page: the end of its top page.
    pub(super) fn canary(&self, index: u32) -> *const [u64; CANARY / 8] {
        self.top(index).wrapping_sub(size::page_size()).cast()
    }

    /// Whether the stack has gone below its top page since its memory was last given back.
    ///
    /// # Safety
    ///
    /// Nobody else uses the stack meanwhile.
    pub(super) unsafe fn is_deep(&self, index: u32) -> bool {
        let canary = self.canary(index);
        // SAFETY: the top page belongs to the usable part, which is mapped readable for good; the page is aligned for
        // words; the caller is alone with the stack, and all bytes are initialised, as the kernel hands out zeroes
        // and every store since initialised its place.
        let words = unsafe { canary.read_volatile() };
        words.iter().any(|&word| word != 0)
    }

    /// Gives the memory of the stacks `first..=last` back to the kernel: they read as zero afterwards. Guards stay.
    ///
    /// Memory the program has locked stays too (`mlockall`): then that is what the program asked for.
    ///
    /// # Safety
    ///
    /// Nobody uses any of these stacks meanwhile, or needs what is in them.
    pub(super) unsafe fn discard(&self, first: u32, last: u32) {
        let (from, to) = (self.bottom(first), self.top(last));
        let length = to.addr() - from.addr();
        // SAFETY: the range lies in the slab's own mapping and, by the caller's promise, holds nothing that anybody
        // needs.
        let result = unsafe { libc::madvise(from.cast(), length, libc::MADV_DONTNEED) };
        debug_assert!(
            result == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL),
            "MADV_DONTNEED of a slab: {}",
            io::Error::last_os_error()
        );
    }
}

fn map(length: usize) -> io::Result<*mut u8> {
    // SAFETY: a new private mapping at an address of the kernel's choice touches no memory of anybody.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A huge page would be shared by seven stacks and hold 2 MiB where 28 KiB are used. Kernels without huge pages
    // refuse this with EINVAL, and then it is not needed.
    // SAFETY: the mapping was made just now and is ours.
    unsafe { libc::madvise(start, length, libc::MADV_NOHUGEPAGE) };
    Ok(start.cast())
}

fn register(start: *mut u8, shape: Shape, count: usize) -> Result<&'static Slab, NoStack> {
    let place = SLAB_COUNT
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |places| (places < MAX_SLABS).then_some(places + 1));
    let Ok(place) = place else {
        // SAFETY: the mapping was made just now, is this long, and nobody has seen it.
        unsafe { libc::munmap(start.cast(), count * shape.stride) };
        return Err(NoStack::slab_limit(MAX_SLABS));
    };
    let slab = Box::leak(Box::new(Slab {
        start,
        shape,
        number: place as u32,
        guards: Guards::new(),
        owners: (0..count).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
    }));
    SLABS[place].store(slab, Ordering::Release);
    Ok(slab)
}

fn get(number: u32) -> Option<&'static Slab> {
    let slab = SLABS.get(number as usize)?.load(Ordering::Acquire);
    // SAFETY: what is stored there is leaked, complete before the release store, and never changed or freed.
    unsafe { slab.as_ref() }
}

/// The stack in whose guard the address lies. Async-signal-safe.
pub(super) fn stack_guarded_at(address: usize) -> Option<(&'static Slab, u32)> {
    let places = SLAB_COUNT.load(Ordering::Relaxed).min(MAX_SLABS);
    (0..places as u32).filter_map(get).find_map(|slab| {
        let offset = address.checked_sub(slab.start.addr())?;
        let index = u32::try_from(offset / slab.shape.stride).ok()?;
        (index < slab.count() && offset % slab.shape.stride < slab.shape.guard).then_some((slab, index))
    })
}
