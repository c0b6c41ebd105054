//! An open file.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;

use threadle_scheduler::blocking;

/// An open file (or folder, to sync it). Closed when dropped, which may block for a moment on some file systems.
///
/// ```
/// use std::io::{Read, Seek, Write};
/// threadle::run(|| {
///     let path = std::env::temp_dir().join(format!("threadle-file-{}", std::process::id()));
///     let mut options = std::fs::OpenOptions::new();
///     let mut file = threadle::fs::File::open_with(options.read(true).write(true).create_new(true), &path).unwrap();
///     file.write_all(b"written").unwrap();
///     file.rewind().unwrap();
///     let mut text = String::new();
///     file.read_to_string(&mut text).unwrap();
///     assert_eq!(text, "written");
///     threadle::fs::remove_file(&path).unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct File {
    file: std::fs::File,
}

impl File {
    /// Opens a file to read it. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::open`].
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| std::fs::File::open(path)).map(File::from_std)
    }

    /// Opens a file to write it, empty; creates it if it is not there. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::create`].
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| std::fs::File::create(path)).map(File::from_std)
    }

    /// Creates a file that must not be there yet, to read and write it. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::create_new`].
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| std::fs::File::create_new(path)).map(File::from_std)
    }

    /// Opens a file as `options` say. Switches: yes.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn open_with<P: AsRef<Path>>(options: &OpenOptions, path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| options.open(path)).map(File::from_std)
    }

    /// Takes over a file of std. Switches: no.
    pub fn from_std(file: std::fs::File) -> File {
        File { file }
    }

    /// The file as one of std. Switches: no.
    pub fn into_std(self) -> std::fs::File {
        self.file
    }

    /// Returns when content and metadata are on the disk. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_all`]; after an error nothing is known of what is on the disk.
    pub fn sync_all(&self) -> io::Result<()> {
        blocking(|| self.file.sync_all())
    }

    /// As [`sync_all`](Self::sync_all), without the metadata that is not needed to read the content. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_data`].
    pub fn sync_data(&self) -> io::Result<()> {
        blocking(|| self.file.sync_data())
    }

    /// Cuts or extends the file. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::set_len`].
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        blocking(|| self.file.set_len(size))
    }

    /// What the file system knows of the file. Switches: yes.
    ///
    /// # Errors
    /// As [`std::fs::File::metadata`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        blocking(|| self.file.metadata())
    }

    /// Another handle to the same open file, position included. Switches: no.
    ///
    /// # Errors
    /// As [`std::fs::File::try_clone`].
    pub fn try_clone(&self) -> io::Result<File> {
        self.file.try_clone().map(File::from_std)
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        blocking(|| (&self.file).read(buffer))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        blocking(|| (&self.file).read_vectored(buffers))
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        blocking(|| (&self.file).read_to_end(buffer))
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        blocking(|| (&self.file).read_to_string(buffer))
    }
}

impl Write for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(|| (&self.file).write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(|| (&self.file).write_vectored(slices))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        blocking(|| (&self.file).write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        blocking(|| (&self.file).seek(position))
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buffer)
    }

    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buffer)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(slices)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self).write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        (&*self).seek(position)
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
