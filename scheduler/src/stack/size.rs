//! Sizes: the classes there are, and how a stack of a class is laid out.

use std::sync::OnceLock;

use super::NoStack;

/// What a goroutine gets that asks for no particular size: enough for everything ordinary. Builds without
/// optimisation need two to six times more for the same code.
pub(crate) const DEFAULT_SIZE: usize = if cfg!(debug_assertions) { 1024 * 1024 } else { 256 * 1024 };

/// How much room C code without stack probes may step over at once.
const GUARD_SIZE: usize = 64 * 1024;

const CACHE_LINE: usize = 64;

/// How many cache lines apart the first stack pointers begin: 15 lines cost at most 960 bytes of the one page a
/// parked goroutine uses.
const COLOURS: usize = 16;

/// What is left free above the first frame for whoever runs a goroutine there.
pub(crate) const HEAD: usize = 2 * CACHE_LINE;

/// Of the head, and of the first stack pointer.
pub(crate) const HEAD_ALIGN: usize = CACHE_LINE;

/// The kernel's page size.
pub(super) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: reads a number; the name is one that every Linux knows.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).expect("Linux has a page size")
    })
}

/// What the kernel needs on a stack to deliver a signal there, which happens with handlers that are not `SA_ONSTACK`.
fn signal_frame_size() -> usize {
    /// From the kernel's `auxvec.h`.
    const AT_MINSIGSTKSZ: libc::c_ulong = 51;
    /// For kernels before 5.14, which do not say: larger than the frame of any CPU of their time.
    const UNKNOWN: usize = 12 * 1024;
    // SAFETY: reads a number; 0 where there is no such entry.
    match unsafe { libc::getauxval(AT_MINSIGSTKSZ) } {
        0 => UNKNOWN,
        size => usize::try_from(size).unwrap_or(UNKNOWN),
    }
}

/// The least a goroutine can run on: 16 KiB, and room for a signal.
fn least_size() -> usize {
    (16 * 1024 + signal_frame_size()).max(page_size())
}

/// A size class: stacks of one class are interchangeable. Powers of two, so that there are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    /// How many there are: 32 KiB to 64 GiB.
    pub(super) const COUNT: usize = 22;

    const SMALLEST: usize = 32 * 1024;
    const LARGEST: usize = Class::SMALLEST << (Class::COUNT - 1);

    /// The smallest class that holds `size` bytes, and the least that a goroutine needs.
    pub(super) fn of(size: usize) -> Result<Class, NoStack> {
        let wanted = size.max(least_size());
        if wanted > Class::LARGEST {
            return Err(NoStack::too_large(size, Class::LARGEST));
        }
        let steps = wanted.div_ceil(Class::SMALLEST).next_power_of_two().trailing_zeros();
        Ok(Class(u8::try_from(steps).expect("there are fewer classes than 256")))
    }

    /// The usable bytes of a stack of this class.
    pub(super) fn size(self) -> usize {
        Class::SMALLEST << self.0
    }

    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }
}

/// How the stacks of a class lie in a slab, all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) class: Class,
    /// The usable part.
    pub(super) size: usize,
    /// The guard below it.
    pub(super) guard: usize,
    /// From one stack to the next.
    pub(super) stride: usize,
}

impl Shape {
    pub(super) fn of(class: Class) -> Shape {
        let page = page_size();
        let size = class.size();
        let mut guard = GUARD_SIZE.next_multiple_of(page);
        // An odd number of pages has no factor in common with the number of sets of a cache.
        if ((size + guard) / page).is_multiple_of(2) {
            guard += page;
        }
        Shape { class, size, guard, stride: size + guard }
    }
}

/// How far below its top the head of the stack of this index ends.
#[inline]
pub(super) fn colour(index: u32) -> usize {
    index as usize % COLOURS * CACHE_LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_a_class() {
        let size = |wanted| Class::of(wanted).map(Class::size);
        assert_eq!(size(DEFAULT_SIZE), Ok(DEFAULT_SIZE));
        assert_eq!(size(DEFAULT_SIZE + 1), Ok(2 * DEFAULT_SIZE));
        assert_eq!(size(DEFAULT_SIZE - 1), Ok(DEFAULT_SIZE));
        assert_eq!(size(Class::LARGEST), Ok(Class::LARGEST));
        let least = size(0).expect("nothing is too small");
        assert!(least >= 16 * 1024 + signal_frame_size());
        assert_eq!(size(1), Ok(least));
    }

    #[test]
    fn absurd_sizes_are_refused() {
        for wanted in [Class::LARGEST + 1, usize::MAX] {
            let error = Class::of(wanted).expect_err("no such class");
            assert!(error.to_string().contains("64 GiB"), "{error}");
        }
    }

    #[test]
    fn strides_are_odd_numbers_of_pages_and_guards_wide() {
        for number in 0..Class::COUNT {
            let shape = Shape::of(Class(u8::try_from(number).expect("small")));
            if shape.size >= page_size() {
                assert_eq!(shape.stride / page_size() % 2, 1, "{shape:?}");
                assert!(shape.guard >= GUARD_SIZE && shape.guard <= GUARD_SIZE + page_size(), "{shape:?}");
            }
        }
    }
}
