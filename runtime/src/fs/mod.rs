//! Files, in the shape of `std::fs`. File systems have no readiness to wait for, so each call is a [`blocking`](crate::blocking) one: it
//! stalls nobody but its caller.
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
//! Errors are those of the functions of the same names in [`std::fs`]. Everything that makes a system call switches, from goroutines and
//! plain threads alike, and needs no runtime.
//!
//! # What a call costs
//!
//! Where the caller's thread may be left to the call, leaving and coming back are two words written; the processor goes on without it only if
//! the call lasts (`scheduler/src/blocking.rs`). In bound mode, where other goroutines are at home on the thread, a helper thread makes the call,
//! which costs two wake-ups. So it pays to do much in one call: [`read`] rather than many reads, a [`BufReader`](std::io::BufReader) or
//! [`BufWriter`](std::io::BufWriter) around a [`File`], and for a sequence of small calls [`blocking`](crate::blocking) around all of it, with
//! `std::fs` inside. io_uring would spare the threads; it is switched off where it matters most, in containers and hardened kernels, and would
//! be a second way beside this one, not instead of it.

mod attributes;
mod content;
mod directory;
mod file;
mod file_io;
mod names;
mod options;

pub use attributes::{canonicalize, exists, metadata, set_permissions, symlink_metadata};
pub use content::{copy, read, read_to_string, write};
pub use directory::{DirBuilder, DirEntry, ReadDir, create_dir, create_dir_all, read_dir, remove_dir, remove_dir_all};
pub use file::File;
pub use names::{chown, hard_link, lchown, read_link, remove_file, rename, symlink};
pub use options::OpenOptions;

// Values, which make no system call.
pub use std::fs::{FileTimes, FileType, Metadata, Permissions, TryLockError};
