//! What a goroutine can say about its own running: that it gives way, that it blocks its thread, that it must not be switched.

/// Lets others run: the caller goes to the end of the queue. **Switches.** On a plain thread it is [`std::thread::yield_now`].
///
/// As Go's `runtime.Gosched`.
///
/// # Panics
/// Inside [`no_switch`].
///
/// ```
/// use threadle::{Builder, go, yield_now};
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// static RUN: AtomicBool = AtomicBool::new(false);
/// Builder::new().procs(1).run(|| {
///     drop(go(|| RUN.store(true, Relaxed)));
///     while !RUN.load(Relaxed) {
///         yield_now(); // nobody else could, on the one P
///     }
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
// As the one below it: no frame lies between the switch and who called it (docs/decisions/0019).
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    threadle_scheduler::yield_now();
}

/// Lets others run if the caller's time is up, or if its P was taken; else it costs a few loads. **Switches.** For long computations: in bound
/// mode a goroutine that computes holds up those that started on its thread until it comes to a switching call.
///
/// Inside [`no_switch`] it does nothing.
///
/// ```
/// fn sum_of_squares(numbers: &[u64]) -> u64 {
///     numbers.chunks(4096).map(|chunk| {
///         threadle::checkpoint();
///         chunk.iter().map(|n| n * n).sum::<u64>()
///     }).sum()
/// }
/// assert_eq!(threadle::run(|| sum_of_squares(&[3; 100_000])), 900_000);
/// ```
#[inline]
#[track_caller]
pub fn checkpoint() {
    threadle_scheduler::checkpoint();
}

/// Runs `f`, which may block its thread, so that no other goroutine is held up. **Switches**: the caller may wait for a P afterwards.
///
/// To the runtime `f` is a plain thread: what it waits on blocks its thread. In bound mode it may run on another thread than the caller's.
/// Outside a runtime it is simply called.
///
/// # Panics
/// With `f`'s panic; and inside [`no_switch`].
///
/// ```
/// use threadle::{Builder, blocking, go};
/// let lines = Builder::new().procs(1).run(|| {
///     let readers = [(); 4].map(|()| go(|| blocking(|| std::fs::read_to_string("/proc/self/status"))));
///     readers.map(|reader| reader.join().unwrap().unwrap().lines().count())
/// })?;
/// assert!(lines.iter().all(|count| *count > 10));
/// # Ok::<(), std::io::Error>(())
/// ```
#[inline]
#[track_caller]
pub fn blocking<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    threadle_scheduler::blocking(f)
}

/// Runs `f`, and panics where it would switch goroutines: for code that holds what must not be held over a switch. Does not switch.
///
/// Calls that may switch but need not (a lock that is free, a value that is there) go through. So do those that wait in place, with the
/// goroutine's whole thread: in a Drop while the goroutine unwinds, in a future's poll, inside [`blocking`].
///
/// # Panics
/// With `f`'s panic, and where `f` would switch. That panic's location is the call that would; its text says what it would have waited for,
/// and where this was called.
///
/// ```
/// use std::panic::catch_unwind;
/// use threadle::{chan, no_switch};
/// threadle::run(|| {
///     let (sender, receiver) = chan::unbounded();
///     sender.send(1).unwrap();
///     assert_eq!(no_switch(|| receiver.recv()), Ok(1)); // it was there
///     assert!(catch_unwind(|| no_switch(|| receiver.recv())).is_err()); // it would have waited
/// });
/// ```
#[inline]
#[track_caller]
pub fn no_switch<R>(f: impl FnOnce() -> R) -> R {
    threadle_scheduler::no_switch(f)
}
