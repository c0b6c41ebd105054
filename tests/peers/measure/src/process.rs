use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// A stretch of time, and of the process' CPU time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    begun: Instant,
    cpu: Duration,
}

impl Span {
    /// Begins now.
    pub fn begin() -> Span {
        Span { begun: Instant::now(), cpu: cpu_time() }
    }

    /// How long ago that was.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What all threads of the process, the kernel on their behalf included, have computed since.
    pub fn cpu(&self) -> Duration {
        cpu_time() - self.cpu
    }
}

/// The CPU time of all threads of this process so far, in user code and in the kernel.
///
/// # Panics
///
/// If the kernel does not say, which it always does.
pub fn cpu_time() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `getrusage` writes one `rusage` to where it is told, which is room for one; it keeps nothing.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    assert_eq!(result, 0, "getrusage: {}", io::Error::last_os_error());
    // SAFETY: the call above succeeded and has written it.
    let usage = unsafe { usage.assume_init() };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

/// The CPU time, likewise, of the process with the id `process`.
///
/// # Errors
///
/// If there is no such process.
pub fn cpu_time_of(process: u32) -> io::Result<Duration> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    let mut clock = 0;
    // SAFETY: `clock_getcpuclockid` writes one clock's id to where it is told, which is one; it keeps nothing.
    let error = unsafe { libc::clock_getcpuclockid(process, &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `clock_gettime` writes one `timespec` to where it is told, which is one; it keeps nothing. An id of no clock it refuses.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // As below: not negative, and less than a second's worth of nanoseconds.
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

fn duration(time: libc::timeval) -> Duration {
    // The kernel's CPU times are not negative, and there are less than a million microseconds in a second.
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// Bytes of memory this process has: what is resident, and the page tables, which a million stacks have many of.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn memory() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        status
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(field, _)| *field == name)
            .and_then(|(_, value)| value.split_whitespace().next()?.parse::<u64>().ok())
            .ok_or_else(|| io::Error::other(format!("/proc/self/status has no {name}")))
    };
    Ok((field("VmRSS")? + field("VmPTE")?) * 1024)
}

/// Lets this process have as many descriptors as it may ask for, as Go's runtime does by itself.
///
/// # Errors
///
/// If the kernel refuses.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `getrlimit` writes one `rlimit` to where it is told, which is one; it keeps nothing.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `setrlimit` reads one `rlimit` from where it is told, which is one; it keeps nothing.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Span, cpu_time, cpu_time_of, memory, raise_descriptor_limit};
    use std::time::Duration;

    #[test]
    fn computing_costs_cpu_time() {
        let span = Span::begin();
        while span.cpu() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        assert!(span.elapsed() > Duration::ZERO);
    }

    #[test]
    fn another_process_has_its_cpu_time_too() {
        let (before, ours) = (cpu_time(), cpu_time_of(std::process::id()).expect("this process is there"));
        // The two count alike, but one in microseconds.
        assert!(ours + Duration::from_millis(1) > before, "{before:?} {ours:?}");
        // The kernel gives no id that is above this one, or is this one.
        const PID_MAX_LIMIT: u32 = 1 << 22;
        cpu_time_of(PID_MAX_LIMIT).expect_err("no process has that id");
    }

    #[test]
    fn what_is_touched_is_memory() {
        let before = memory().expect("/proc is there");
        let touched = std::hint::black_box(vec![1u8; 64 << 20]);
        let after = memory().expect("/proc is there");
        assert!(after > before + touched.len() as u64 / 2, "{before} {after}");
    }

    #[test]
    fn the_limit_of_descriptors_can_be_raised() {
        raise_descriptor_limit().expect("up to the hard limit anybody may");
    }
}
