//! Running a test's body.

use std::io;
use std::time::Duration;

use super::{Mode, Watchdog, assert_no_leaks};
use crate::Builder;

/// Real time after which a test counts as stuck, unless it says otherwise: a busy machine is no reason to fail.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a test's body is run; by value. The body is goroutine 1 of a runtime of its own, and the test's thread waits.
///
/// By default: as many processors as the machine has, and a [`Watchdog`] of a minute.
///
/// ```
/// use std::time::Duration;
/// use threadle::testing::Run;
/// let sum = Run::new().procs(2).watchdog(Duration::from_secs(10)).no_leaks().run(|| {
///     threadle::go(|| 1).join().unwrap() + 1
/// });
/// assert_eq!(sum, 2);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it runs something"]
pub struct Run {
    builder: Builder,
    patience: Duration,
    no_leaks: bool,
}

impl Run {
    /// The defaults.
    ///
    /// ```
    /// assert_eq!(threadle::testing::Run::new().run(|| 1 + 1), 2);
    /// ```
    pub fn new() -> Run {
        Run { builder: Builder::new(), patience: PATIENCE, no_leaks: false }
    }

    /// The runtime's options. A [`procs`](Run::procs) that was set before is replaced.
    ///
    /// ```
    /// use threadle::{Builder, testing::Run};
    /// let name = Run::new().builder(Builder::new().thread_name("tested")).run(|| {
    ///     std::thread::current().name().map(String::from)
    /// });
    /// assert!(name.unwrap().starts_with("tested-"));
    /// ```
    pub fn builder(mut self, builder: Builder) -> Run {
        self.builder = builder;
        self
    }

    /// How many goroutines run at once; see [`Builder::procs`].
    ///
    /// # Panics
    /// If it is 0.
    ///
    /// ```
    /// use threadle::testing::Run;
    /// assert_eq!(Run::new().procs(3).run(threadle::procs), 3);
    /// ```
    #[track_caller]
    pub fn procs(mut self, procs: usize) -> Run {
        self.builder = self.builder.procs(procs);
        self
    }

    /// After so much real time the process is aborted, with a dump.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::testing::Run;
    /// // A test that is known to take its time.
    /// Run::new().watchdog(Duration::from_secs(600)).run(|| threadle::yield_now());
    /// ```
    pub fn watchdog(mut self, patience: Duration) -> Run {
        self.patience = patience;
        self
    }

    /// The body is to leave no goroutine behind: see [`assert_no_leaks`].
    ///
    /// ```
    /// use threadle::testing::Run;
    /// let leaky = std::panic::catch_unwind(|| {
    ///     Run::new().no_leaks().run(|| drop(threadle::go(|| threadle::chan::never::<u8>().recv())));
    /// });
    /// assert!(leaky.is_err());
    /// ```
    pub fn no_leaks(mut self) -> Run {
        self.no_leaks = true;
        self
    }

    /// Runs `body` in bound mode.
    ///
    /// # Panics
    /// Where `body` does, where goroutines are left behind that may not be, and where the runtime cannot start.
    ///
    /// ```
    /// use threadle::testing::Run;
    /// let words = vec!["borrowed", "by", "the", "body"];
    /// assert_eq!(Run::new().run(|| words.len()), 4);
    /// ```
    #[track_caller]
    pub fn run<T: Send>(self, body: impl FnOnce() -> T + Send) -> T {
        // SAFETY: bound mode asks for no promise.
        unsafe { self.run_in(Mode::Bound, body) }
    }

