//! What the operating system says of a process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::RawFd;

/// The calling thread's number. A system call each time, never a thread-local: right also after a migration.
#[inline(never)]
pub fn thread_id() -> i32 {
    // SAFETY: gettid takes nothing, touches nothing, and cannot fail.
    unsafe { libc::gettid() }
}

/// From here on the calling thread, and those it makes, share one of the CPUs they were allowed.
///
/// # Errors
///
/// If that is not allowed.
pub fn stay_on_one_cpu() -> io::Result<()> {
    // SAFETY: a set of CPUs is a plain array of bits, and all zeros is the empty one.
    let (mut allowed, mut one): (libc::cpu_set_t, libc::cpu_set_t) = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: 0 is the calling thread; `allowed` is ours and has that size.
    if unsafe { libc::sched_getaffinity(0, size, &raw mut allowed) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: only reads the set, within its size.
    let first = (0..8 * size).find(|&cpu| unsafe { libc::CPU_ISSET(cpu, &allowed) });
    // SAFETY: only writes the set, within its size.
    unsafe { libc::CPU_SET(first.unwrap_or(0), &mut one) };
    // SAFETY: as for the reading.
    match unsafe { libc::sched_setaffinity(0, size, &raw const one) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// From here on the calling thread gets a CPU only if no other thread wants it, or nearly so (`SCHED_IDLE`). There is no way back. Returns when
/// it has got one.
///
/// # Errors
///
/// If the kernel does not know this.
pub fn run_when_nobody_else_wants_to() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread; the parameters are ours and only read.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Lets go of the CPU that it still has.
    // SAFETY: takes nothing, touches nothing.
    unsafe { libc::sched_yield() };
    Ok(())
}

/// Whether an epoll instance of this process watches a descriptor, by what the kernel lists of each.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn is_polled(descriptor: RawFd) -> io::Result<bool> {
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        // One that was closed meanwhile watches nothing.
        let Ok(information) = fs::read_to_string(entry?.path()) else { continue };
        let mut watched = information.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next());
        if watched.any(|number| number.parse() == Ok(descriptor)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// KiB of a field of `/proc/PID/status`, such as `VmRSS`.
///
/// # Errors
///
/// If the process is gone or the field is not there.
pub fn status_kib(process: &str, field: &str) -> io::Result<u64> {
    number(&fs::read_to_string(format!("/proc/{process}/status"))?, field)
}

/// KiB of a field of `/proc/meminfo`, such as `MemAvailable`.
///
/// # Errors
///
/// If the field is not there.
pub fn machine_kib(field: &str) -> io::Result<u64> {
    number(&fs::read_to_string("/proc/meminfo")?, field)
}

/// How many mappings this process has.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn mappings() -> io::Result<usize> {
    Ok(fs::read_to_string("/proc/self/maps")?.lines().count())
}

/// How many mappings a process may have.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn allowed_mappings() -> io::Result<usize> {
    fs::read_to_string("/proc/sys/vm/max_map_count")?.trim().parse().map_err(io::Error::other)
}

/// How many threads this process has.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn threads() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

/// How many descriptors this process has open, the one that reads the folder not counted.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn descriptors() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count() - 1)
}

/// Sets how many descriptors this process may have open, up to what it is allowed; how many that is now.
///
/// # Errors
///
/// If the limit cannot be read or set.
pub fn limit_descriptors(wanted: usize) -> io::Result<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for the limit, ours.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max.min(wanted as u64);
    // SAFETY: the limit to set, ours.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(limit.rlim_cur as usize),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Context switches so far, voluntary and not, of each thread of a process.
///
/// # Errors
///
/// If the process, or one of its threads, is gone.
pub fn context_switches(process: u32) -> io::Result<BTreeMap<String, u64>> {
    fs::read_dir(format!("/proc/{process}/task"))?
        .map(|entry| {
            let thread = entry?.file_name().to_string_lossy().into_owned();
            let status = fs::read_to_string(format!("/proc/{process}/task/{thread}/status"))?;
            let switches = number(&status, "voluntary_ctxt_switches")? + number(&status, "nonvoluntary_ctxt_switches")?;
            Ok((thread, switches))
        })
        .collect()
}

/// How often those threads of this process whose name `is_meant` went to sleep so far.
///
/// # Errors
///
/// If `/proc` is not to be read.
pub fn sleeps_of_threads(is_meant: impl Fn(&str) -> bool) -> io::Result<u64> {
    let mut sleeps = 0;
    for entry in fs::read_dir("/proc/self/task")? {
        // A thread may end while we read of the others.
        let Ok(status) = fs::read_to_string(entry?.path().join("status")) else { continue };
        let name = status.lines().next().and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default();
        if is_meant(name) {
            sleeps += number(&status, "voluntary_ctxt_switches")?;
        }
    }
    Ok(sleeps)
}

/// Whether guard pages need no mapping of their own: Linux 6.13 and later.
///
/// # Errors
///
/// If the kernel's version cannot be read.
pub fn has_cheap_guards() -> io::Result<bool> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut parts = release.trim().split(|character: char| !character.is_ascii_digit()).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor) >= (6, 13)),
        _ => Err(io::Error::other(format!("not a kernel's version: {release}"))),
    }
}

fn number(text: &str, field: &str) -> io::Result<u64> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == field)
        .and_then(|(_, value)| value.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("no field {field}")))
}
