//! Whom a client believes, and what a server shows.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// For clients that believe whom this machine believes. The certificates are read once in a process; `SSL_CERT_FILE` and `SSL_CERT_DIR` in the
/// environment name others.
///
/// The rest may be changed before it is put into an [`Arc`]: `alpn_protocols`, for one, is empty.
///
/// Switches: yes, the first time.
///
/// # Errors
/// There are none, or none that rustls can read.
///
/// ```
/// threadle::run(|| match threadle::tls::client_config() {
///     Ok(config) => assert!(config.alpn_protocols.is_empty()),
///     Err(error) => assert!(error.to_string().contains("no trusted certificates")),
/// });
/// ```
#[track_caller]
pub fn client_config() -> io::Result<ClientConfig> {
    static PLATFORM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = match PLATFORM.get() {
        Some(roots) => Arc::clone(roots),
        // Two that come at once both read them: a goroutine must not wait for std's lock while the one that holds it switches.
        None => {
            let read = crate::blocking(platform_roots)?;
            Arc::clone(PLATFORM.get_or_init(|| Arc::new(read)))
        }
    };
    trusting(roots)
}

fn platform_roots() -> io::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Stores hold certificates that rustls cannot read; they hold others.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none is installed".to_owned(), ToString::to_string);
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("no trusted certificates: {why}")));
    }
    Ok(roots)
}

/// For clients that believe nobody but these authorities: the text of a PEM file, of a private authority or of one self-signed certificate.
///
/// Switches: no.
///
/// # Errors
/// There is no certificate in it, or one that cannot be read.
///
/// ```
/// assert!(threadle::tls::client_config_trusting(b"not a certificate").is_err());
/// ```
pub fn client_config_trusting(authorities: &[u8]) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(invalid)?;
    }
    trusting(Arc::new(roots))
}

fn trusting(roots: Arc<RootCertStore>) -> io::Result<ClientConfig> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// For servers: the texts of two PEM files, of the certificate with those that vouch for it, and of its key (PKCS #8, PKCS #1 or SEC 1).
/// Clients are not asked who they are.
///
/// Switches: no.
///
/// # Errors
/// One of them cannot be read, or the key is not the certificate's.
///
/// ```
/// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
/// let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// let mut config = threadle::tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap();
/// config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
/// ```
pub fn server_config(chain: &[u8], key: &[u8]) -> io::Result<ServerConfig> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(invalid)?;
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .with_no_client_auth()
        .with_single_cert(certificates(chain)?, key)
        .map_err(invalid)
}

fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(invalid)?;
    if all.is_empty() { Err(invalid("there is no certificate in the PEM text")) } else { Ok(all) }
}