    /// Runs `body` in migrating mode.
    ///
    /// # Safety
    /// That of [`run_migrating`](crate::run_migrating).
    ///
    /// # Panics
    /// As [`run`](Run::run).
    ///
    /// ```
    /// use threadle::testing::Run;
    /// // SAFETY: nothing here touches a thread-local or holds what is not Send.
    /// let answer = unsafe { Run::new().run_migrating(|| threadle::go(|| 42).join().unwrap()) };
    /// assert_eq!(answer, 42);
    /// ```
    #[track_caller]
    pub unsafe fn run_migrating<T: Send>(self, body: impl FnOnce() -> T + Send) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.run_in(Mode::Migrating, body) }
    }

    /// Runs `body` in bound mode, then in migrating mode; prints which.
    ///
    /// # Safety
    /// That of [`run_migrating`](crate::run_migrating).
    ///
    /// # Panics
    /// As [`run`](Run::run).
    ///
    /// ```
    /// use threadle::testing::Run;
    /// // SAFETY: nothing here touches a thread-local or holds what is not Send.
    /// unsafe { Run::new().procs(2).both_modes(|_| threadle::go(|| ()).join().unwrap()) }
    /// ```
    #[track_caller]
    pub unsafe fn both_modes(self, body: impl Fn(Mode) + Send + Sync) {
        for mode in Mode::BOTH {
            println!("mode: {mode}");
            // SAFETY: the caller's promise.
            unsafe { self.clone().run_in(mode, || body(mode)) };
        }
    }

    /// Runs `body` in bound mode in [virtual time](crate::testing#virtual-time).
    ///
    /// # Panics
    /// As [`run`](Run::run), and in a deadlock, with the dump.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{testing::Run, time};
    /// let slept = Run::new().procs(2).no_leaks().virtual_time(|| {
    ///     let begun = time::now();
    ///     time::sleep(Duration::from_secs(86_400));
    ///     time::now() - begun
    /// });
    /// assert_eq!(slept, Duration::from_secs(86_400));
    /// ```
    #[track_caller]
    pub fn virtual_time<T: Send + 'static>(self, body: impl FnOnce() -> T + Send + 'static) -> T {
        // SAFETY: bound mode asks for no promise.
        unsafe { self.virtual_time_in(Mode::Bound, body) }
    }

    /// Runs `body` in migrating mode in [virtual time](crate::testing#virtual-time).
    ///
    /// # Safety
    /// That of [`run_migrating`](crate::run_migrating).
    ///
    /// # Panics
    /// As [`virtual_time`](Run::virtual_time).
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{testing::Run, time};
    /// // SAFETY: nothing here touches a thread-local or holds what is not Send.
    /// unsafe { Run::new().virtual_time_migrating(|| time::sleep(Duration::from_secs(86_400))) };
    /// ```
    #[track_caller]
    pub unsafe fn virtual_time_migrating<T: Send + 'static>(self, body: impl FnOnce() -> T + Send + 'static) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.virtual_time_in(Mode::Migrating, body) }
    }

    /// # Safety
    /// In migrating mode that of `run_migrating`.
    #[track_caller]
    unsafe fn run_in<T: Send>(self, mode: Mode, body: impl FnOnce() -> T + Send) -> T {
        let _watchdog = Watchdog::new(self.patience);
        let no_leaks = self.no_leaks;
        let body = move || if no_leaks { assert_no_leaks(body) } else { body() };
        given(match mode {
            Mode::Bound => self.builder.run(body),
            // SAFETY: the caller's promise.
            Mode::Migrating => unsafe { self.builder.run_migrating(body) },
        })
    }

    /// # Safety
    /// As `run_in`.
    #[track_caller]
    unsafe fn virtual_time_in<T: Send + 'static>(self, mode: Mode, body: impl FnOnce() -> T + Send + 'static) -> T {
        let _watchdog = Watchdog::new(self.patience);
        let no_leaks = self.no_leaks;
        let body = move || if no_leaks { assert_no_leaks(body) } else { body() };
        // SAFETY: the caller's promise.
        given(unsafe { self.builder.run_in_virtual_time(mode.of_the_scheduler(), body) })
    }
}

impl Default for Run {
    fn default() -> Self {
        Run::new()
    }
}

#[track_caller]
fn given<T>(result: io::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) if error.kind() == io::ErrorKind::Deadlock => panic!("{error}"),
        Err(error) => panic!("the threadle runtime could not be started: {error}"),
    }
}

/// Runs `body` as goroutine 1, in bound mode and then in migrating mode, on two processors, under a [`Watchdog`] of a minute. [`Run`] has
/// options.
///
/// # Safety
/// That of [`run_migrating`](crate::run_migrating).
///
/// # Panics
/// Where `body` does, and where the runtime cannot start.
///
/// ```
/// // SAFETY: nothing here touches a thread-local or holds what is not Send.
/// unsafe {
///     threadle::testing::both_modes(|mode| {
///         let named = threadle::go(move || mode.name()).join().unwrap();
///         assert!(["bound", "migrating"].contains(&named));
///     });
/// }
/// ```
#[track_caller]
pub unsafe fn both_modes(body: impl Fn(Mode) + Send + Sync) {
    // SAFETY: the caller's promise.
    unsafe { Run::new().procs(2).both_modes(body) }
}

/// Runs `body` in bound mode in [virtual time](crate::testing#virtual-time), on one processor, under a [`Watchdog`] of a minute of real time.
/// [`Run`] has options.
///
/// # Panics
/// Where `body` does, in a deadlock, with the dump, and where the runtime cannot start.
///
/// ```
/// use std::time::{Duration, Instant};
/// use threadle::{testing, time};
/// let real = Instant::now();
/// testing::virtual_time(|| {
///     let begun = time::now();
///     time::sleep(Duration::from_secs(3600));
///     assert_eq!(time::now() - begun, Duration::from_secs(3600));
/// });
/// assert!(real.elapsed() < Duration::from_secs(60));
/// ```
#[track_caller]
pub fn virtual_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    Run::new().procs(1).virtual_time(body)
}

/// Waits until every other goroutine of the caller's runtime is durably blocked. The virtual clock does not move meanwhile, so that what is
/// under way at this instant is over when it returns. Goroutines that call it at once are woken together.
///
/// **Switches.**
///
/// # Panics
/// Outside [virtual time](crate::testing#virtual-time).
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// use threadle::{chan, go, testing};
/// static DONE: AtomicBool = AtomicBool::new(false);
/// testing::virtual_time(|| {
///     let (send, receive) = chan::bounded(0);
///     go(move || {
///         let _: Result<(), _> = receive.recv();
///         DONE.store(true, SeqCst);
///     });
///     testing::settle();
///     assert!(!DONE.load(SeqCst));
///     drop(send);
///     testing::settle();
///     assert!(DONE.load(SeqCst));
/// });
/// ```
#[track_caller]
pub fn settle() {
    threadle_scheduler::settle();
}
