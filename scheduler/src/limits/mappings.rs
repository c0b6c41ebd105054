//! How many memory mappings a process may have, and how many this one has.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

/// The kernel's own default of `vm.max_map_count`, taken where `/proc` cannot be read.
const KERNEL_DEFAULT: usize = 65_530;

/// The most mappings this process may have (`vm.max_map_count`).
pub(crate) fn max_map_count() -> usize {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(KERNEL_DEFAULT)
}

/// How many mappings this process has now.
///
/// Costs about half a microsecond a mapping, so with ten thousands of them it takes as long as a time slice: ask
/// rarely.
///
/// # Errors
///
/// `/proc/self/maps` could not be opened or read.
pub(crate) fn mapping_count() -> io::Result<usize> {
    let mut maps = File::open("/proc/self/maps")?;
    let mut buffer = vec![0; 64 * 1024];
    let mut lines = 0;
    loop {
        match maps.read(&mut buffer) {
            Ok(0) => return Ok(lines),
            Ok(length) => lines += buffer[..length].iter().filter(|&&byte| byte == b'\n').count(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_this_process() {
        let count = mapping_count().expect("/proc/self/maps is readable");
        assert!(count > 5, "code, data, heap, stack and vdso are {count} mappings?");
        assert!(count < max_map_count());
    }
}
