//! How many threads a runtime may have at most.
//!
//! Running into the limit of a container kills more than the runtime: nobody there can log in or fork any more. So a
//! quarter of what the machine allows is left to the others.

use super::cgroup;

/// The most threads of a runtime whose builder names no other number; Go's figure.
pub(crate) const DEFAULT_THREADS: usize = 10_000;

/// `requested`, but at most three quarters of each limit the machine sets: `RLIMIT_NPROC`, `pids.max` of the cgroup
/// and of its visible parents, and `kernel.threads-max`. At least 1.
pub(crate) fn thread_budget(requested: usize) -> usize {
    let pids = cgroup::folders("pids").into_iter().filter_map(|folder| number_in(folder.path.join("pids.max")));
    let machine = number_in("/proc/sys/kernel/threads-max");
    within(requested, pids.chain(machine).chain(process_limit()))
}

fn within(requested: usize, limits: impl Iterator<Item = u64>) -> usize {
    limits.map(|limit| usize::try_from(limit - limit / 4).unwrap_or(usize::MAX)).fold(requested, usize::min).max(1)
}

/// The number a file holds; `max` is none.
fn number_in(path: impl AsRef<std::path::Path>) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// `RLIMIT_NPROC`, if there is one. It binds all processes of the user together, and not root, for whom it is kept to
/// all the same.
fn process_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_left_to_the_others() {
        assert_eq!(within(10_000, [].into_iter()), 10_000);
        assert_eq!(within(10_000, [100_000, 4_000].into_iter()), 3_000);
        assert_eq!(within(10_000, [30].into_iter()), 23);
        assert_eq!(within(5, [30].into_iter()), 5);
        assert_eq!(within(10, [1].into_iter()), 1);
        assert_eq!(within(10, [0].into_iter()), 1);
        assert_eq!(within(0, [].into_iter()), 1);
        assert_eq!(within(10, [u64::MAX].into_iter()), 10);
    }

    #[test]
    fn this_machine_allows_some() {
        let budget = thread_budget(DEFAULT_THREADS);
        assert!((1..=DEFAULT_THREADS).contains(&budget));
        assert_eq!(thread_budget(1), 1);
        if let Some(limit) = process_limit() {
            assert!(budget as u64 <= limit);
        }
    }
}
