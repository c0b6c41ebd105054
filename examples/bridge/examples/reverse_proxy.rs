//! A reverse proxy: hyper's server and client, bodies passing through piece by piece, both ways at once.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example reverse_proxy
//! 200 OK: 5 pieces, each came back before the next one was sent
//! 502 Bad Gateway: the server behind does not answer
//! ```
//!
//! With two addresses it serves at the first what it finds at the second:
//!
//! ```text
//! $ cargo run --release -p threadle-bridge --example reverse_proxy 127.0.0.1:8080 127.0.0.1:80
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::SinkExt;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version, client};
use hyper_util::server::conn::auto;
use threadle::net::{TcpListener, TcpStream};
use threadle::rt::{Executor, Timer};
use threadle::{block_on, go};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Answer = Response<Either<Incoming, Full<Bytes>>>;

const PATIENCE: Duration = Duration::from_secs(5);

fn serve(listener: &TcpListener, behind: SocketAddr) {
    for stream in listener.incoming().flatten() {
        go(move || -> Fallible<()> {
            stream.set_nodelay(true)?;
            let mut server = auto::Builder::new(Executor);
            server.http1().timer(Timer).header_read_timeout(PATIENCE);
            // It connects, and waits for that: so on a goroutine of its own, whose handle is the future.
            let service =
                service_fn(|request| go(move || forward(request, behind).unwrap_or_else(|why| refuse(&*why))));
            block_on(server.serve_connection(stream, service))
        });
    }
}

/// Returns with the head of the answer; the bodies go on by themselves, for as long as both ends want them.
fn forward(mut request: Request<Incoming>, behind: SocketAddr) -> Fallible<Answer> {
    let stream = TcpStream::connect_timeout(&behind, PATIENCE)?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = block_on(client::conn::http1::handshake(stream))?;
    go(move || block_on(connection));

    // The address in the form and the version that this connection has.
    let host = request.uri().host().and_then(|host| host.parse().ok());
    *request.uri_mut() = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
    *request.version_mut() = Version::HTTP_11;
    only_end_to_end(request.headers_mut());
    if let (None, Some(host)) = (request.headers().get(header::HOST), host) {
        request.headers_mut().insert(header::HOST, host);
    }
    let mut answer = block_on(sender.send_request(request))?;
    only_end_to_end(answer.headers_mut());
    Ok(answer.map(Either::Left))
}

/// Takes out what is said to the next hop alone (RFC 9110, 7.6.1), and what a `Connection` line names.
fn only_end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in named.iter().chain(&always) {
        headers.remove(name);
    }
}

fn refuse(why: &dyn Error) -> Answer {
    eprintln!("reverse_proxy: {why}");
    let mut answer = Response::new(Either::Right(Full::from("the server behind does not answer\n")));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}

fn main() -> Fallible<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    threadle::run(|| match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => demonstrate(),
        [address, behind] => {
            let listener = TcpListener::bind(address)?;
            println!("listening on {}", listener.local_addr()?);
            serve(&listener, behind.parse()?);
            Ok(())
        }
        _ => Err("usage: reverse_proxy [ADDRESS BEHIND]".into()),
    })
}

fn demonstrate() -> Fallible<()> {
    let echo = TcpListener::bind("127.0.0.1:0")?;
    let behind = echo.local_addr()?;
    go(move || {
        for stream in echo.incoming().flatten() {
            let service = service_fn(|request: Request<Incoming>| async {
                Ok::<_, Infallible>(Response::new(request.into_body()))
            });
            go(move || block_on(hyper::server::conn::http1::Builder::new().serve_connection(stream, service)));
        }
    });
    converse(behind)?;

    // Somebody else's port, where nobody listens any more.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let (status, mut body, _sink) = post(proxy(nobody)?)?;
    let text = block_on(body.frame()).ok_or("a text was to say why")??.into_data().unwrap_or_default();
    println!("{status}: {}", String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

/// Sends a piece when the one before has come back: a proxy that kept bodies until they are whole would wait for ever.
fn converse(behind: SocketAddr) -> Fallible<()> {
    const PIECES: u8 = 5;
    let (status, mut body, mut sink) = post(proxy(behind)?)?;
    for number in 0..PIECES {
        let piece = Bytes::from(vec![number; 1000]);
        block_on(sink.send(Ok(Frame::data(piece.clone()))))?;
        let mut returned = Vec::new();
        while returned.len() < piece.len() {
            let frame = block_on(body.frame()).ok_or("the body ended early")??;
            returned.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        assert_eq!(returned, piece);
    }
    println!("{status}: {PIECES} pieces, each came back before the next one was sent");
    Ok(())
}

fn proxy(behind: SocketAddr) -> Fallible<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    go(move || serve(&listener, behind));
    Ok(address)
}

type Sink = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

/// Begins a POST: what was answered, the body that comes, and the one that is still to be sent.
fn post(address: SocketAddr) -> Fallible<(StatusCode, Incoming, Sink)> {
    let (mut sender, connection) = block_on(client::conn::http1::handshake(TcpStream::connect(address)?))?;
    go(move || block_on(connection));
    let (sink, pieces) = mpsc::channel(0);
    let request = Request::post("/").header("host", "localhost").body(StreamBody::new(pieces))?;
    let response = block_on(sender.send_request(request))?;
    Ok((response.status(), response.into_body(), sink))
}
