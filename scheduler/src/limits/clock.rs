//! Clocks: nanoseconds since the process began, and the CPU time of another thread.

use std::fs::File;
use std::io::{self, Read};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Where this clock begins.
struct Origin {
    /// What counts as zero: a little before the first look at the clock.
    instant: Instant,
    /// The same on the kernel's monotonic clock, where [`Instant`] was found to be that.
    kernel: Option<u64>,
}

#[inline]
fn origin() -> &'static Origin {
    static ORIGIN: OnceLock<Origin> = OnceLock::new();
    ORIGIN.get_or_init(|| {
        let before = kernel_ns(libc::CLOCK_MONOTONIC);
        let now = Instant::now();
        let after = kernel_ns(libc::CLOCK_MONOTONIC);
        let instant = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let fits = |reading: &u64| (before..=after).contains(reading);
        let kernel = since_kernels_zero(now).filter(fits).and_then(|_| since_kernels_zero(instant));
        Origin { instant, kernel }
    })
}

fn kernel_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer; every Linux has the clocks that are asked for here.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// An instant in nanoseconds of the clock that it is a reading of, exactly: std does not tell, but it tells how much may be taken from it
/// before it falls below the least that seconds of 64 bits with a sign can say.
fn since_kernels_zero(instant: Instant) -> Option<u64> {
    let mut above_least = Duration::ZERO;
    let seconds = (0..u64::BITS).rev().map(|bit| Duration::from_secs(1 << bit));
    let nanoseconds = (0..30).rev().map(|bit| Duration::from_nanos(1 << bit));
    for more in seconds.chain(nanoseconds) {
        above_least = above_least
            .checked_add(more)
            .filter(|longer| instant.checked_sub(*longer).is_some())
            .unwrap_or(above_least);
    }
    let since = above_least.checked_sub(Duration::from_secs(1 << 63))?;
    u64::try_from(since.as_nanos()).ok()
}

/// Monotonic nanoseconds since shortly before the first use of this clock in the process: what [`to_ns`] makes of [`Instant::now`], at less cost.
/// Never 0, so that 0 can mean "none".
#[inline]
pub(crate) fn now_ns() -> u64 {
    match origin().kernel {
        Some(zero) => kernel_ns(libc::CLOCK_MONOTONIC).saturating_sub(zero).max(1),
        None => to_ns(Instant::now()).max(1),
    }
}

/// As [`now_ns`], some milliseconds late and a fifth of the price: for times that people look at. Never 0.
pub(crate) fn coarse_ns() -> u64 {
    static ZERO: OnceLock<u64> = OnceLock::new();
    let between_two_looks = || kernel_ns(libc::CLOCK_MONOTONIC).saturating_sub(now_ns());
    let zero = origin().kernel.unwrap_or_else(|| *ZERO.get_or_init(between_two_looks));
    kernel_ns(libc::CLOCK_MONOTONIC_COARSE).saturating_sub(zero).max(1)
}

/// The nanoseconds of an instant since shortly before the first use of this clock in the process: 0 for what lies before its origin,
/// [`u64::MAX`] for what lies more than 584 years after it.
pub fn to_ns(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(origin().instant);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The instant that many nanoseconds after the origin; the inverse of [`to_ns`].
pub fn to_instant(nanoseconds: u64) -> Instant {
    let mut span = Duration::from_nanos(nanoseconds);
    // An `Instant` that cannot hold 584 more years would be a strange one: halve until it fits rather than panic.
    loop {
        match origin().instant.checked_add(span) {
            Some(instant) => return instant,
            None => span /= 2,
        }
    }
}

/// The CPU clock of one thread, readable from every other: it tells a thread that burns from one that blocks; and its
/// state, which tells one that blocks from one that the machine keeps from running.
///
/// The kernel names both by thread id. Once the thread is gone a reading fails, until, much later, another
/// thread gets the same id: whoever keeps a clock beyond the life of its thread must be content with the wrong
/// thread's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadClock {
    clock: libc::clockid_t,
    thread: libc::pid_t,
}

impl ThreadClock {
    /// The clock of the calling thread.
    ///
    /// # Errors
    ///
    /// The kernel has no such clocks.
    pub(crate) fn current() -> io::Result<ThreadClock> {
        let mut clock = 0;
        // SAFETY: `pthread_self` is a live thread, as it is the one that asks; `clock` is a valid place for the answer.
        let error = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        // SAFETY: takes nothing, touches nothing, and cannot fail.
        let thread = unsafe { libc::gettid() };
        Ok(ThreadClock { clock, thread })
    }

