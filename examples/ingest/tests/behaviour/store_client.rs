//! The S3 client under the service: TLS, credentials from every place, broken connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::client::Client;
use crate::support::process::{Serving, serve};
use crate::support::running::{Running, config};
use crate::support::{Watchdog, body, lines_under};
use ingest::config::{Config, Keys, StoreUrl};
use ingest::counters::Totals;
use ingest::demo::s3_server::{ACCESS_KEY, S3Server, SECRET_KEY};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// `ingest serve` to a bucket of `server`; the caller adds credentials.
fn serve_to(endpoint: &str) -> Command {
    let mut command = serve();
    command.args(["--store", "s3://bucket/prefix", "--s3-endpoint", endpoint]);
    command
}

/// Posts once, ends the service, and returns the status and what was printed.
fn post_once(command: &mut Command) -> (u16, String) {
    let serving = Serving::start(command);
    let status = Client::connect(serving.address).post(&body("one")).status;
    serving.signal("TERM");
    let ended = serving.wait();
    assert!(ended.status.success(), "{}", ended.stderr);
    (status, ended.stderr)
}

/// A server over a fresh folder, and a service with these credentials stores into it.
fn credentials_work(prepare: impl FnOnce(&mut Command, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(&folder.path().join("s3"), "bucket").unwrap();
    let mut command = serve_to(&server.endpoint());
    command.env("HOME", folder.path());
    prepare(&mut command, folder.path());
    let (status, stderr) = post_once(&mut command);
    assert_eq!(status, 200, "{stderr}");
    assert_eq!(lines_under(&folder.path().join("s3/bucket")).len(), 1);
}

/// The names of a process's threads.
fn threads_of(process: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("a running process");
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.unwrap().path().join("comm"));
    // One that ends between the two looks has no name.
    tasks.filter_map(|task| name(task).ok()).map(|name| name.trim().to_owned()).collect()
}

#[test]
fn no_second_runtime_at_work() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(&folder.path().join("s3"), "bucket").unwrap();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    let text = format!("[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    std::fs::write(folder.path().join(".aws/credentials"), text).unwrap();
    // Files are read and an object is sent; then a look at the threads that did it.
    let serving = Serving::start(serve_to(&server.endpoint()).env("HOME", folder.path()));
    assert_eq!(Client::connect(serving.address).post(&body("one")).status, 200);
    let threads = threads_of(serving.id());
    assert!(threads.iter().all(|name| name == "ingest" || name.starts_with("threadle")), "{threads:?}");
    serving.signal("TERM");
    assert!(serving.wait().status.success());
}

#[test]
fn no_second_runtime_to_build() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--no-default-features",
            "--edges",
            "normal,features",
            "--invert",
            "tokio",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    assert!(tree.contains("tokio feature \"default\""), "{tree}");
    for part in ["rt", "rt-multi-thread", "net", "time", "process", "signal"] {
        assert!(!tree.contains(&format!("tokio feature \"{part}\"")), "{tree}");
    }
}

#[test]
fn profile_file() {
    let _watchdog = Watchdog::start();
    credentials_work(|command, home| {
        std::fs::create_dir(home.join(".aws")).unwrap();
        let text = format!(
            "[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n\n\
             [work]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
        );
        std::fs::write(home.join(".aws/credentials"), text).unwrap();
        command.env("AWS_PROFILE", "work");
    });
}

#[test]
fn credential_process() {
    let _watchdog = Watchdog::start();
    credentials_work(|command, home| {
        std::fs::create_dir(home.join(".aws")).unwrap();
        let keys = home.join("keys.json");
        let json = format!("{{\"Version\":1,\"AccessKeyId\":\"{ACCESS_KEY}\",\"SecretAccessKey\":\"{SECRET_KEY}\"}}");
        std::fs::write(&keys, json).unwrap();
        let text = format!("[default]\ncredential_process = cat {}\n", keys.display());
        std::fs::write(home.join(".aws/config"), text).unwrap();
        command.env("AWS_REGION", "us-east-1");
    });
}

/// A plain HTTP server: answers each path with a status and a text.
fn answer_with(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let head: Vec<String> =
                reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let length =
                head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            std::io::copy(&mut reader.take(length.unwrap_or(0)), &mut std::io::sink()).unwrap();
            let (status, text) = answer(head[0].split(' ').nth(1).unwrap());
            let length = text.len();
            write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}")
                .unwrap();
        }
    });
    address
}

fn temporary_keys() -> String {
    format!(
        "{{\"Code\":\"Success\",\"RoleArn\":\"arn:aws:iam::1:role/r\",\"AccessKeyId\":\"{ACCESS_KEY}\",\
         \"SecretAccessKey\":\"{SECRET_KEY}\",\"Token\":\"t\",\"Expiration\":\"2999-01-01T00:00:00Z\"}}"
    )
}

#[test]
fn container() {
    let _watchdog = Watchdog::start();
    let address = answer_with(|path| {
        assert_eq!(path, "/task-role");
        (200, temporary_keys())
    });
    credentials_work(|command, _| {
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}/task-role"));
    });
}

#[test]
fn instance_metadata() {
    let _watchdog = Watchdog::start();
    let address = answer_with(|path| match path {
        "/latest/api/token" => (200, "a-token".to_owned()),
        "/latest/meta-data/iam/security-credentials/" => (200, "a-role".to_owned()),
        "/latest/meta-data/iam/security-credentials/a-role" => (200, temporary_keys()),
        other => panic!("{other} was asked for"),
    });
    credentials_work(|command, _| {
        command
            .env_remove("AWS_EC2_METADATA_DISABLED")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{address}"));
    });
}

