//! Names of files, and to whom they belong.

use std::io;
use std::path::{Path, PathBuf};

use threadle_scheduler::blocking;

/// Gives a file another name, in place of whatever has it. Switches: yes.
///
/// # Errors
/// As [`std::fs::rename`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-rename-{}", std::process::id()));
///     fs::write(path.with_extension("tmp"), "whole").unwrap();
///     fs::rename(path.with_extension("tmp"), &path).unwrap();
///     assert_eq!(fs::read(&path).unwrap(), b"whole");
///     fs::remove_file(&path).unwrap();
/// });
/// ```
#[track_caller]
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    blocking(|| std::fs::rename(from, to))
}

/// Removes a file. Switches: yes.
///
/// # Errors
/// As [`std::fs::remove_file`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::remove_file("/proc/nobody").is_err()));
/// ```
#[track_caller]
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::remove_file(path))
}

/// Gives a file a second name. Switches: yes.
///
/// # Errors
/// As [`std::fs::hard_link`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-link-{}", std::process::id()));
///     let second = path.with_extension("second");
///     fs::write(&path, "one file").unwrap();
///     fs::hard_link(&path, &second).unwrap();
///     fs::remove_file(&path).unwrap();
///     assert_eq!(fs::read(&second).unwrap(), b"one file");
///     fs::remove_file(&second).unwrap();
/// });
/// ```
#[track_caller]
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    blocking(|| std::fs::hard_link(original, link))
}

/// Makes a symbolic link at `link` that says `original`. Switches: yes.
///
/// # Errors
/// As [`std::os::unix::fs::symlink`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let link = std::env::temp_dir().join(format!("threadle-doc-symlink-{}", std::process::id()));
///     fs::symlink("/proc/self/status", &link).unwrap();
///     assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("/proc/self/status"));
///     fs::remove_file(&link).unwrap();
/// });
/// ```
#[track_caller]
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    blocking(|| std::os::unix::fs::symlink(original, link))
}

/// What a symbolic link says. Switches: yes.
///
/// # Errors
/// As [`std::fs::read_link`].
///
/// ```
/// threadle::run(|| {
///     let own = threadle::fs::read_link("/proc/self").unwrap();
///     assert_eq!(own.to_string_lossy(), std::process::id().to_string());
/// });
/// ```
#[track_caller]
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    blocking(|| std::fs::read_link(path))
}

/// Gives a file to another user or group; `None` leaves it. Follows symbolic links. Switches: yes.
///
/// # Errors
/// As [`std::os::unix::fs::chown`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::chown("/proc/nobody", None, None).is_err()));
/// ```
#[track_caller]
pub fn chown<P: AsRef<Path>>(path: P, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::os::unix::fs::chown(path, user, group))
}

/// As [`chown`], of a symbolic link itself. Switches: yes.
///
/// # Errors
/// As [`std::os::unix::fs::lchown`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::lchown("/proc/nobody", None, None).is_err()));
/// ```
#[track_caller]
pub fn lchown<P: AsRef<Path>>(path: P, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::os::unix::fs::lchown(path, user, group))
}
