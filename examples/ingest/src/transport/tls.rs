//! TLS to the store, by rustls.
//!
//! Cryptography is `ring`: it builds with a C compiler alone and in seconds,
//! where aws-lc needs minutes; a put's handshake is rare, and both encrypt far
//! faster than a network carries. Trusted roots are those of the system, since
//! a private S3 server has its certificate from a private authority more often
//! than not; `SSL_CERT_FILE` and `AWS_CA_BUNDLE` name others.

use std::io;
use std::sync::{Arc, OnceLock};

use threadle::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::off_poll;
use super::stream::{ForTls, Wire};

/// What makes a stream a TLS stream.
pub(super) struct Tls {
    /// Extra authorities, instead of the system's.
    bundle: Option<Vec<CertificateDer<'static>>>,
    /// Loaded at first use: plain HTTP needs no certificates.
    connector: OnceLock<TlsConnector>,
}

impl Tls {
    pub(super) fn new() -> io::Result<Self> {
        let bundle = match std::env::var_os("AWS_CA_BUNDLE") {
            None => None,
            Some(path) if path.is_empty() => None,
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(&path)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .map_err(|error| {
                        let path = path.display();
                        io::Error::other(format!("AWS_CA_BUNDLE {path}: {error}"))
                    })?;
                Some(certificates)
            }
        };
        Ok(Self { bundle, connector: OnceLock::new() })
    }

    pub(super) async fn connect(&self, host: &str, tcp: TcpStream) -> io::Result<Wire> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = self.connector().await?;
        let stream = connector.connect(name, ForTls(tcp)).await?;
        Ok(Wire::Tls(Box::new(stream)))
    }

    async fn connector(&self) -> io::Result<TlsConnector> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        // Certificates are read from files: not inside a poll.
        let bundle = self.bundle.clone();
        let made = off_poll(move || threadle::blocking(|| make_connector(bundle))).await?;
        Ok(self.connector.get_or_init(|| made).clone())
    }
}

fn make_connector(bundle: Option<Vec<CertificateDer<'static>>>) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match bundle {
        Some(certificates) => {
            for certificate in certificates {
                roots.add(certificate).map_err(io::Error::other)?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            // A store may hold certificates that rustls rejects; it must hold others.
            roots.add_parsable_certificates(native.certs);
            if roots.is_empty() {
                let why = native.errors.first().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "none installed".to_owned());
                return Err(io::Error::other(format!("no trusted certificates: {why}")));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
