//! Objects as files under a folder.
//!
//! A file appears under its name only when all of it is on the disk, and `put`
//! returns only when the name is, too: temporary name, fsync of the file,
//! rename, fsync of the folder. A crash can leave temporary files behind; they
//! begin with a dot and end in `.tmp`, so that no reader takes them for objects.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{PutError, Store};

/// A folder of objects.
#[derive(Debug)]
pub struct DirStore {
    root: PathBuf,
}

impl DirStore {
    /// Opens a folder, making it if it is missing.
    ///
    /// # Errors
    ///
    /// Those of making it.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        make_folder(&root)?;
        Ok(Self { root })
    }
}

impl Store for DirStore {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        let path = self.root.join(key);
        // One hand-off for the whole sequence: every step of it blocks.
        threadle::blocking(|| write_durably(&path, &object)).map_err(|error| {
            let permanent = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
            let message = format!("{}: {error}", path.display());
            if permanent { PutError::permanent(message) } else { PutError::temporary(message) }
        })
    }
}

fn write_durably(path: &Path, object: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no file name"));
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".tmp");
    let temporary = folder.join(temporary);
    let mut file = match File::create(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_folder(folder)?;
            File::create(&temporary)?
        }
        result => result?,
    };
    let written = file.write_all(object).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // Best effort: the error that matters is the first.
        let _left_behind = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// Makes a folder and its missing parents, each durable in its own parent.
fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {
            // Perhaps made just now by another worker, who has not synced it yet.
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = folder.parent().ok_or(error)?;
            make_folder(parent)?;
            return make_folder(folder);
        }
        Err(error) => return Err(error),
    }
    match folder.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
