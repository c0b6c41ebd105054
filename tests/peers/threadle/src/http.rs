use std::convert::Infallible;
use std::io;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use peer_measure::Server;
use threadle::net::{TcpListener, TcpStream};
use threadle::rt::Timer;
use threadle::{block_on, go};

pub(crate) fn run(_: &peer_measure::Request) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Server::serves(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        go(move || connection(stream));
    }
}

fn connection(stream: TcpStream) {
    // With a timer hyper cuts off who takes too long over the head of a request, as each server that is open to the world must.
    let mut server = http1::Builder::new();
    server.timer(Timer);
    // That a client breaks off is its affair: wrk does so at its end.
    let _ = block_on(server.serve_connection(stream, service_fn(hello)));
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::from("hello, world\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
