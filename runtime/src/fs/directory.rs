//! What is in a folder.

use std::fmt;
use std::fs::DirEntry;
use std::io;
use std::path::Path;

use threadle_scheduler::blocking;

/// How many entries one blocking call reads.
const BATCH: usize = 128;

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
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref();
    let entries = blocking(|| std::fs::read_dir(path))?;
    Ok(ReadDir { entries, batch: Vec::new().into_iter() })
}

/// Yields the entries of a folder; made by [`read_dir`]. `next` switches.
pub struct ReadDir {
    entries: std::fs::ReadDir,
    batch: std::vec::IntoIter<io::Result<DirEntry>>,
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if let Some(entry) = self.batch.next() {
            return Some(entry);
        }
        let entries = &mut self.entries;
        self.batch = blocking(|| entries.take(BATCH).collect::<Vec<_>>()).into_iter();
        self.batch.next()
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}
