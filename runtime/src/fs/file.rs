//! An open file.

use std::fs::{FileTimes, Metadata, Permissions, TryLockError};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::time::SystemTime;

use threadle_scheduler::blocking;

use super::OpenOptions;

/// An open file (or folder, to sync it). Reads, writes and seeks go through `&File` too. Closed when dropped, which may block for a moment on
/// some file systems.
///
/// ```
/// use std::io::{Read, Seek, Write};
/// use threadle::fs::{self, File};
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-file-{}", std::process::id()));
///     let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
///     file.write_all(b"written").unwrap();
///     file.rewind().unwrap();
///     let mut text = String::new();
///     file.read_to_string(&mut text).unwrap();
///     assert_eq!(text, "written");
///     fs::remove_file(&path).unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct File {
    pub(super) file: std::fs::File,
}

impl File {
    /// Opens a file to read it. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::open`].
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::fs::File::open("/dev/null").is_ok()));
    /// ```
    #[track_caller]
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| std::fs::File::open(path)).map(File::from_std)
    }

    /// Opens a file to write it, empty; creates it if it is not there. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::create`].
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::fs::File::create("/dev/null").is_ok()));
    /// ```
    #[track_caller]
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| std::fs::File::create(path)).map(File::from_std)
    }

    /// Creates a file that must not be there yet, to read and write it. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::create_new`].
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::fs::File::create_new("/dev/null").is_err()));
    /// ```
    #[track_caller]
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| std::fs::File::create_new(path)).map(File::from_std)
    }

    /// How a file is to be opened. Switches: no.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::fs::File::options().append(true).open("/dev/null").is_ok()));
    /// ```
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes over a file of std. Switches: no.
    ///
    /// ```
    /// let file = threadle::fs::File::from_std(std::fs::File::open("/dev/null").unwrap());
    /// assert!(file.metadata().is_ok());
    /// ```
    pub fn from_std(file: std::fs::File) -> File {
        File { file }
    }

    /// The file as one of std. Switches: no.
    ///
    /// ```
    /// let file: std::fs::File = threadle::fs::File::open("/dev/null").unwrap().into_std();
    /// ```
    pub fn into_std(self) -> std::fs::File {
        self.file
    }

    /// Returns when content and metadata are on the disk. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_all`]; after an error nothing is known of what is on the disk.
    ///
    /// ```
    /// threadle::run(|| threadle::fs::File::open(std::env::temp_dir()).unwrap().sync_all().unwrap());
    /// ```
    #[track_caller]
    pub fn sync_all(&self) -> io::Result<()> {
        blocking(|| self.file.sync_all())
    }

    /// As [`sync_all`](Self::sync_all), without the metadata that is not needed to read the content. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_data`].
    ///
    /// ```
    /// threadle::run(|| threadle::fs::File::open(std::env::temp_dir()).unwrap().sync_data().unwrap());
    /// ```
    #[track_caller]
    pub fn sync_data(&self) -> io::Result<()> {
        blocking(|| self.file.sync_data())
    }

    /// Cuts or extends the file. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::set_len`].
    ///
    /// ```
    /// use threadle::fs::{self, File};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-length-{}", std::process::id()));
    ///     File::create(&path).unwrap().set_len(3).unwrap();
    ///     assert_eq!(fs::read(&path).unwrap(), [0, 0, 0]);
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        blocking(|| self.file.set_len(size))
    }

    /// What the file system knows of the file. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::metadata`].
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::fs::File::open("/proc").unwrap().metadata().unwrap().is_dir()));
    /// ```
    #[track_caller]
    pub fn metadata(&self) -> io::Result<Metadata> {
        blocking(|| self.file.metadata())
    }

    /// Changes the permissions. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::set_permissions`].
    ///
    /// ```
    /// use threadle::fs::{self, File};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-readonly-{}", std::process::id()));
    ///     let file = File::create(&path).unwrap();
    ///     let mut permissions = file.metadata().unwrap().permissions();
    ///     permissions.set_readonly(true);
    ///     file.set_permissions(permissions).unwrap();
    ///     assert!(fs::metadata(&path).unwrap().permissions().readonly());
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        blocking(|| self.file.set_permissions(permissions))
    }

    /// Changes when it was last read and written. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::set_times`].
    ///
    /// ```
    /// use std::time::UNIX_EPOCH;
    /// use threadle::fs::{self, File, FileTimes};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-times-{}", std::process::id()));
    ///     let file = File::create(&path).unwrap();
    ///     file.set_times(FileTimes::new().set_accessed(UNIX_EPOCH).set_modified(UNIX_EPOCH)).unwrap();
    ///     assert_eq!(file.metadata().unwrap().accessed().unwrap(), UNIX_EPOCH);
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        blocking(|| self.file.set_times(times))
    }

    /// Changes when it was last written. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::set_modified`].
    ///
    /// ```
    /// use std::time::UNIX_EPOCH;
    /// use threadle::fs::{self, File};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-modified-{}", std::process::id()));
    ///     let file = File::create(&path).unwrap();
    ///     file.set_modified(UNIX_EPOCH).unwrap();
    ///     assert_eq!(file.metadata().unwrap().modified().unwrap(), UNIX_EPOCH);
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        blocking(|| self.file.set_modified(time))
    }

    /// Reads from `offset`, whatever the position, which stays; how many bytes. Switches: yes.
    ///
    /// # Errors
    /// As [`std::os::unix::fs::FileExt::read_at`].
    ///
    /// ```
    /// use threadle::fs::File;
    /// threadle::run(|| {
    ///     let zeros = File::open("/dev/zero").unwrap();
    ///     assert_eq!(zeros.read_at(&mut [1; 8], 100).unwrap(), 8);
    /// });
    /// ```
    #[track_caller]
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        blocking(|| self.file.read_at(buffer, offset))
    }

    /// As [`read_at`](Self::read_at), all of `buffer`. Switches: yes.
    ///
    /// # Errors
    /// As [`std::os::unix::fs::FileExt::read_exact_at`]; `UnexpectedEof` where the file is too short.
    ///
    /// ```
    /// use threadle::fs::File;
    /// threadle::run(|| assert!(File::open("/dev/null").unwrap().read_exact_at(&mut [0], 0).is_err()));
    /// ```
    #[track_caller]
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        blocking(|| self.file.read_exact_at(buffer, offset))
    }

    /// Writes at `offset`, whatever the position, which stays; how many bytes. Switches: yes.
    ///
    /// # Errors
    /// As [`std::os::unix::fs::FileExt::write_at`].
    ///
    /// ```
    /// use threadle::fs::File;
    /// threadle::run(|| assert_eq!(File::create("/dev/null").unwrap().write_at(b"gone", 9).unwrap(), 4));
    /// ```
    #[track_caller]
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        blocking(|| self.file.write_at(bytes, offset))
    }

    /// As [`write_at`](Self::write_at), all of `bytes`. Switches: yes.
    ///
    /// # Errors
    /// As [`std::os::unix::fs::FileExt::write_all_at`].
    ///
    /// ```
    /// use threadle::fs::{self, File};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-at-{}", std::process::id()));
    ///     let file = File::create(&path).unwrap();
    ///     file.write_all_at(b"second", 6).unwrap();
    ///     file.write_all_at(b"first ", 0).unwrap();
    ///     assert_eq!(fs::read(&path).unwrap(), b"first second");
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        blocking(|| self.file.write_all_at(bytes, offset))
    }

    /// Waits until nobody else has a lock on the file, and locks it, for as long as this file or a clone is open. Advisory: it keeps out
    /// those who ask. A thread waits meanwhile.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::lock`].
    ///
    /// ```
    /// use threadle::fs::{self, File};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-lock-{}", std::process::id()));
    ///     let file = File::create(&path).unwrap();
    ///     file.lock().unwrap();
    ///     assert!(File::open(&path).unwrap().try_lock().is_err());
    ///     file.unlock().unwrap();
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn lock(&self) -> io::Result<()> {
        blocking(|| self.file.lock())
    }

    /// As [`lock`](Self::lock), beside others who lock it shared. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::lock_shared`].
    ///
    /// ```
    /// use threadle::fs::{self, File};
    /// threadle::run(|| {
    ///     let path = std::env::temp_dir().join(format!("threadle-doc-shared-{}", std::process::id()));
    ///     let file = File::create(&path).unwrap();
    ///     file.lock_shared().unwrap();
    ///     assert!(File::open(&path).unwrap().try_lock_shared().is_ok());
    ///     fs::remove_file(&path).unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn lock_shared(&self) -> io::Result<()> {
        blocking(|| self.file.lock_shared())
    }

    /// As [`lock`](Self::lock), without waiting for others; the file system may take its time all the same. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::try_lock`].
    ///
    /// ```
    /// use threadle::fs::{File, TryLockError};
    /// threadle::run(|| {
    ///     let (one, two) = (File::open("/proc/self/status").unwrap(), File::open("/proc/self/status").unwrap());
    ///     one.try_lock().unwrap();
    ///     assert!(matches!(two.try_lock(), Err(TryLockError::WouldBlock)));
    /// });
    /// ```
    #[track_caller]
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        blocking(|| self.file.try_lock())
    }

    /// As [`try_lock`](Self::try_lock), beside others who lock it shared. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::try_lock_shared`].
    ///
    /// ```
    /// threadle::run(|| threadle::fs::File::open("/proc/self/stat").unwrap().try_lock_shared().unwrap());
    /// ```
    #[track_caller]
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        blocking(|| self.file.try_lock_shared())
    }

    /// Unlocks it. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::unlock`].
    ///
    /// ```
    /// threadle::run(|| threadle::fs::File::open("/proc/self/stat").unwrap().unlock().unwrap()); // it was not locked
    /// ```
    #[track_caller]
    pub fn unlock(&self) -> io::Result<()> {
        blocking(|| self.file.unlock())
    }

    /// Another handle to the same open file, position included. Switches: no.
    ///
    /// # Errors
    /// As [`std::fs::File::try_clone`].
    ///
    /// ```
    /// let file = threadle::fs::File::open("/dev/null").unwrap();
    /// assert!(file.try_clone().is_ok());
    /// ```
    pub fn try_clone(&self) -> io::Result<File> {
        self.file.try_clone().map(File::from_std)
    }
}

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> Self {
        File::from_std(file)
    }
}

impl From<File> for std::fs::File {
    fn from(file: File) -> Self {
        file.into_std()
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        File { file: fd.into() }
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> Self {
        file.file.into()
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Self {
        file.file.into()
    }
}

impl FromRawFd for File {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's promise is the one that std asks for: `fd` is open and given away.
        File { file: unsafe { std::fs::File::from_raw_fd(fd) } }
    }
}

impl IntoRawFd for File {
    fn into_raw_fd(self) -> RawFd {
        self.file.into_raw_fd()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
