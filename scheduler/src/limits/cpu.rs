//! How many Ps there should be: the CPUs this process may use.
//!
//! Affinity says on which CPUs, the cgroup quota how much of them; rounding follows Go 1.25: a quota of 2.5 CPUs is
//! three Ps, and a quota never leaves fewer than two, as a single P throttled in the middle of a slice would stop
//! everything. Unlike Go's first version the quotas of all visible parents count too (go.dev/issue/81180).

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::cgroup::{self, Version};

/// The CPUs this process may use now. At least 1.
pub(crate) fn available_procs() -> usize {
    CpuLimit::find().procs()
}

/// The files that hold the CPU quotas of this process, kept open so that a second look costs one `pread` each.
#[derive(Debug)]
pub(crate) struct CpuLimit {
    sources: Vec<Source>,
}

/// The quota of one cgroup.
#[derive(Debug)]
enum Source {
    /// Version 2: `cpu.max`.
    Max(File),
    /// Version 1: `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
    Cfs { quota: File, period: File },
}

impl CpuLimit {
    /// Finds the files. A cgroup the process is moved into later is not noticed; a changed quota is.
    pub(crate) fn find() -> CpuLimit {
        let sources = cgroup::folders("cpu").into_iter().filter_map(|folder| {
            let open = |name: &str| File::open(folder.path.join(name)).ok();
            match folder.version {
                Version::Two => Some(Source::Max(open("cpu.max")?)),
                Version::One => {
                    Some(Source::Cfs { quota: open("cpu.cfs_quota_us")?, period: open("cpu.cfs_period_us")? })
                }
            }
        });
        CpuLimit { sources: sources.collect() }
    }

    /// The CPUs this process may use now: the affinity of the calling thread, bounded by the smallest quota. At least
    /// 1.
    pub(crate) fn procs(&self) -> usize {
        bounded(affinity(), self.sources.iter().filter_map(Source::read))
    }

    /// Whether so many threads may each keep a CPU of their own busy without coming up against a limit: by affinity, and with no quota rounded up.
    pub(crate) fn covers(&self, threads: usize) -> bool {
        affinity() >= threads && self.sources.iter().filter_map(Source::read).all(|quota| quota.covers(threads))
    }
}

impl Source {
    fn read(&self) -> Option<Quota> {
        match self {
            Source::Max(file) => Quota::of_max(&first_line(file)?),
            Source::Cfs { quota, period } => Quota::of_cfs(&first_line(quota)?, &first_line(period)?),
        }
    }
}

/// The file's text from its start, as far as a number or two go.
fn first_line(file: &File) -> Option<String> {
    let mut buffer = [0; 64];
    let length = file.read_at(&mut buffer, 0).ok()?;
    str::from_utf8(&buffer[..length]).ok().map(str::to_owned)
}

/// So much CPU time in so much time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    quota: u64,
    period: u64,
}

impl Quota {
    /// Out of the text of `cpu.max`: `50000 100000`, or `max 100000` for none.
    fn of_max(text: &str) -> Option<Quota> {
        let mut words = text.split_whitespace();
        Quota::of_numbers(words.next()?.parse().ok()?, words.next()?.parse().ok()?)
    }

    /// Out of the texts of `cpu.cfs_quota_us` (-1 for none) and `cpu.cfs_period_us`.
    fn of_cfs(quota: &str, period: &str) -> Option<Quota> {
        Quota::of_numbers(quota.trim().parse().ok()?, period.trim().parse().ok()?)
    }

    fn of_numbers(quota: u64, period: u64) -> Option<Quota> {
        (quota > 0 && period > 0).then_some(Quota { quota, period })
    }

    /// The whole CPUs that can be kept busy, rounded up; at least two.
    fn cpus(self) -> usize {
        usize::try_from(self.quota.div_ceil(self.period)).unwrap_or(usize::MAX).max(2)
    }

    /// So many CPUs for all of the time.
    fn covers(self, cpus: usize) -> bool {
        self.quota / self.period >= cpus as u64
    }
}

fn bounded(affinity: usize, quotas: impl Iterator<Item = Quota>) -> usize {
    quotas.map(Quota::cpus).fold(affinity, usize::min).max(1)
}

/// On how many CPUs the calling thread may run; 1 where the kernel does not say.
fn affinity() -> usize {
    // 65 536 CPUs: the kernel refuses a mask shorter than its own, and `cpu_set_t` ends at 1 024.
    let mut mask = [0_u64; 1_024];
    // SAFETY: the mask is writable for exactly the length given, and the call writes nothing else; 0 is the calling
    // thread.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&mask), mask.as_mut_ptr().cast()) };
    if result < 0 {
        return 1;
    }
    mask.iter().map(|word| word.count_ones() as usize).sum::<usize>().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_max(affinity: usize, texts: &[&str]) -> usize {
        bounded(affinity, texts.iter().filter_map(|text| Quota::of_max(text)))
    }

    #[test]
    fn rounds_as_go_does() {
        assert_eq!(with_max(8, &["50000 100000\n"]), 2);
        assert_eq!(with_max(8, &["250000 100000\n"]), 3);
        assert_eq!(with_max(8, &["300000 100000\n"]), 3);
        assert_eq!(with_max(8, &["300001 100000\n"]), 4);
        assert_eq!(with_max(8, &["1200000 100000\n"]), 8);
        assert_eq!(with_max(1, &["50000 100000\n"]), 1);
        assert_eq!(with_max(8, &["max 100000\n"]), 8);
        assert_eq!(with_max(8, &[]), 8);
        assert_eq!(with_max(0, &[]), 1);
    }

    #[test]
    fn the_smallest_of_all_parents_counts() {
        assert_eq!(with_max(16, &["max 100000", "400000 100000", "1000000 100000"]), 4);
        assert_eq!(with_max(16, &["800000 100000", "100000 50000"]), 2);
    }

    #[test]
    fn half_a_cpu_covers_nobody() {
        let covers = |text, cpus| Quota::of_max(text).is_none_or(|quota| quota.covers(cpus));
        assert!(covers("200000 100000", 2) && !covers("199999 100000", 2));
        assert!(!covers("50000 100000", 1), "though it makes two processors");
        assert!(covers("max 100000", 64));
        let limit = CpuLimit::find();
        assert!(!limit.covers(usize::MAX) && limit.covers(0));
    }

    #[test]
    fn version_one_quotas() {
        assert_eq!(Quota::of_cfs("-1\n", "100000\n"), None);
        assert_eq!(Quota::of_cfs("250000\n", "100000\n").map(Quota::cpus), Some(3));
        assert_eq!(Quota::of_cfs("0\n", "100000\n"), None);
        assert_eq!(Quota::of_cfs("", ""), None);
    }

    #[test]
    fn nonsense_is_no_limit() {
        for text in ["", "max", "12", "x y", "100000 0", "-5 100000"] {
            assert_eq!(Quota::of_max(text), None, "{text:?}");
        }
    }

    #[test]
    fn this_machine_answers_the_same_twice() {
        let limit = CpuLimit::find();
        let procs = limit.procs();
        assert!(procs >= 1 && procs <= affinity());
        assert_eq!(limit.procs(), procs);
        assert_eq!(available_procs(), procs);
    }
}
