//! The embedded S3 server: `s3s-fs` over a folder.
//!
//! It is a real one as far as a client can tell: HTTP, signatures, checksums,
//! listings. It needs tokio, which runs on threads of its own here and nowhere
//! else in this program. Why this one: `docs/decisions/ingest-demo-s3.md`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Request};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::latency::Latencies;
use crate::config::Keys;
use crate::console;

/// The key pair that the server knows.
pub const ACCESS_KEY: &str = "demo-access-key";
/// Its secret half.
pub const SECRET_KEY: &str = "demo-secret-key";

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    puts: Latencies,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Starts a server over `folder`, on a free port of the loopback interface,
    /// with one empty bucket.
    ///
    /// # Errors
    ///
    /// Those of the folder, the threads, and the socket.
    pub fn start(folder: &Path, bucket: &str) -> io::Result<Self> {
        std::fs::create_dir_all(folder.join(bucket))?;
        let file_system = FileSystem::new(folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let service = {
            let mut builder = S3ServiceBuilder::new(file_system);
            builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
            builder.build()
        };
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("s3-server").enable_io().enable_time().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let puts = Latencies::new();
        runtime.spawn(accept(listener, service, puts.clone()));
        Ok(Self { address, puts, runtime: Some(runtime) })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The keys it knows.
    pub fn keys(&self) -> Keys {
        Keys { access: ACCESS_KEY.to_owned(), secret: SECRET_KEY.to_owned() }
    }

    /// How long its puts took, from the request's head until the answer.
    pub fn puts(&self) -> &Latencies {
        &self.puts
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, service: S3Service, puts: Latencies) {
    let service = Arc::new(service);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                console::log(format_args!("demo: the S3 server cannot accept: {error}"));
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let (service, puts) = (S3Service::clone(&service), puts.clone());
        tokio::spawn(async move {
            if let Err(error) = stream.set_nodelay(true) {
                console::log(format_args!("demo: the S3 server lost a connection: {error}"));
                return;
            }
            let timed = service_fn(move |request: Request<Incoming>| {
                let began = (request.method() == Method::PUT).then(Instant::now);
                let (answer, puts) = (Service::call(&service, request), puts.clone());
                async move {
                    let answer = answer.await;
                    began.into_iter().for_each(|began| puts.record_since(began));
                    answer
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), timed);
            // An error is a client that went away.
            let _served = connection.await;
        });
    }
}
