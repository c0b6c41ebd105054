//! Folders, and what is in them.

use std::ffi::OsString;
use std::fmt;
use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};

use threadle_scheduler::blocking;

/// How many entries one blocking call reads.
const BATCH: usize = 128;

/// Makes a folder. Switches: yes.
///
/// # Errors
/// As [`std::fs::create_dir`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-folder-{}", std::process::id()));
///     fs::create_dir(&path).unwrap();
///     assert!(fs::create_dir(&path).is_err());
///     fs::remove_dir(&path).unwrap();
/// });
/// ```
#[track_caller]
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::create_dir(path))
}

/// Makes a folder and those above it that are not there. Switches: yes.
///
/// # Errors
/// As [`std::fs::create_dir_all`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-folders-{}", std::process::id()));
///     fs::create_dir_all(path.join("and/below")).unwrap();
///     fs::remove_dir_all(&path).unwrap();
/// });
/// ```
#[track_caller]
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::create_dir_all(path))
}

/// Removes an empty folder. Switches: yes.
///
/// # Errors
/// As [`std::fs::remove_dir`].
///
/// ```
/// threadle::run(|| assert!(threadle::fs::remove_dir("/proc/self").is_err()));
/// ```
#[track_caller]
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::remove_dir(path))
}

/// Removes a folder with all that is in it; does not follow symbolic links. Switches: yes.
///
/// # Errors
/// As [`std::fs::remove_dir_all`].
///
/// ```
/// use threadle::fs;
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-remove-{}", std::process::id()));
///     fs::create_dir_all(path.join("below")).unwrap();
///     fs::remove_dir_all(&path).unwrap();
///     assert!(!fs::exists(&path).unwrap());
/// });
/// ```
#[track_caller]
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| std::fs::remove_dir_all(path))
}

/// The entries of a folder, without `.` and `..`, in no order. Switches: yes.
///
/// # Errors
/// As [`std::fs::read_dir`].
///
/// ```
/// threadle::run(|| {
///     let names = threadle::fs::read_dir("/proc/self").unwrap().map(|entry| entry.unwrap().file_name());
///     assert!(names.into_iter().any(|name| name == "status"));
/// });
/// ```
#[track_caller]
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref();
    let entries = blocking(|| std::fs::read_dir(path))?;
    Ok(ReadDir { entries, batch: Vec::new().into_iter() })
}

/// Yields the entries of a folder; made by [`read_dir`]. `next` switches: it reads 128 entries at a time.
///
/// ```
/// threadle::run(|| {
///     let entries = threadle::fs::read_dir("/proc/self").unwrap();
///     assert!(entries.filter_map(Result::ok).count() > 10);
/// });
/// ```
pub struct ReadDir {
    entries: std::fs::ReadDir,
    batch: std::vec::IntoIter<io::Result<DirEntry>>,
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if let Some(entry) = self.batch.next() {
            return Some(entry);
        }
        let entries = &mut self.entries;
        let batch = blocking(|| entries.take(BATCH).map(|entry| entry.map(DirEntry::new)).collect::<Vec<_>>());
        self.batch = batch.into_iter();
        self.batch.next()
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

/// What is in a folder, of one name.
///
/// ```
/// threadle::run(|| {
///     for entry in threadle::fs::read_dir("/proc/self/fd").unwrap().flatten() {
///         assert!(entry.file_name().to_str().unwrap().parse::<u32>().is_ok());
///     }
/// });
/// ```
pub struct DirEntry {
    entry: std::fs::DirEntry,
    /// Most file systems tell it with the name; where one does not, asking may block, so that it is asked when the name is read.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// To be called where it may block.
    fn new(entry: std::fs::DirEntry) -> DirEntry {
        DirEntry { file_type: entry.file_type().ok(), entry }
    }

    /// The folder's path and the name. Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let entry = threadle::fs::read_dir("/proc/self").unwrap().next().unwrap().unwrap();
    ///     assert!(entry.path().starts_with("/proc/self"));
    /// });
    /// ```
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The name alone. Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let entry = threadle::fs::read_dir("/proc/self").unwrap().next().unwrap().unwrap();
    ///     assert_eq!(entry.path().file_name(), Some(entry.file_name().as_os_str()));
    /// });
    /// ```
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// Its number in the file system. Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let entry = threadle::fs::read_dir("/proc/self").unwrap().next().unwrap().unwrap();
    ///     assert!(entry.ino() > 0);
    /// });
    /// ```
    pub fn ino(&self) -> u64 {
        self.entry.ino()
    }

    /// What kind of file it is; a symbolic link is one. Switches only if it could not be told when the folder was read.
    ///
    /// # Errors
    /// As [`std::fs::DirEntry::file_type`].
    ///
    /// ```
    /// threadle::run(|| {
    ///     let tasks = threadle::fs::read_dir("/proc/self/task").unwrap();
    ///     assert!(tasks.into_iter().all(|task| task.unwrap().file_type().unwrap().is_dir()));
    /// });
    /// ```
    #[track_caller]
    pub fn file_type(&self) -> io::Result<FileType> {
        match self.file_type {
            Some(file_type) => Ok(file_type),
            None => blocking(|| self.entry.file_type()),
        }
    }

    /// What the file system knows of it; does not follow symbolic links. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::DirEntry::metadata`].
    ///
    /// ```
    /// threadle::run(|| {
    ///     let task = threadle::fs::read_dir("/proc/self/task").unwrap().next().unwrap().unwrap();
    ///     assert!(task.metadata().unwrap().is_dir());
    /// });
    /// ```
    #[track_caller]
    pub fn metadata(&self) -> io::Result<Metadata> {
        blocking(|| self.entry.metadata())
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

/// How a folder is made.
///
/// ```
/// use threadle::fs::{self, DirBuilder};
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-doc-builder-{}", std::process::id()));
///     DirBuilder::new().recursive(true).mode(0o700).create(path.join("private")).unwrap();
///     fs::remove_dir_all(&path).unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct DirBuilder {
    builder: std::fs::DirBuilder,
}

impl DirBuilder {
    /// One folder, accessible to everybody whom the process's mask lets in.
    ///
    /// ```
    /// assert!(threadle::fs::DirBuilder::new().create("/proc/nobody/below").is_err());
    /// ```
    pub fn new() -> DirBuilder {
        DirBuilder { builder: std::fs::DirBuilder::new() }
    }

    /// Whether those above are made too, and one that is there is no error.
    ///
    /// ```
    /// threadle::fs::DirBuilder::new().recursive(true).create("/proc/self").unwrap(); // it is there
    /// ```
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.builder.recursive(recursive);
        self
    }

    /// The permissions, less the process's mask.
    ///
    /// ```
    /// assert!(threadle::fs::DirBuilder::new().mode(0o700).create("/proc/nobody/below").is_err());
    /// ```
    pub fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.builder.mode(mode);
        self
    }

    /// Makes the folder. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::DirBuilder::create`].
    ///
    /// ```
    /// assert!(threadle::fs::DirBuilder::new().create("/proc/self").is_err()); // it is there
    /// ```
    #[track_caller]
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let path = path.as_ref();
        blocking(|| self.builder.create(path))
    }
}

impl Default for DirBuilder {
    fn default() -> Self {
        DirBuilder::new()
    }
}
