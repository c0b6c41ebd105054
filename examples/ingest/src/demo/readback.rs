//! Reads everything back through the S3 API.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use opendal::Operator;
use serde::Deserialize;
use threadle::chan::{self, Receiver, Sender};

use super::load::Ids;
use crate::store::s3::S3Store;

/// What is in the store.
#[derive(Debug)]
pub struct Found {
    /// Ids of the payloads.
    pub ids: Ids,
    surplus: AtomicU64,
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Found {
    /// Payloads that were there a second time, or that nobody has sent.
    pub fn surplus(&self) -> u64 {
        self.surplus.load(Ordering::Relaxed)
    }

    /// Objects.
    pub fn objects(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    /// Bytes in them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn take_in(&self, object: &[u8]) -> io::Result<()> {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.len() as u64, Ordering::Relaxed);
        for line in object.split_inclusive(|&byte| byte == b'\n') {
            let payload: Payload<'_> = serde_json::from_slice(line)?;
            let is_new = payload.id.parse().is_ok_and(|id| self.ids.add(id));
            if !is_new {
                self.surplus.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// Keys to a page of the listing. AWS gives at most a thousand; the demo's server gives as many as are asked for, but looks at every file
/// for every page.
const PAGE: usize = 50_000;

/// Objects read at once.
const READERS: usize = 8;

#[derive(Deserialize)]
struct Payload<'a> {
    id: &'a str,
}

/// Reads all objects; their payloads have ids below `limit`.
///
/// # Errors
///
/// Where the store cannot be listed or read, or a line is not what was sent.
pub fn read(store: &S3Store, limit: u64) -> io::Result<Arc<Found>> {
    let found = Arc::new(Found {
        ids: Ids::below(limit),
        surplus: AtomicU64::new(0),
        objects: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
    });
    let (paths, to_read) = chan::bounded::<String>(READERS);
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (operator, to_read, found) = (store.operator().clone(), to_read.clone(), Arc::clone(&found));
            threadle::go(move || read_each(&operator, &to_read, &found))
        })
        .collect();
    // Or a failed listing would wait for readers who have all given up.
    drop(to_read);
    let listing = list(store.operator(), &paths);
    drop(paths);
    for reader in readers {
        reader.join().unwrap_or_else(|_| Err(io::Error::other("a reader panicked")))?;
    }
    listing?;
    Ok(found)
}

fn list(operator: &Operator, paths: &Sender<String>) -> io::Result<()> {
    let lister = operator.lister_with("").recursive(true).limit(PAGE);
    let mut lister = threadle::block_on(lister.into_future()).map_err(io::Error::other)?;
    while let Some(entry) = threadle::block_on(lister.try_next()).map_err(io::Error::other)? {
        if entry.metadata().is_file() && paths.send(entry.path().to_owned()).is_err() {
            break; // every reader has failed, and says why
        }
    }
    Ok(())
}

fn read_each(operator: &Operator, paths: &Receiver<String>, found: &Found) -> io::Result<()> {
    while let Ok(path) = paths.recv() {
        let object = threadle::block_on(operator.read(&path)).map_err(io::Error::other)?;
        found.take_in(&object.to_bytes()).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    }
    Ok(())
}