#[test]
fn wrong_keys_are_refused_at_once() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path(), "bucket").unwrap();
    let mut command = serve_to(&server.endpoint());
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", "wrong");
    let (status, stderr) = post_once(&mut command);
    assert_eq!(status, 503);
    assert!(stderr.contains("not stored"), "{stderr}");
    assert!(!stderr.contains("trying again"), "{stderr}");
}

/// A service whose S3 server answers every put with this, and how its first request is answered.
fn post_to_a_server_that_says(status: u16, code: &str) -> (u16, Totals) {
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    let address = answer_with(move |_| (status, xml.clone()));
    let config = Config {
        store: StoreUrl::S3 { bucket: "bucket".to_owned(), prefix: String::new() },
        s3_endpoint: Some(format!("http://{address}")),
        s3_keys: Some(Keys { access: ACCESS_KEY.to_owned(), secret: SECRET_KEY.to_owned() }),
        store_attempts: 3,
        ..config()
    };
    let running = Running::start(config);
    let answered = running.client().post(&body("one")).status;
    (answered, running.stop().totals)
}

#[test]
fn errors_of_the_server_are_told_apart() {
    let _watchdog = Watchdog::start();
    for (status, code, retries) in [
        (404, "NoSuchBucket", 0),
        (403, "AccessDenied", 0),
        (500, "InternalError", 2),
        (503, "SlowDown", 2),
        (400, "RequestTimeout", 2),
    ] {
        let (answered, totals) = post_to_a_server_that_says(status, code);
        assert_eq!((answered, totals.retries, totals.stored), (503, retries, 0), "{status} {code}");
    }
}

/// A TLS server in front of an S3 server, with a certificate for `localhost`
/// that `ca` is written to.
struct TlsFront {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

fn tls_front(to: SocketAddr, ca: &Path) -> TlsFront {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(ca, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key))
        .expect("a TLS configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_io().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us breaks the handshake.
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = tokio::net::TcpStream::connect(to).await.expect("the S3 server");
                let _ended = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    TlsFront { address, _runtime: runtime }
}

#[test]
fn tls() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(&folder.path().join("s3"), "bucket").unwrap();
    let ca = folder.path().join("ca.pem");
    let front = tls_front(server.address(), &ca);
    let serve = |trust: &[(&str, &Path)]| {
        let mut command = serve_to(&format!("https://localhost:{}", front.address.port()));
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command.envs(trust.iter().copied());
        post_once(&mut command)
    };
    let (status, stderr) = serve(&[("AWS_CA_BUNDLE", &ca)]);
    assert_eq!(status, 200, "{stderr}");
    let (status, stderr) = serve(&[("SSL_CERT_FILE", &ca)]);
    assert_eq!(status, 200, "{stderr}");
    assert_eq!(lines_under(&folder.path().join("s3/bucket")).len(), 1, "the same payload twice");
    // A certificate of somebody else is not trusted.
    let other = folder.path().join("other.pem");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(&other, made.cert.pem()).unwrap();
    let (status, stderr) = serve(&[("AWS_CA_BUNDLE", &other)]);
    assert_eq!(status, 503);
    assert!(stderr.contains("certificate"), "{stderr}");
}

/// A proxy in front of an S3 server that closes each connection after one
/// exchange without saying so, as a server does with one idle for too long.
fn closing_front(to: SocketAddr, exchanges: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for outside in listener.incoming() {
            let (mut outside, mut inside) = (outside.unwrap(), TcpStream::connect(to).unwrap());
            let exchanges = Arc::clone(&exchanges);
            thread::spawn(move || {
                let (mut from, mut into) = (outside.try_clone().unwrap(), inside.try_clone().unwrap());
                thread::spawn(move || {
                    // Ends when the other thread shuts the connections down.
                    let _copied = std::io::copy(&mut from, &mut into);
                });
                // Answers to puts are far smaller than this, and come at once.
                let mut answer = [0; 16 << 10];
                let read = inside.read(&mut answer).unwrap();
                exchanges.fetch_add(1, Ordering::Relaxed);
                outside.write_all(&answer[..read]).unwrap();
                outside.shutdown(std::net::Shutdown::Both).unwrap();
                inside.shutdown(std::net::Shutdown::Both).unwrap();
            });
        }
    });
    address
}

#[test]
fn idle_connections_that_were_closed_are_replaced() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path(), "bucket").unwrap();
    let exchanges = Arc::new(AtomicUsize::new(0));
    let front = closing_front(server.address(), Arc::clone(&exchanges));
    let config = Config {
        store: StoreUrl::S3 { bucket: "bucket".to_owned(), prefix: String::new() },
        s3_endpoint: Some(format!("http://{front}")),
        s3_keys: Some(Keys { access: ACCESS_KEY.to_owned(), secret: SECRET_KEY.to_owned() }),
        ..config()
    };
    let running = Running::start(config);
    let mut client = running.client();
    for id in 0..10 {
        assert_eq!(client.post(&body(id)).status, 200);
    }
    assert!(running.stop().in_time);
    assert_eq!(lines_under(&folder.path().join("bucket")).len(), 10);
    assert!(exchanges.load(Ordering::Relaxed) >= 10);
}
