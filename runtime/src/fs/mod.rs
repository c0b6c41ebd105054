//! Files, in the shape of `std::fs`. File systems have no readiness to wait for, so each call is a [`blocking`] one: it stalls nobody
//! but its caller.
//!
//! ```
//! use std::io::Write;
//! use threadle::fs::{self, File};
//!
//! threadle::run(|| -> std::io::Result<()> {
//!     let folder = std::env::temp_dir().join(format!("threadle-doc-{}", std::process::id()));
//!     fs::create_dir_all(&folder)?;
//!     // Kept for good: content, then name, then the folder that holds the name.
//!     let mut file = File::create(folder.join("new.tmp"))?;
//!     file.write_all(b"content")?;
//!     file.sync_all()?;
//!     fs::rename(folder.join("new.tmp"), folder.join("new"))?;
//!     File::open(&folder)?.sync_all()?;
//!     assert_eq!(fs::read(folder.join("new"))?, b"content");
//!     fs::remove_dir_all(&folder)
//! }).unwrap();
//! ```
//!
//! Errors are those of the functions of the same names in [`std::fs`]. Everything that makes a system call switches.

mod directory;
mod file;

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use threadle_scheduler::blocking;

pub use directory::{ReadDir, read_dir};
pub use file::File;

/// The whole content of a file. Switches: yes.
///
/// # Errors
/// As [`std::fs::read`].
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    blocking(|| std::fs::read(path))
}

/// The whole content of a file as text. Switches: yes.
///
/// # Errors
/// As [`std::fs::read_to_string`].
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let path = path.as_ref();
    blocking(|| std::fs::read_to_string(path))
}

/// Makes `content` the whole content of a file, which is created if it is not there. Switches: yes.
///
/// # Errors
/// As [`std::fs::write`].
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, content: C) -> io::Result<()> {
    let (path, content) = (path.as_ref(), content.as_ref());
    blocking(|| std::fs::write(path, content))
}

/// Gives a file another name, in place of whatever has it. Switches: yes.
///
/// # Errors
/// As [`std::fs::rename`].
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    blocking(|| std::fs::rename(from, to))
}

/// Removes a file. Switches: yes.
///
/// # Errors
/// As [`std::fs::remove_file`].
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::remove_file(path))
}

/// Makes a folder. Switches: yes.
///
/// # Errors
/// As [`std::fs::create_dir`].
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::create_dir(path))
}

/// Makes a folder and those above it that are not there. Switches: yes.
///
/// # Errors
/// As [`std::fs::create_dir_all`].
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::create_dir_all(path))
}

/// Removes an empty folder. Switches: yes.
///
/// # Errors
/// As [`std::fs::remove_dir`].
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::remove_dir(path))
}

/// Removes a folder with all that is in it. Switches: yes.
///
/// # Errors
/// As [`std::fs::remove_dir_all`].
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::remove_dir_all(path))
}

/// What the file system knows of a file; follows symbolic links. Switches: yes.
///
/// # Errors
/// As [`std::fs::metadata`].
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    blocking(|| std::fs::metadata(path))
}

/// The absolute path without symbolic links. Switches: yes.
///
/// # Errors
/// As [`std::fs::canonicalize`].
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    blocking(|| std::fs::canonicalize(path))
}
