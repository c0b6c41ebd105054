//! How a runtime is started.

use std::io;
use std::time::Duration;
use threadle_scheduler::{Config, Deadlock, Mode};

/// Runs `main` as the first goroutine of a new runtime in **bound** mode and returns what it returns.
///
/// A goroutine stays on the thread it started on; one that has not started may go to any thread. That makes it safe: the
/// crate's front page says what each mode promises. [`run_migrating`] is the other mode, [`Builder`] sets options.
///
/// **Not protected**, as with any coroutines that take turns on a thread: what of *other* libraries relies on nobody else coming to the thread
/// in between. A `thread_local!` of std's whose initialiser waits (another goroutine then makes and borrows a value that the first one
/// replaces), a scope of a thread-local that must nest (`scoped-tls`) and is held over a wait: both are undefined behaviour out of safe code.
/// A lock of std held over a wait that another goroutine of the thread wants: a deadlock, which is reported.
/// [`no_switch`](crate::no_switch) finds them, [`local!`](crate::local!), [`sync`](crate::sync) and a goroutine that is
/// [`locked`](crate::GoBuilder::locked) avoid them; `docs/soundness.md` has the whole list.
///
/// When `main` returns, the runtime ends: other goroutines are abandoned where they are parked, and their joins say so. See
/// [`Builder::drain`] to wait for them first. The calling thread only waits meanwhile. Inside a goroutine (of another runtime) this counts as
/// [`blocking`](crate::blocking).
///
/// **What an abandoned goroutine owns is never dropped**, since nobody may unwind its stack: memory, files and sockets stay as they are until the
/// process ends. So peers of its connections are told nothing, a port it listens on stays taken, what it has buffered is not written, a lock it
/// holds stays held. It does not matter to a process that ends with its runtime. One that goes on tells its goroutines to end, and
/// joins them, before `main` returns: see [`net`](crate::net#sockets-and-the-end-of-a-runtime) for sockets, [`context`](crate::context) for all
/// that waits.
///
/// # Panics
/// With `main`'s panic, and if the runtime cannot be started ([`Builder::run`] gives the error instead).
///
/// ```
/// let sum = threadle::run(|| {
///     let handles: Vec<_> = (1..=10).map(|i| threadle::go(move || i * i)).collect();
///     handles.into_iter().map(|handle| handle.join().unwrap()).sum::<i32>()
/// });
/// assert_eq!(sum, 385);
/// ```
#[track_caller]
pub fn run<T: Send>(main: impl FnOnce() -> T + Send) -> T {
    started(Builder::new().run(main))
}

/// Runs `main` as the first goroutine of a new runtime in **migrating** mode, Go's full model: a goroutine may go on on another thread after
/// any switching call, so nothing holds it up.
///
/// # Safety
/// Rust takes for granted that a function stays on one thread. The caller promises, for all code that runs on goroutines of this runtime:
/// no value that is bound to its thread (not `Send`, or a borrow of a thread-local) is held over a switching call, and no function, after
/// inlining, touches one thread-local on both sides of one.
///
/// # Panics
/// As [`run`].
///
/// ```
/// // SAFETY: nothing here touches a thread-local or holds what is not Send.
/// let answer = unsafe { threadle::run_migrating(|| threadle::go(|| 42).join().unwrap()) };
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub unsafe fn run_migrating<T: Send>(main: impl FnOnce() -> T + Send) -> T {
    // SAFETY: the caller's promise.
    started(unsafe { Builder::new().run_migrating(main) })
}

#[track_caller]
fn started<T>(result: io::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the threadle runtime could not be started: {error}"),
    }
}

/// Options of a runtime; by value.
///
/// ```
/// let procs = threadle::Builder::new().procs(3).run(threadle::procs)?;
/// assert_eq!(procs, 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it runs something"]
pub struct Builder {
    config: Config,
}

