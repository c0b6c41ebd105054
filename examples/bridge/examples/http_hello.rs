//! hyper's server, one goroutine a connection: HTTP/1 and HTTP/2 on one port, handlers in the blocking style.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example http_hello
//! HTTP/1.1 200 OK: hello, one
//! HTTP/2.0 200 OK: hello, two
//! ```
//!
//! With `serve ADDRESS` it serves until it is killed:
//!
//! ```text
//! $ cargo run --release -p threadle-bridge --example http_hello serve 127.0.0.1:8080
//! $ curl http://127.0.0.1:8080/world
//! $ curl --http2-prior-knowledge http://127.0.0.1:8080/world
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, client};
use hyper_util::server::conn::auto;
use threadle::net::{TcpListener, TcpStream};
use threadle::rt::{Executor, Timer};
use threadle::{block_on, go};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a client may take over the head of a request: who is slower is cut off.
const PATIENCE: Duration = Duration::from_secs(2);

/// On a goroutine of its own: it may wait for whatever it likes.
fn hello(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let whom = request.uri().path().trim_start_matches('/');
    let mut response = Response::new(Full::from(format!("hello, {whom}\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        // Out of descriptors, say: the next one may find some.
        let Ok(stream) = stream else { continue };
        go(move || connection(stream));
    }
}

fn connection(stream: TcpStream) -> Fallible<()> {
    stream.set_nodelay(true)?;
    let mut server = auto::Builder::new(Executor);
    server.http1().timer(Timer).header_read_timeout(PATIENCE).max_headers(64);
    server.http2().timer(Timer).keep_alive_interval(Some(PATIENCE)).max_header_list_size(16 << 10);
    // What `hello` returns without waiting needs no goroutine; where it waits: `|request| go(move || hello(&request))`.
    let service = service_fn(|request| async move { Ok::<_, hyper::Error>(hello(&request)) });
    block_on(server.serve_connection(stream, service))
}

fn main() -> Fallible<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    threadle::run(|| match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            go(move || serve(&listener));
            block_on(ask_http1(address))?;
            block_on(ask_http2(address))
        }
        ["serve", address] => {
            let listener = TcpListener::bind(address)?;
            println!("listening on {}", listener.local_addr()?);
            serve(&listener);
            Ok(())
        }
        _ => Err("usage: http_hello [serve ADDRESS]".into()),
    })
}

async fn ask_http1(address: SocketAddr) -> Fallible<()> {
    let (mut sender, connection) = client::conn::http1::handshake(TcpStream::connect(address)?).await?;
    let connection = go(move || block_on(connection));
    let request = Request::get("/one").header("host", "localhost").body(Empty::<Bytes>::new())?;
    print(sender.send_request(request).await?).await?;
    drop(sender);
    connection.await??;
    Ok(())
}

async fn ask_http2(address: SocketAddr) -> Fallible<()> {
    let (mut sender, connection) = client::conn::http2::handshake(Executor, TcpStream::connect(address)?).await?;
    let connection = go(move || block_on(connection));
    let request = Request::get("http://localhost/two").body(Empty::<Bytes>::new())?;
    print(sender.send_request(request).await?).await?;
    drop(sender);
    connection.await??;
    Ok(())
}

async fn print(response: Response<Incoming>) -> Fallible<()> {
    let (version, status) = (response.version(), response.status());
    let text = response.into_body().collect().await?.to_bytes();
    println!("{version:?} {status}: {}", String::from_utf8_lossy(&text).trim_end());
    Ok(())
}
