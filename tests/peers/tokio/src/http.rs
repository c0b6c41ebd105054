use std::convert::Infallible;
use std::io;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use peer_measure::Server;
use tokio::net::{TcpListener, TcpStream};

pub async fn run(_: peer_measure::Request) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Server::serves(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream));
    }
}

async fn connection(stream: TcpStream) {
    // With a timer hyper cuts off who takes too long over the head of a request, as each server that is open to the world must.
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new());
    // That a client breaks off is its affair: wrk does so at its end.
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(hello)).await;
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from("hello, world\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
