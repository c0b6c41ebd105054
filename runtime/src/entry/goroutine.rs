//! How a goroutine is started.

use super::JoinHandle;
use std::sync::Arc;
use threadle_scheduler::SpawnOptions;

/// Starts a goroutine that runs `f`. Does not switch.
///
/// It runs beside the caller; its result, or its panic, comes by [`JoinHandle::join`]. Dropping the handle lets it go on by itself.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// threadle::run(|| {
///     let handle = threadle::go(|| 6 * 7);
///     assert_eq!(handle.join().unwrap(), 42);
/// });
/// ```
#[track_caller]
pub fn go<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    JoinHandle::new(threadle_scheduler::spawn(&SpawnOptions::new(), f))
}

/// Options of a goroutine; by value.
///
/// ```
/// threadle::run(|| {
///     let handle = threadle::GoBuilder::new().name("deep").stack_size(8 << 20).go(|| "a lot of stack");
///     assert_eq!(handle.join().unwrap(), "a lot of stack");
/// });
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it starts something"]
pub struct GoBuilder {
    name: Option<Arc<str>>,
    stack_size: Option<usize>,
    locked: bool,
}

impl GoBuilder {
    /// The defaults: no name, the runtime's stack size, any thread.
    ///
    /// ```
    /// threadle::run(|| assert_eq!(threadle::GoBuilder::new().go(|| "as by go").join().unwrap(), "as by go"));
    /// ```
    pub fn new() -> GoBuilder {
        GoBuilder { name: None, stack_size: None, locked: false }
    }

    /// Shown by the dump and by the message of a stack overflow.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let (_gate, wait) = threadle::chan::bounded::<()>(0);
    ///     threadle::GoBuilder::new().name("gatekeeper").go(move || wait.recv().is_err());
    ///     let mut text = Vec::new();
    ///     threadle::dump(&mut text).unwrap();
    ///     assert!(String::from_utf8(text).unwrap().contains("gatekeeper"));
    /// });
    /// ```
    pub fn name(mut self, name: impl Into<Arc<str>>) -> GoBuilder {
        self.name = Some(name.into());
        self
    }

    /// Its stack in bytes, rounded up to a power of two of at least 32 KiB.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let deep = || std::hint::black_box([1_u8; 4 << 20]).iter().map(|byte| u64::from(*byte)).sum::<u64>();
    ///     assert_eq!(threadle::GoBuilder::new().stack_size(16 << 20).go(deep).join().unwrap(), 4 << 20);
    /// });
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> GoBuilder {
        self.stack_size = Some(bytes);
        self
    }

    /// It gets a thread of its own, which runs nothing else and ends with it: in both modes, for life, as if it began with
    /// [`lock_os_thread`](crate::lock_os_thread) on a fresh thread and never unlocked. Its [`blocking`](crate::blocking) runs in place.
    ///
    /// The thread counts against [`Builder::max_threads`](crate::Builder::max_threads). If none can be made for a second the goroutine ends
    /// unrun, and its join says [`is_no_stack`](crate::JoinError::is_no_stack).
    ///
    /// ```
    /// use std::cell::Cell;
    /// use threadle::{GoBuilder, go, yield_now};
    ///
    /// thread_local!(static MINE: Cell<u32> = const { Cell::new(0) });
    ///
    /// threadle::run(|| {
    ///     let keeper = GoBuilder::new().locked().go(|| {
    ///         MINE.set(7);
    ///         yield_now();
    ///         MINE.get()
    ///     });
    ///     assert_eq!(keeper.join().unwrap(), 7);
    ///     assert_eq!(go(|| MINE.get()).join().unwrap(), 0); // nobody else came there
    /// });
    /// ```
    pub fn locked(mut self) -> GoBuilder {
        self.locked = true;
        self
    }

    /// As [`go`](crate::go).
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let handle = threadle::GoBuilder::new().name("adder").go(|| 1 + 1);
    ///     assert_eq!(handle.join().unwrap(), 2);
    /// });
    /// ```
    #[track_caller]
    pub fn go<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        JoinHandle::new(threadle_scheduler::spawn(&self.into_options(), f))
    }

    #[track_caller]
    pub(crate) fn into_options(self) -> SpawnOptions {
        SpawnOptions { name: self.name, stack_size: self.stack_size, locked: self.locked, ..SpawnOptions::new() }
    }
}

impl Default for GoBuilder {
    fn default() -> Self {
        GoBuilder::new()
    }
}
