//! One client connection, driven by whoever uses it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::ToSocketAddrs;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use threadle::net::TcpStream;

use super::pool::Origin;
use super::stream::Wire;
use super::tls::Tls;
use super::{CONNECT_TIMEOUT, LARGEST_ANSWER, off_poll};

/// A connection to an origin.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Pin<Box<http1::Connection<Wire, Full<Bytes>>>>,
    /// The driver has finished and must not be polled again.
    closed: bool,
}

/// Why an exchange failed.
pub(super) enum Failure {
    /// The server cannot have seen the request.
    Unsent(Box<Request<Full<Bytes>>>),
    /// It may have.
    Broken(io::Error),
}

impl Connection {
    /// Connects. The blocking parts, name lookup above all, run on a goroutine
    /// of their own: nothing may block inside a poll.
    pub(super) async fn open(origin: &Origin, tls: &Tls) -> io::Result<Self> {
        let address = (origin.host.clone(), origin.port);
        let tcp = off_poll(move || connect(&address)).await?;
        let wire = if origin.tls { tls.connect(&origin.host, tcp).await? } else { Wire::Plain(tcp) };
        let (sender, driver) = http1::handshake(wire).await.map_err(io::Error::other)?;
        Ok(Self { sender, driver: Box::pin(driver), closed: false })
    }

    /// Sends a request and collects the whole answer.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Failure> {
        let sending = self.sender.try_send_request(request);
        let answer = drive(&mut self.driver, &mut self.closed, sending).await;
        let (head, body) = match answer {
            Ok(answer) => answer.into_parts(),
            Err(mut error) => {
                return Err(match error.take_message() {
                    Some(request) => Failure::Unsent(Box::new(request)),
                    None => Failure::Broken(io::Error::other(error.into_error())),
                });
            }
        };
        let body = drive(&mut self.driver, &mut self.closed, collect(body)).await.map_err(Failure::Broken)?;
        Ok(Response::from_parts(head, body))
    }

    /// Whether another request can follow the one just answered.
    pub(super) async fn is_reusable(&mut self) -> bool {
        // hyper notices the end of an exchange at its next poll.
        poll_fn(|cx| {
            poll_driver(&mut self.driver, &mut self.closed, cx);
            Poll::Ready(())
        })
        .await;
        !self.closed && self.sender.is_ready()
    }
}

/// Looks a name up and tries its addresses in turn.
fn connect(address: &(String, u16)) -> io::Result<TcpStream> {
    let addresses = threadle::blocking(|| address.to_socket_addrs())?;
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = Some(io::Error::new(error.kind(), format!("{address}: {error}"))),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

/// Completes `future`, which waits for the connection, by driving both.
async fn drive<F: Future>(
    driver: &mut Pin<Box<http1::Connection<Wire, Full<Bytes>>>>,
    closed: &mut bool,
    future: F,
) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        poll_driver(driver, closed, cx);
        // The driver may just have brought what the future waits for.
        future.as_mut().poll(cx)
    })
    .await
}

fn poll_driver(driver: &mut Pin<Box<http1::Connection<Wire, Full<Bytes>>>>, closed: &mut bool, cx: &mut Context<'_>) {
    // An error of the connection reaches the future that waits for it.
    if !*closed && driver.as_mut().poll(cx).is_ready() {
        *closed = true;
    }
}

async fn collect(mut body: Incoming) -> io::Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else {
            continue; // trailers
        };
        if whole.len() + data.len() > LARGEST_ANSWER {
            return Err(io::Error::other("the answer is too large"));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// From the absolute form that OpenDAL builds to what HTTP/1.1 sends to a server.
pub(super) fn in_origin_form(mut request: Request<Full<Bytes>>) -> io::Result<Request<Full<Bytes>>> {
    let uri = request.uri();
    if !request.headers().contains_key(HOST) {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        // S3 signs the host without a default port.
        let default_port = match uri.scheme_str() {
            Some("https") => ":443",
            _ => ":80",
        };
        let host = authority.strip_suffix(default_port).unwrap_or(authority);
        let host = HeaderValue::from_str(host).map_err(io::Error::other)?;
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    Ok(request)
}
