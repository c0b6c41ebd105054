//! What the service is told: where to listen, where to keep things, and how
//! much of everything it may hold.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Settings of one [`Service`](crate::service::Service).
///
/// [`Config::new`] gives the defaults that the command line documents; change
/// the fields that matter.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on, `host:port`. Port 0 takes a free one.
    pub listen: String,
    /// Where objects go.
    pub store: StoreUrl,
    /// An S3 endpoint other than AWS (`http://host:port`).
    pub s3_endpoint: Option<String>,
    /// Keys to use instead of looking for credentials in the usual places.
    pub s3_keys: Option<Keys>,
    /// Workers, that is uploads under way at once.
    pub workers: usize,
    /// Jobs the queue holds between handlers and dispatcher.
    pub queue: usize,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// Most payloads in one object.
    pub batch_payloads: usize,
    /// Most bytes in one object. One payload larger than this makes an object of its own.
    pub batch_bytes: usize,
    /// How long a batch waits for more payloads while a worker is free.
    pub linger: Duration,
    /// When a request is answered with 200.
    pub ack: Ack,
    /// What a request meets when the queue is full.
    pub overload: Overload,
    /// How long a request waits for a place in the queue under [`Overload::Wait`].
    pub queue_wait: Duration,
    /// How long shutdown may take to finish what was begun.
    pub drain: Duration,
    /// How long a client may take to send one head, one body, or nothing at all.
    pub read_timeout: Duration,
    /// How long one attempt to store an object may take.
    pub store_timeout: Duration,
    /// Attempts to store an object before its requests get 503.
    pub store_attempts: u32,
}

impl Config {
    /// The defaults, for a given store.
    pub fn new(store: StoreUrl) -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            store,
            s3_endpoint: None,
            s3_keys: None,
            workers: 32,
            queue: 4096,
            max_body: 1 << 20,
            batch_payloads: 1000,
            batch_bytes: 4 << 20,
            linger: Duration::from_millis(5),
            ack: Ack::Stored,
            overload: Overload::Wait,
            queue_wait: Duration::from_secs(1),
            drain: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            store_timeout: Duration::from_secs(10),
            store_attempts: 4,
        }
    }
}

/// A static pair of S3 keys.
#[derive(Clone)]
pub struct Keys {
    /// The public half.
    pub access: String,
    /// The secret half.
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access", &self.access).finish_non_exhaustive()
    }
}

/// When a request is answered with 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Once every payload of it is in the store.
    Stored,
    /// Once every payload of it is in the queue, as in the article.
    Queued,
}

/// What a request meets when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// It waits a bounded time for a place, then gets 503.
    Wait,
    /// It gets 503 at once.
    Shed,
}

/// A place to keep objects: `s3://BUCKET/PREFIX` or `dir:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// Objects `PREFIX/...` in a bucket.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// Without slashes at either end; may be empty.
        prefix: String,
    },
    /// Files under a folder, which is made if it is missing.
    Dir(PathBuf),
}

/// A store URL that is neither of the two forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrlError(String);

impl fmt::Display for StoreUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither s3://BUCKET/PREFIX nor dir:PATH", self.0)
    }
}

impl std::error::Error for StoreUrlError {}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let wrong = || StoreUrlError(text.to_owned());
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(wrong());
            }
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() });
        }
        match text.strip_prefix("dir:") {
            None | Some("") => Err(wrong()),
            Some(path) => Ok(Self::Dir(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_urls() {
        let s3 = |bucket: &str, prefix: &str| Ok(StoreUrl::S3 { bucket: bucket.into(), prefix: prefix.into() });
        assert_eq!("s3://b/a/c/".parse(), s3("b", "a/c"));
        assert_eq!("s3://b".parse(), s3("b", ""));
        assert_eq!("dir:/x y".parse(), Ok(StoreUrl::Dir("/x y".into())));
        for wrong in ["", "s3://", "s3:///p", "dir:", "file:/x", "b/p"] {
            assert_eq!(wrong.parse::<StoreUrl>(), Err(StoreUrlError(wrong.to_owned())));
        }
    }
}
