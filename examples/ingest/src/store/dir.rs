//! Objects as files under a folder.
//!
//! A file appears under its name only when all of it is on the disk, and `put`
//! returns only when the name is, too: temporary name, fsync of the file,
//! rename, fsync of the folder. A crash can leave temporary files behind; they
//! begin with a dot and end in `.tmp`, so that no reader takes them for objects.
//!
//! The folder's own name must be on the disk as well. That it can be opened
//! does not say so: another worker may have made it a moment ago, and not have
//! synced its parent yet. See `folders.rs`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::folders::Folders;
use super::{PutError, Store};

/// A folder of objects.
#[derive(Debug)]
pub struct DirStore {
    root: PathBuf,
    folders: Folders,
}

impl DirStore {
    /// Opens a folder, making it if it is missing.
    ///
    /// # Errors
    ///
    /// Those of making it.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        let folders = Folders::under(root.clone());
        folders.make_durable(&root)?;
        Ok(Self { root, folders })
    }
}

impl Store for DirStore {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        let path = self.root.join(key);
        // One hand-off for the whole sequence: every step of it blocks.
        threadle::blocking(|| write_durably(&self.folders, &path, &object)).map_err(|error| {
            let permanent = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
            let message = format!("{}: {error}", path.display());
            if permanent { PutError::permanent(message) } else { PutError::temporary(message) }
        })
    }
}

fn write_durably(folders: &Folders, path: &Path, object: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no file name"));
    };
    folders.make_durable(folder)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".tmp");
    let temporary = folder.join(temporary);
    let mut file = match File::create(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Somebody has removed it.
            folders.forget();
            folders.make_durable(folder)?;
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