    /// The CPU time its thread has used so far, in user mode and in the kernel; `None` once the thread is gone. About
    /// half a microsecond.
    pub(crate) fn cpu_time(self) -> Option<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid place for the answer; a clock id that names no clock is refused with EINVAL.
        if unsafe { libc::clock_gettime(self.clock, &raw mut time) } != 0 {
            return None;
        }
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanoseconds = u32::try_from(time.tv_nsec).ok()?;
        Some(Duration::new(seconds, nanoseconds))
    }

    /// Whether its thread is on a CPU, or wants one and is kept waiting. `None` once it is gone, and where `/proc` is not to be read, if only for
    /// want of a descriptor. Some ten microseconds.
    pub(crate) fn is_runnable(self) -> Option<bool> {
        // `number (name) S ..`: the name, of 16 bytes at most, may hold anything; what follows it are a letter and numbers.
        let mut text = [0; 64];
        let read =
            File::open(format!("/proc/self/task/{}/stat", self.thread)).and_then(|mut file| file.read(&mut text));
        let text = &text[..read.ok()?];
        let name_ends = text.iter().rposition(|byte| *byte == b')')?;
        Some(text[name_ends..].starts_with(b") R"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn instants_and_nanoseconds_convert_both_ways() {
        let now = Instant::now();
        assert_eq!(to_instant(to_ns(now)), now);
        let later = now + Duration::from_nanos(123_456_789);
        assert_eq!(to_ns(later) - to_ns(now), 123_456_789);
        assert_eq!(to_ns(origin().instant), 0);
        assert_eq!(to_ns(now + Duration::from_secs(600 * 365 * 86_400)), u64::MAX);
        assert!(to_instant(u64::MAX) > now + Duration::from_secs(500 * 365 * 86_400));
        if let Some(before) = origin().instant.checked_sub(Duration::from_secs(1)) {
            assert_eq!(to_ns(before), 0);
        }
    }

    #[test]
    fn an_instant_is_a_reading_of_the_kernels_clock() {
        let kernel = origin().kernel.expect("std reads the monotonic clock, in seconds of 64 bits");
        for _ in 0..1_000 {
            let before = now_ns();
            let instant = Instant::now();
            let after = now_ns();
            assert!((before..=after).contains(&to_ns(instant)), "{before} {instant:?} {after}");
            assert_eq!(since_kernels_zero(instant).map(|reading| reading - kernel), Some(to_ns(instant)));
        }
        let odd = Instant::now() + Duration::new(5, 999_999_999);
        assert_eq!(since_kernels_zero(odd).map(|reading| reading - kernel), Some(to_ns(odd)));
    }

    #[test]
    fn the_coarse_clock_is_late_but_not_by_much() {
        let before = now_ns();
        let coarse = coarse_ns();
        assert!(coarse <= now_ns(), "ahead of the fine clock");
        assert!(coarse + 1_000_000_000 > before, "late by a second");
    }

    #[test]
    fn time_does_not_run_backwards_and_is_never_zero() {
        let mut last = 1;
        for _ in 0..1_000 {
            let now = now_ns();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn a_blocked_thread_uses_no_cpu_and_a_burning_one_does() {
        let (clock_out, clock_in) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let clock = ThreadClock::current().expect("the thread has a CPU clock");
            clock_out.send(clock).expect("the test listens");
            wait.recv().expect("the test says when to burn");
            let goal = clock.cpu_time().expect("alive") + Duration::from_millis(5);
            while clock.cpu_time().expect("alive") < goal {}
            wait.recv().expect("the test says when to end");
        });
        let clock = clock_in.recv().expect("the thread tells its clock");
        let blocked = clock.cpu_time().expect("the thread lives");
        go.send(()).expect("the thread listens");
        // The loop ends because the thread burns until its clock has moved on.
        let deadline = Instant::now() + Duration::from_secs(60);
        while clock.cpu_time().expect("the thread lives") < blocked + Duration::from_millis(5) {
            assert!(Instant::now() < deadline, "the burning thread's clock stands still");
            thread::yield_now();
        }
        go.send(()).expect("the thread listens");
        thread.join().expect("the thread ends well");
    }

    #[test]
    fn a_blocked_thread_is_not_runnable_and_a_burning_one_is() {
        let own = ThreadClock::current().expect("the thread has a CPU clock");
        assert_eq!(own.is_runnable(), Some(true), "it runs, or it could not ask");
        let (clock_out, clock_in) = mpsc::channel();
        let (end, wait) = mpsc::channel::<()>();
        let name = "a) R (name) S".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || {
            clock_out.send(ThreadClock::current().expect("the thread has a CPU clock")).expect("the test listens");
            wait.recv().expect_err("the test drops its end");
        });
        let clock = clock_in.recv().expect("the thread tells its clock");
        let deadline = Instant::now() + Duration::from_secs(60);
        while clock.is_runnable() == Some(true) {
            assert!(Instant::now() < deadline, "a thread that waits on a channel is not seen to wait");
            thread::yield_now();
        }
        drop(end);
        thread.expect("a thread can be made").join().expect("it only waits");
        while clock.is_runnable() == Some(true) {
            assert!(Instant::now() < deadline, "it outlives its thread");
            thread::yield_now();
        }
    }

    #[test]
    fn the_clock_of_a_finished_thread_is_gone() {
        let clock =
            thread::spawn(|| ThreadClock::current().expect("the thread has a CPU clock")).join().expect("joined");
        // `join` returns when the kernel clears the thread id, a moment before the thread has left the table.
        let deadline = Instant::now() + Duration::from_secs(60);
        while clock.cpu_time().is_some() {
            assert!(Instant::now() < deadline, "the clock outlives its thread");
            thread::yield_now();
        }
    }
}
