//! Objects in an S3 bucket, by OpenDAL over our own transport.
//!
//! Why OpenDAL, and why not the AWS SDK: `docs/decisions/ingest-store-client.md`.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use opendal::services::S3;
use opendal::{ErrorKind, HttpTransporter, OperationContext, Operator};

use super::{PutError, Store, credentials};
use crate::config::Keys;
use crate::transport::Transport;

/// Which bucket, where.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// Every key begins with this and a slash, unless it is empty.
    pub prefix: &'a str,
    /// An endpoint other than AWS. Without one, `AWS_ENDPOINT_URL_S3` and
    /// `AWS_ENDPOINT_URL` are looked at.
    pub endpoint: Option<&'a str>,
    /// Keys to use instead of looking for credentials in the usual places.
    pub keys: Option<&'a Keys>,
    /// For one attempt, from connecting to the last byte of the answer.
    pub timeout: Duration,
}

/// A prefix of a bucket.
#[derive(Debug)]
pub struct S3Store {
    operator: Operator,
}

impl S3Store {
    /// Prepares the client; sends nothing yet. Credentials are looked for at
    /// the first request and kept until shortly before they expire.
    ///
    /// # Errors
    ///
    /// Where neither `AWS_REGION` nor `AWS_DEFAULT_REGION` names the region of a
    /// bucket on AWS, the endpoint is no URL, or no trusted root certificates
    /// were found.
    pub fn open(settings: &Settings<'_>) -> io::Result<Self> {
        let endpoint = settings
            .endpoint
            .map(str::to_owned)
            .or_else(|| variable("AWS_ENDPOINT_URL_S3"))
            .or_else(|| variable("AWS_ENDPOINT_URL"));
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let mut builder = S3::default()
            .bucket(settings.bucket)
            .root(settings.prefix)
            .checksum_algorithm("crc32c")
            .credential_provider_chain(credentials::chain(settings.keys));
        match (&endpoint, region) {
            (_, Some(region)) => builder = builder.region(&region),
            // What other servers expect where nothing was said.
            (Some(_), None) => builder = builder.region("us-east-1"),
            (None, None) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the bucket's region is unknown: set AWS_REGION",
                ));
            }
        }
        match &endpoint {
            // Path style, which every server understands.
            Some(endpoint) => builder = builder.endpoint(endpoint),
            // A dot in the name would not match the certificate `*.s3.REGION.amazonaws.com`.
            None if settings.bucket.contains('.') => {}
            None => builder = builder.enable_virtual_host_style(),
        }
        let transport = Transport::new(settings.timeout)?;
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(transport));
        let operator = Operator::new(builder)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?
            .with_context(context);
        Ok(Self { operator })
    }

    /// The OpenDAL operator, for everything but `put`. Its futures are to be
    /// run by [`threadle::block_on`].
    pub fn operator(&self) -> &Operator {
        &self.operator
    }
}

impl Store for S3Store {
    fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        let write = self.operator.write_with(key, object).content_type("application/x-ndjson");
        match threadle::block_on(write.into_future()) {
            Ok(_) => Ok(()),
            Err(error) if is_permanent(&error) => Err(PutError::permanent(error)),
            Err(error) => Err(PutError::temporary(error)),
        }
    }
}

/// Errors that another attempt would meet again. What OpenDAL has no name for
/// (5xx, a broken connection, no credentials because their server was away) is
/// tried again.
fn is_permanent(error: &opendal::Error) -> bool {
    !error.is_temporary()
        && matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::ConfigInvalid | ErrorKind::Unsupported
        )
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
