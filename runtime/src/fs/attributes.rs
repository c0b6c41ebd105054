//! What the file system knows of a file.

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use threadle_scheduler::blocking;

/// What the file system knows of a file; follows symbolic links. Switches: yes.
///
/// # Errors
/// As [`std::fs::metadata`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::metadata("/proc").unwrap().is_dir()));
/// ```
#[track_caller]
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    blocking(|| std::fs::metadata(path))
}

/// As [`metadata`], of a symbolic link itself. Switches: yes.
///
/// # Errors
/// As [`std::fs::symlink_metadata`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::symlink_metadata("/proc/self").unwrap().is_symlink()));
/// ```
#[track_caller]
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    blocking(|| std::fs::symlink_metadata(path))
}

/// Whether there is something at `path`; follows symbolic links. Switches: yes.
///
/// # Errors
/// Where that cannot be told: as [`std::fs::exists`].
///
/// ```
/// threadle::run(|| {
///     assert!(threadle::fs::exists("/proc/self").unwrap());
///     assert!(!threadle::fs::exists("/proc/nobody").unwrap());
/// });
/// ```
#[track_caller]
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    let path = path.as_ref();
    blocking(|| std::fs::exists(path))
}

/// Changes the permissions of a file. Switches: yes.
///
/// # Errors
/// As [`std::fs::set_permissions`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-permissions-{}", std::process::id()));
///     fs::write(&path, "kept").unwrap();
///     let mut permissions = fs::metadata(&path).unwrap().permissions();
///     permissions.set_readonly(true);
///     fs::set_permissions(&path, permissions).unwrap();
///     assert!(fs::metadata(&path).unwrap().permissions().readonly());
///     fs::remove_file(&path).unwrap();
/// });
/// ```
#[track_caller]
pub fn set_permissions<P: AsRef<Path>>(path: P, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::set_permissions(path, permissions))
}

/// The absolute path without symbolic links. Switches: yes.
///
/// # Errors
/// As [`std::fs::canonicalize`].
///
/// ```
/// threadle::run(|| {
///     let path = threadle::fs::canonicalize("/proc/self/..").unwrap();
///     assert_eq!(path.to_str(), Some("/proc"));
/// });
/// ```
#[track_caller]
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    blocking(|| std::fs::canonicalize(path))
}
