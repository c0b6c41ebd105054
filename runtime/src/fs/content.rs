//! Whole files.

use std::io;
use std::path::Path;

use threadle_scheduler::blocking;

/// The whole content of a file. Switches: yes.
///
/// # Errors
/// As [`std::fs::read`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::read("/dev/null").unwrap().is_empty()));
/// ```
#[track_caller]
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    blocking(|| std::fs::read(path))
}

/// The whole content of a file as text. Switches: yes.
///
/// # Errors
/// As [`std::fs::read_to_string`].
///
/// ```
/// threadle::run(|| {
///     let status = threadle::fs::read_to_string("/proc/self/status").unwrap();
///     assert!(status.contains("Threads:"));
/// });
/// ```
#[track_caller]
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let path = path.as_ref();
    blocking(|| std::fs::read_to_string(path))
}

/// Makes `content` the whole content of a file, which is created if it is not there. Switches: yes.
///
/// # Errors
/// As [`std::fs::write`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-write-{}", std::process::id()));
///     fs::write(&path, "content").unwrap();
///     assert_eq!(fs::read_to_string(&path).unwrap(), "content");
///     fs::remove_file(&path).unwrap();
/// });
/// ```
#[track_caller]
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, content: C) -> io::Result<()> {
    let (path, content) = (path.as_ref(), content.as_ref());
    blocking(|| std::fs::write(path, content))
}

/// Copies content and permissions of a file to another, which is created or emptied first; how many bytes. The kernel copies where it can.
///
/// Switches: yes.
///
/// # Errors
/// As [`std::fs::copy`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-copy-{}", std::process::id()));
///     fs::write(&path, "twice").unwrap();
///     let copy = path.with_extension("copy");
///     assert_eq!(fs::copy(&path, &copy).unwrap(), 5);
///     assert_eq!(fs::read(&copy).unwrap(), b"twice");
///     fs::remove_file(&path).unwrap();
///     fs::remove_file(&copy).unwrap();
/// });
/// ```
#[track_caller]
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    blocking(|| std::fs::copy(from, to))
}
