//! Folders whose names are on the disk.
//!
//! A folder is as durable as its entry in its parent, and that one's in its
//! own, and so on. Who finds a folder there cannot know whether whoever made it
//! has synced the parent yet; so nobody writes into a folder before this
//! process has synced its parents itself, once, while the others wait.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folders under a root, and which of them are known to be durable.
#[derive(Debug)]
pub(super) struct Folders<S = fn(&Path) -> io::Result<()>> {
    root: PathBuf,
    /// One more an hour. Held while a folder is made and its parents are
    /// synced: a std lock, because whoever comes here may block its thread.
    durable: Mutex<HashSet<PathBuf>>,
    sync: S,
}

impl Folders {
    /// None is known yet, the root neither.
    pub(super) fn under(root: PathBuf) -> Self {
        Self { root, durable: Mutex::default(), sync: |folder| File::open(folder)?.sync_all() }
    }
}

impl<S: Fn(&Path) -> io::Result<()>> Folders<S> {
    /// Returns once `folder` is there and durable, the root and all between
    /// them included; makes what is missing. Blocks its thread.
    ///
    /// # Errors
    ///
    /// Those of making and syncing. The folder may be there then, but the next
    /// call syncs its parents again.
    pub(super) fn make_durable(&self, folder: &Path) -> io::Result<()> {
        // A panic under the lock leaves nothing in the set that is not durable.
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        match self.make(&mut durable, folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Somebody has removed a parent that was known.
                durable.clear();
                self.make(&mut durable, folder)
            }
            result => result,
        }
    }

    /// Forgets them all, because one of them has turned out to be gone.
    pub(super) fn forget(&self) {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn make(&self, durable: &mut HashSet<PathBuf>, folder: &Path) -> io::Result<()> {
        if durable.contains(folder) {
            return Ok(());
        }
        let Some(parent) = folder.parent() else {
            return Ok(());
        };
        let below_the_root = folder != self.root && folder.starts_with(&self.root);
        // Above the root only what has to be made: the rest is not ours.
        if below_the_root || !parent.exists() {
            self.make(durable, parent)?;
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => return Err(error),
            _made_now_or_before => {}
        }
        (self.sync)(parent)?;
        durable.insert(folder.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn folders<S: Fn(&Path) -> io::Result<()>>(root: &Path, sync: S) -> Folders<S> {
        Folders { root: root.to_owned(), durable: Mutex::default(), sync }
    }

    #[test]
    fn parents_are_synced_up_to_the_roots_and_once() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("root");
        let synced = Mutex::new(Vec::new());
        let folders = folders(&root, |folder: &Path| {
            synced.lock().unwrap().push(folder.to_owned());
            Ok(())
        });
        let taken = || std::mem::take(&mut *synced.lock().unwrap());
        // Somebody else has made them: that says nothing.
        fs::create_dir_all(root.join("2026/11")).unwrap();
        folders.make_durable(&root.join("2026/11/21")).unwrap();
        assert!(root.join("2026/11/21").is_dir());
        assert_eq!(taken(), [temporary.path().to_owned(), root.clone(), root.join("2026"), root.join("2026/11")]);
        folders.make_durable(&root.join("2026/11/21")).unwrap();
        assert!(taken().is_empty());
        folders.make_durable(&root.join("2026/11/22")).unwrap();
        assert_eq!(taken(), [root.join("2026/11")]);
        fs::remove_dir_all(&root).unwrap();
        folders.forget();
        folders.make_durable(&root.join("2026")).unwrap();
        assert_eq!(taken(), [temporary.path().to_owned(), root.clone()]);
        // Found out only when a new one is to be made in it.
        fs::remove_dir_all(&root).unwrap();
        folders.make_durable(&root.join("2027")).unwrap();
        assert_eq!(taken(), [temporary.path().to_owned(), root]);
    }

    #[test]
    fn what_could_not_be_synced_is_not_durable() {
        let temporary = tempfile::tempdir().unwrap();
        let fails = AtomicBool::new(true);
        let folders = folders(temporary.path(), |_folder: &Path| match fails.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        });
        let hour = temporary.path().join("19");
        for _attempt in 0..2 {
            let error = folders.make_durable(&hour).expect_err("no sync, no success");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
        fails.store(false, Ordering::Relaxed);
        folders.make_durable(&hour).unwrap();
        assert!(hour.is_dir());
    }

    /// The second comer finds the folder there, and must wait all the same.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "plain threads, no goroutines")]
    fn others_wait_for_the_sync() {
        let temporary = tempfile::tempdir().unwrap();
        let hour = temporary.path().join("19");
        let (reached, syncing) = mpsc::channel();
        let synced = AtomicBool::new(false);
        let folders = folders(temporary.path(), |folder: &Path| {
            if folder == temporary.path() {
                reached.send(()).unwrap();
                // Time for the other to overtake, if it can.
                std::thread::sleep(Duration::from_millis(50));
                synced.store(true, Ordering::Relaxed);
            }
            Ok(())
        });
        std::thread::scope(|scope| {
            scope.spawn(|| folders.make_durable(&hour).unwrap());
            syncing.recv_timeout(Duration::from_secs(60)).expect("the first is syncing");
            assert!(hour.is_dir());
            folders.make_durable(&hour).unwrap();
            assert!(synced.load(Ordering::Relaxed), "the first had not synced yet");
        });
        assert!(syncing.try_recv().is_err(), "once was enough");
    }
}
