//! Guards: ranges below each stack that fault on every access.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::NoStack;
use super::size::page_size;
use crate::limits::mappings;

/// From the kernel's `mman-common.h`, since 6.13.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// This process, to calls that ask for a descriptor of one: from the kernel's `pidfd.h`, since 6.15.
const PIDFD_SELF: libc::c_int = -10_000;

/// Set to `mprotect`, it makes this kernel look like one before 6.13.
const ENVIRONMENT: &str = "THREADLE_STACK_GUARD";

/// How the guards of one slab are put up.
#[derive(Debug)]
pub(super) struct Guards {
    /// By `mprotect`, from now on: the kernel does not know the other way, or refuses it for this mapping.
    by_mprotect: AtomicBool,
}

impl Guards {
    pub(super) fn new() -> Guards {
        Guards { by_mprotect: AtomicBool::new(!kernel_marks_guards()) }
    }

    /// [`put`](Self::put) for many ranges, in one call where the kernel lets us: how many are up, the first ones, and why not the next.
    pub(super) fn put_all(&self, starts: &[*mut u8], length: usize) -> (usize, Result<(), NoStack>) {
        let at_once = starts.len() > 1 && !self.by_mprotect.load(Ordering::Relaxed);
        let marked = if at_once { mark_some(starts, length) } else { 0 };
        for (index, start) in starts.iter().enumerate().skip(marked) {
            if let Err(error) = self.put(*start, length) {
                return (index, Err(error));
            }
        }
        (starts.len(), Ok(()))
    }

    /// Makes every access to the range fault, for good. The range is whole pages of the slab.
    pub(super) fn put(&self, start: *mut u8, length: usize) -> Result<(), NoStack> {
        if !self.by_mprotect.load(Ordering::Relaxed) {
            match mark(start, length) {
                Ok(()) => return Ok(()),
                // Locked memory (mlockall) cannot be marked.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    self.by_mprotect.store(true, Ordering::Relaxed)
                }
                Err(error) => return Err(NoStack::refused("madvise(MADV_GUARD_INSTALL)", &error)),
            }
        }
        protect(start, length)
    }
}

/// Whether the kernel can mark a range as a guard without a mapping of its own; tried once.
fn kernel_marks_guards() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| match std::env::var_os(ENVIRONMENT) {
        Some(way) if way == "mprotect" => false,
        Some(way) if !way.is_empty() => {
            crate::say::say!("threadle: {ENVIRONMENT}={way:?} is not understood; known: mprotect");
            probe().is_ok()
        }
        _ => probe().is_ok(),
    })
}

fn probe() -> io::Result<()> {
    let length = page_size();
    // SAFETY: a new private mapping at an address of the kernel's choice touches no memory of anybody.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let marked = mark(start.cast(), length);
    // SAFETY: the mapping was made above, is this long, and nobody else knows it.
    unsafe { libc::munmap(start, length) };
    marked
}

/// As many as `mark_all` can, unless the kernel has refused it before. What hinders the next, who marks that one alone finds out: to mark one
/// twice does no harm.
fn mark_some(starts: &[*mut u8], length: usize) -> usize {
    static REFUSED: AtomicBool = AtomicBool::new(false);

    if REFUSED.load(Ordering::Relaxed) {
        return 0;
    }
    mark_all(starts, length).unwrap_or_else(|error| {
        // As it will be every time.
        REFUSED.fetch_or(is_refusal(&error), Ordering::Relaxed);
        0
    })
}

/// Whether the kernel has no such call, or not for this process: before Linux 6.15, or under a filter of system calls.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBADF | libc::ENOSYS | libc::EPERM))
}

/// Marks ranges in one call, from the first one on, until one is refused: how many.
pub(super) fn mark_all(starts: &[*mut u8], length: usize) -> io::Result<usize> {
    let ranges: Vec<_> = starts.iter().map(|start| libc::iovec { iov_base: start.cast(), iov_len: length }).collect();
    // SAFETY: the call takes these five arguments; it only reads the array, which is as long as is said and lives as long as the call. Each
    // range is the place of a guard: it is its caller's, and holds nothing. Where nothing is mapped the kernel says so.
    let bytes = unsafe {
        libc::syscall(libc::SYS_process_madvise, PIDFD_SELF, ranges.as_ptr(), ranges.len(), MADV_GUARD_INSTALL, 0)
    };
    // The length of a guard is never 0.
    usize::try_from(bytes).map(|bytes| bytes / length).map_err(|_| io::Error::last_os_error())
}

fn mark(start: *mut u8, length: usize) -> io::Result<()> {
    loop {
        // SAFETY: the range belongs to a slab, or to the probe, and holds nothing: it is the place of a guard.
        if unsafe { libc::madvise(start.cast(), length, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN)) {
            return Err(error);
        }
    }
}

fn protect(start: *mut u8, length: usize) -> Result<(), NoStack> {
    budget().reserve()?;
    // SAFETY: as for `mark`.
    if unsafe { libc::mprotect(start.cast(), length, libc::PROT_NONE) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    budget().cancel();
    Err(NoStack::refused("mprotect of a stack's guard", &error))
}

/// What each guard by `mprotect` adds: itself, and the part of the mapping it cuts off.
const MAPPINGS_PER_GUARD: usize = 2;

/// After how many mappings of ours those of others are counted anew: counting takes half a microsecond each.
const RECOUNT_AFTER: usize = 4_096;

/// How long a refusal stands before the mappings are counted anew.
const REFUSAL_STANDS: Duration = Duration::from_secs(1);

/// How many mappings may still be made.
struct Budget {
    /// Made by us, for guards.
    ours: usize,
    /// Everything else in the process, at the last count.
    others: usize,
    limit: usize,
    counted: Option<Count>,
}

/// When the mappings were last counted.
struct Count {
    at: Instant,
    /// [`Budget::ours`] then.
    ours: usize,
}

fn budget() -> std::sync::MutexGuard<'static, Budget> {
    static BUDGET: Mutex<Budget> = Mutex::new(Budget { ours: 0, others: 0, limit: 0, counted: None });
    BUDGET.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Budget {
    /// Sets the mappings of one guard aside.
    fn reserve(&mut self) -> Result<(), NoStack> {
        if self.counted.as_ref().is_none_or(|count| self.ours >= count.ours + RECOUNT_AFTER) {
            self.recount();
        }
        if !self.has_room() && self.counted.as_ref().is_some_and(|count| count.at.elapsed() >= REFUSAL_STANDS) {
            self.recount();
        }
        if !self.has_room() {
            return Err(NoStack::mapping_limit(self.ours + self.others, self.limit));
        }
        self.ours += MAPPINGS_PER_GUARD;
        Ok(())
    }

    /// Returns what was set aside for a guard that could not be put up.
    fn cancel(&mut self) {
        self.ours -= MAPPINGS_PER_GUARD;
    }

    /// A fifth is left to everybody else: where the last mapping is gone, `malloc` and thread creation fail.
    fn has_room(&self) -> bool {
        self.ours + self.others + MAPPINGS_PER_GUARD <= self.limit / 5 * 4
    }

    fn recount(&mut self) {
        self.limit = mappings::max_map_count();
        // Without /proc nothing can be counted; the fifth that is left free has to do.
        if let Ok(all) = mappings::mapping_count() {
            self.others = all.saturating_sub(self.ours);
        }
        self.counted = Some(Count { at: Instant::now(), ours: self.ours });
    }
}
