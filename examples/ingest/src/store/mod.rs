//! Where objects are kept.

pub mod credentials;
pub mod dir;
mod folders;
pub mod key;
pub mod retry;
pub mod s3;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Config, StoreUrl};

/// A place that keeps objects for good once `put` has returned.
pub trait Store: fmt::Debug + Send + Sync {
    /// Keeps `object` under `key`, in one attempt. Called on a goroutine, and
    /// switches to others while it waits. Repeating a put with the same key and
    /// object is harmless.
    ///
    /// # Errors
    ///
    /// [`PutError`]; the object may or may not be in the store then.
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError>;
}

/// Why a put failed, and whether it makes sense to try it again.
#[derive(Debug)]
pub struct PutError {
    source: Box<dyn Error + Send + Sync>,
    temporary: bool,
}

impl PutError {
    /// An error that another attempt may not meet.
    pub fn temporary(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into(), temporary: true }
    }

    /// An error that every attempt would meet: no such bucket, access denied.
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into(), temporary: false }
    }

    /// Whether to try again.
    pub fn is_temporary(&self) -> bool {
        self.temporary
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for PutError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// Opens the store that the settings name.
///
/// # Errors
///
/// Where the folder cannot be made, the region is unknown, the endpoint is no URL ...
pub fn open(config: &Config) -> io::Result<Arc<dyn Store>> {
    Ok(match &config.store {
        StoreUrl::Dir(path) => Arc::new(dir::DirStore::open(path)?),
        StoreUrl::S3 { bucket, prefix } => {
            let settings = s3::Settings {
                bucket,
                prefix,
                endpoint: config.s3_endpoint.as_deref(),
                keys: config.s3_keys.as_ref(),
                timeout: config.store_timeout,
            };
            Arc::new(s3::S3Store::open(&settings)?)
        }
    })
}
