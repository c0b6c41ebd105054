//! The HTTP client under OpenDAL: hyper's HTTP/1.1 over threadle's sockets.
//!
//! A request takes an idle connection of its origin, or opens one; the future
//! that sends the request drives the connection too, so that one exchange costs
//! no goroutine of its own and no switch between two. Therefore nobody listens
//! to an idle connection: that the server has closed it is found out when it is
//! taken next. hyper then hands the unsent request back, and it goes out on
//! another one.
//!
//! Answers are collected whole, up to [`LARGEST_ANSWER`]: an S3 client that puts
//! and checks small objects has no use for streaming.

mod connection;
mod pool;
mod stream;
mod tls;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::iter;
use http::{Request, Response};
use http_body_util::Full;
use hyper::rt::Timer as _;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, Result};
use threadle::rt::Timer;

use connection::{Connection, Failure};
use pool::{Origin, Pool};
use tls::Tls;

/// The largest body of an answer, in bytes.
pub const LARGEST_ANSWER: usize = 256 << 20;

/// How long to wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An HTTP client for OpenDAL; also what fetches credentials.
pub struct Transport {
    pool: Pool,
    tls: Tls,
    timeout: Duration,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Transport {
    /// A client that gives each request `timeout`, from connecting to the last
    /// byte of the answer.
    ///
    /// # Errors
    ///
    /// Where a file of `AWS_CA_BUNDLE` cannot be read.
    pub fn new(timeout: Duration) -> io::Result<Self> {
        Ok(Self { pool: Pool::new(), tls: Tls::new()?, timeout })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
        let origin = Origin::of(request.uri())?;
        let mut request = connection::in_origin_form(request)?;
        // Idle connections that turn out to be closed give the request back.
        while let Some(mut idle) = self.pool.take(&origin) {
            match idle.exchange(request).await {
                Ok(answer) => {
                    self.keep(origin, idle).await;
                    return Ok(answer);
                }
                Err(Failure::Unsent(unsent)) => request = *unsent,
                Err(Failure::Broken(error)) => return Err(error),
            }
        }
        let connect = Connection::open(&origin, &self.tls);
        let mut fresh = within(CONNECT_TIMEOUT, "connecting", connect).await?;
        match fresh.exchange(request).await {
            Ok(answer) => {
                self.keep(origin, fresh).await;
                Ok(answer)
            }
            Err(Failure::Unsent(_)) => Err(io::ErrorKind::ConnectionReset.into()),
            Err(Failure::Broken(error)) => Err(error),
        }
    }

    async fn keep(&self, origin: Origin, mut connection: Connection) {
        if connection.is_reusable().await {
            self.pool.give_back(origin, connection);
        }
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let request = request.map(|body| Full::new(body.to_bytes()));
        let answer = within(self.timeout, "the exchange", self.exchange(request)).await.map_err(|error| {
            Error::new(ErrorKind::Unexpected, format!("{host}: {error}"))
                .with_operation("transport")
                .set_source(error)
                .set_temporary()
        })?;
        Ok(answer.map(|body| {
            let size = body.len() as u64;
            let whole = iter([Ok(Buffer::from(body))]);
            HttpBody::new(whole, Some(size))
        }))
    }
}

/// Runs a future for at most `limit`.
async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut future = pin!(future);
    let mut sleep = None;
    let deadline = Instant::now() + limit;
    poll_fn(|cx| {
        if let Poll::Ready(result) = future.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        let sleep = sleep.get_or_insert_with(|| Timer.sleep_until(deadline));
        sleep
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} took longer than {limit:?}"))))
    })
    .await
}

/// Runs blocking work on a goroutine of its own, for those who are inside a
/// poll, where nothing may block.
pub(crate) async fn off_poll<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match threadle::go(work).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("the goroutine doing it has ended early")),
    }
}