impl Builder {
    /// The defaults.
    ///
    /// ```
    /// assert_eq!(threadle::Builder::new().run(|| "as by run")?, "as by run");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Builder {
        Builder { config: Config::new(Mode::Bound) }
    }

    /// How many goroutines run at once: by default the environment's `THREADLE_PROCS`, else as many CPUs as this process may use (affinity
    /// and cgroup limits count). At most 1024.
    ///
    /// # Panics
    /// If it is 0.
    ///
    /// ```
    /// use threadle::Builder;
    /// assert_eq!(Builder::new().procs(1).run(threadle::procs)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn procs(mut self, procs: usize) -> Builder {
        assert!(procs > 0, "a runtime needs at least one P");
        self.config.procs = procs;
        self
    }

    /// The stack of each goroutine in bytes, rounded up to a power of two of at least 32 KiB. By default 256 KiB, in debug builds 1 MiB. It
    /// is address space: memory is used as the stack is.
    ///
    /// ```
    /// fn deep(levels: usize) -> usize {
    ///     let frame = std::hint::black_box([1_u8; 1 << 10]);
    ///     if levels == 0 { 0 } else { usize::from(frame[levels % frame.len()]) + deep(levels - 1) }
    /// }
    ///
    /// // Four megabytes and more, for each goroutine of this runtime.
    /// assert_eq!(threadle::Builder::new().stack_size(16 << 20).run(|| deep(4_000))?, 4_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.config.stack_size = bytes;
        self
    }

    /// The most threads at a time, at least 2: by default 10 000, and never more than three quarters of what the system allows this user or
    /// cgroup.
    ///
    /// ```
    /// use threadle::{Builder, blocking, go};
    /// let builder = Builder::new().procs(1).max_threads(8);
    /// let sum = builder.run(|| {
    ///     // They take turns where there are more of them than threads.
    ///     let calls: Vec<_> = (0..100).map(|n| go(move || blocking(|| n))).collect();
    ///     calls.into_iter().map(|call| call.join().unwrap()).sum::<u32>()
    /// })?;
    /// assert_eq!(sum, 4950);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn max_threads(mut self, threads: usize) -> Builder {
        self.config.max_threads = threads;
        self
    }

    /// Threads are called this, a dash and a number. By default "threadle".
    ///
    /// ```
    /// let name = threadle::Builder::new().thread_name("shop").run(|| std::thread::current().name().map(String::from))?;
    /// assert!(name.unwrap().starts_with("shop-"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Builder {
        self.config.thread_name = name.into();
        self
    }

    /// How long the end of `main` waits for the other goroutines. By default not at all.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{Builder, go, time::sleep};
    /// let left = Builder::new().drain(Duration::from_secs(60)).run(|| {
    ///     go(|| {
    ///         sleep(Duration::from_millis(1));
    ///         "ended, though nobody waited"
    ///     })
    /// })?;
    /// assert!(left.join().is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn drain(mut self, longest: Duration) -> Builder {
        self.config.drain = longest;
        self
    }

    /// What is done when all goroutines of the process are asleep and nothing is left that could wake one: no timer, no descriptor that is
    /// waited for, no blocking call, in no runtime. By default that is reported on stderr, with the dump, if the process has no other
    /// threads; see [`Deadlock`]. Whoever sits in a debugger or counts on signal handlers that wake somebody wants [`Deadlock::Ignore`].
    ///
    /// ```
    /// use threadle::{Builder, Deadlock};
    /// // In a service whose goroutines only talk to each other and the network it is better to end than to hang:
    /// Builder::new().deadlock(Deadlock::Abort).run(|| { /* serve */ })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn deadlock(mut self, deadlock: Deadlock) -> Builder {
        self.config.deadlock = deadlock;
        self
    }

    /// As [`run`](crate::run).
    ///
    /// # Errors
    /// If the poller or the first thread cannot be made, or there is no stack for `main`.
    ///
    /// # Panics
    /// With `main`'s panic.
    ///
    /// ```
    /// let handle = threadle::Builder::new().run(|| threadle::go(|| 1))?;
    /// assert!(handle.is_finished()); // it has run, or was abandoned
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<T: Send>(self, main: impl FnOnce() -> T + Send) -> io::Result<T> {
        threadle_scheduler::run(Config { mode: Mode::Bound, ..self.config }, main)
    }

    /// As [`run_migrating`](crate::run_migrating).
    ///
    /// # Safety
    /// That of [`run_migrating`](crate::run_migrating).
    ///
    /// # Errors
    /// As [`Builder::run`].
    ///
    /// # Panics
    /// With `main`'s panic.
    ///
    /// ```
    /// // SAFETY: nothing here touches a thread-local or holds what is not Send.
    /// let procs = unsafe { threadle::Builder::new().procs(2).run_migrating(threadle::procs) }?;
    /// assert_eq!(procs, 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub unsafe fn run_migrating<T: Send>(self, main: impl FnOnce() -> T + Send) -> io::Result<T> {
        threadle_scheduler::run(Config { mode: Mode::Migrating, ..self.config }, main)
    }

    /// For `testing`: with a clock of the runtime's own.
    ///
    /// # Safety
    /// In migrating mode that of [`run_migrating`](crate::run_migrating).
    #[track_caller]
    pub(crate) unsafe fn run_in_virtual_time<T: Send + 'static>(
        self,
        mode: Mode,
        main: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        threadle_scheduler::run_in_virtual_time(Config { mode, ..self.config }, main)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}
