//! A request over TLS: the handshake in the blocking style, then hyper over it. The server's certificate must be vouched for by whom this machine
//! trusts, or by the authorities of a PEM file.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example https_get
//! h2 over TLSv1_3: 200 OK, 24 bytes
//! ```
//!
//! Without arguments it asks a server of its own. Others are asked with an address, and perhaps a file:
//!
//! ```text
//! $ cargo run -p threadle-bridge --example https_get https://www.rust-lang.org/
//! $ cargo run -p threadle-bridge --example https_get https://localhost:8443/ authority.pem
//! ```
//!
//! With `serve ADDRESS CERTIFICATE KEY` it serves until it is killed.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, client};
use hyper_util::server::conn::auto;
use threadle::net::{TcpListener, TcpStream};
use threadle::rt::{Executor, Timer};
use threadle::tls::rustls::{ClientConfig, ServerConfig};
use threadle::tls::{self, TlsStream};
use threadle::{block_on, fs, go};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a client may take over its handshake, or over the head of a request.
const PATIENCE: Duration = Duration::from_secs(2);

fn get(uri: &Uri, mut config: ClientConfig) -> Fallible<()> {
    let host = uri.host().ok_or("there is no host in it")?;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(443)))?;
    stream.set_deadline(Some(Instant::now() + Duration::from_secs(30)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TlsStream::client(&Arc::new(config), host, stream)?;
    let version = stream.protocol_version().ok_or("the handshake is not over")?;

    let request = Request::get(uri).body(Empty::<Bytes>::new())?;
    let (protocol, response) = if stream.alpn_protocol() == Some(b"h2") {
        let (mut sender, connection) = block_on(client::conn::http2::handshake(Executor, stream))?;
        go(move || block_on(connection));
        ("h2", block_on(sender.send_request(request))?)
    } else {
        let (mut sender, connection) = block_on(client::conn::http1::handshake(stream))?;
        go(move || block_on(connection));
        // HTTP/1 names the path alone, and the host in a line of its own.
        let (mut parts, body) = request.into_parts();
        parts.uri = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
        parts.headers.insert(HOST, uri.authority().ok_or("there is no host in it")?.as_str().parse()?);
        ("http/1.1", block_on(sender.send_request(Request::from_parts(parts, body)))?)
    };
    let status = response.status();
    let text = block_on(response.into_body().collect())?.to_bytes();
    println!("{protocol} over {}: {status}, {} bytes", version.as_str().unwrap_or("TLS"), text.len());
    Ok(())
}

fn main() -> Fallible<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    threadle::run(|| match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
            let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = format!("https://localhost:{}/", listener.local_addr()?.port()).parse()?;
            let config = tls::server_config(certificate.as_bytes(), key.as_bytes())?;
            go(move || serve(&listener, config));
            get(&address, tls::client_config_trusting(certificate.as_bytes())?)
        }
        ["serve", address, certificate, key] => {
            let config = tls::server_config(&fs::read(certificate)?, &fs::read(key)?)?;
            let listener = TcpListener::bind(address)?;
            println!("listening on {}", listener.local_addr()?);
            serve(&listener, config);
            Ok(())
        }
        [address] => get(&address.parse()?, tls::client_config()?),
        [address, authorities] => get(&address.parse()?, tls::client_config_trusting(&fs::read(authorities)?)?),
        _ => Err("usage: https_get [ADDRESS [AUTHORITIES]], https_get serve ADDRESS CERTIFICATE KEY".into()),
    })
}

fn serve(listener: &TcpListener, mut config: ServerConfig) {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    for stream in listener.incoming().flatten() {
        let config = Arc::clone(&config);
        go(move || -> Fallible<()> {
            // Who opens a connection and says nothing does not stay.
            stream.set_deadline(Some(Instant::now() + PATIENCE));
            let stream = TlsStream::server(&config, stream)?;
            stream.get_ref().set_deadline(None);
            let service = service_fn(|_request| async {
                Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::from("nobody else reads this.\n")))
            });
            let mut server = auto::Builder::new(Executor);
            server.http1().timer(Timer).header_read_timeout(PATIENCE);
            block_on(server.serve_connection(stream, service))
        });
    }
}
