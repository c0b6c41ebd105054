//! hyper's server and client on our streams, timers and goroutines.
#![cfg(feature = "hyper")]

mod support;

use std::convert::Infallible;
use std::io::{Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Executor as _, Timer as _};
use hyper::service::service_fn;
use hyper::{Request, Response};
use support::in_runtimes;
use threadle::net::{TcpListener, TcpStream};
use threadle::rt::{Executor, Timer};
use threadle::{block_on, go};

const LIMIT: Duration = Duration::from_secs(60);

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::builder().header("path", path).body(Full::new(body)).unwrap())
}

/// Serves on a free port, one goroutine a connection, for as long as the runtime lives.
fn serve(header_read_timeout: Duration) -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = listener.clone();
    go(move || {
        while let Ok((stream, _peer)) = acceptor.accept() {
            go(move || {
                block_on(
                    hyper::server::conn::http1::Builder::new()
                        .timer(Timer)
                        .header_read_timeout(header_read_timeout)
                        .serve_connection(stream, service_fn(echo)),
                )
            });
        }
    });
    (listener, address)
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    in_runtimes("keep-alive", |_| {
        let (listener, address) = serve(LIMIT);
        let stream = TcpStream::connect(address).unwrap();
        block_on(async {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
            Executor.execute(connection);
            for length in [0, 1, 100, 70_000, 3_000_000] {
                let body = Bytes::from(vec![b'x'; length]);
                let request = Request::post(format!("/{length}")).body(Full::new(body.clone())).unwrap();
                sender.ready().await.unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.headers()["path"], format!("/{length}"));
                assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
            }
        });
        listener.close().unwrap();
    });
}

#[test]
fn many_connections_at_once() {
    in_runtimes("many connections", |_| {
        let (listener, address) = serve(LIMIT);
        let clients: Vec<_> = (0..32)
            .map(|client| {
                go(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    for round in 0..20 {
                        let body = format!("{client}-{round}");
                        let length = body.len();
                        write!(stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
                        let mut answer = String::new();
                        while !answer.ends_with(&format!("\r\n\r\n{body}")) {
                            let mut buffer = [0; 1024];
                            let count = stream.read(&mut buffer).unwrap();
                            assert_ne!(count, 0, "{answer}");
                            answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
                        }
                        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        listener.close().unwrap();
    });
}

#[test]
fn a_header_that_never_ends_is_cut_by_the_timer() {
    in_runtimes("slow header", |_| {
        let (listener, address) = serve(Duration::from_millis(30));
        let mut stream = TcpStream::connect(address).unwrap();
        // It ends; in order, unless this one came so late with its header that it was cut without.
        let _late = stream.write_all(b"POST / HTTP/1.1\r\nhost");
        let _end = stream.read_to_end(&mut Vec::new());
        listener.close().unwrap();
    });
}

#[test]
fn a_blocking_handler_on_a_goroutine_is_awaited_by_its_handle() {
    in_runtimes("blocking handler", |_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = go(move || {
            let (stream, _peer) = listener.accept().unwrap();
            let service = service_fn(|_request: Request<Incoming>| async {
                let handler = go(|| {
                    threadle::time::sleep(Duration::from_millis(2));
                    "handled"
                });
                let text = handler.await.unwrap();
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
            });
            block_on(hyper::server::conn::http1::Builder::new().serve_connection(stream, service)).unwrap();
        });
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("handled"), "{answer}");
        server.join().unwrap();
    });
}

#[test]
fn sleeps_end_on_time_also_when_moved() {
    in_runtimes("sleeps", |_| {
        let length = Duration::from_millis(10);
        let start = Instant::now();
        block_on(Timer.sleep(length));
        assert!(start.elapsed() >= length);

        // Moved on while the timer is armed for the earlier instant: it rings early, and sleeps on.
        let (start, mut sleep) = loop {
            let start = Instant::now();
            let mut sleep = Timer.sleep_until(start + length);
            // It is over at once where the machine stood still for so long.
            if poll_once(&mut sleep).is_pending() {
                break (start, sleep);
            }
        };
        Timer.reset(&mut sleep, start + 3 * length);
        block_on(sleep);
        assert!(start.elapsed() >= 3 * length);

        // Moved forward: the later timer is replaced.
        let mut sleep = Timer.sleep(LIMIT);
        assert!(poll_once(&mut sleep).is_pending());
        Timer.reset(&mut sleep, Instant::now() + length);
        block_on(sleep);

        assert!(poll_once(&mut Timer.sleep(Duration::MAX)).is_pending());
        assert!(poll_once(&mut Timer.sleep(Duration::ZERO)).is_ready());
    });
}

fn poll_once(sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>) -> Poll<()> {
    sleep.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()))
}

/// HTTP/2, whose connections need the executor: many requests at once on one connection, each a goroutine's to answer.
#[test]
fn http2_goes_through_the_executor() {
    in_runtimes("h2", |_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let far = listener.accept().unwrap().0;
        let server = go(move || {
            block_on(
                hyper::server::conn::http2::Builder::new(Executor).timer(Timer).serve_connection(far, service_fn(echo)),
            )
        });
        concurrently(near);
        ended_with_its_client(server.join().unwrap());
    });
}

/// The client closes its socket when it has said goodbye; what the server says after that, or tries to, finds nobody.
fn ended_with_its_client(served: hyper::Result<()>) {
    if let Err(error) = served {
        let text = format!("{error:?}");
        assert!(["BrokenPipe", "ConnectionReset", "NotConnected"].iter().any(|gone| text.contains(gone)), "{text}");
    }
}

/// A client that has 50 requests on the way at once, of sizes beyond a window's.
fn concurrently(stream: impl hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static) {
    let (sender, connection) =
        block_on(hyper::client::conn::http2::Builder::new(Executor).timer(Timer).handshake(stream)).unwrap();
    let connection = go(move || block_on(connection));
    let requests: Vec<_> = (0..50)
        .map(|number: usize| {
            let mut sender = sender.clone();
            go(move || {
                let body = Bytes::from(vec![number as u8; number * 4_000]);
                let request =
                    Request::post(format!("http://localhost/{number}")).body(Full::new(body.clone())).unwrap();
                let response = block_on(sender.send_request(request)).unwrap();
                assert_eq!(response.version(), hyper::Version::HTTP_2);
                assert_eq!(response.headers()["path"], format!("/{number}"));
                assert!(block_on(response.into_body().collect()).unwrap().to_bytes() == body);
            })
        })
        .collect();
    requests.into_iter().for_each(|request| request.join().unwrap());
    drop(sender);
    connection.join().unwrap().unwrap();
}

/// The handshake in the blocking style, then hyper over it: h2, since both ends offer it.
#[cfg(feature = "tls")]
#[test]
fn http2_over_tls() {
    use std::sync::Arc;
    use threadle::tls::{self, TlsStream};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let mut server = tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap();
    let mut client = tls::client_config_trusting(certificate.as_bytes()).unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    client.alpn_protocols = vec![b"h2".to_vec()];
    let (server, client) = (Arc::new(server), Arc::new(client));
    in_runtimes("h2 over TLS", |_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let far = listener.accept().unwrap().0;
        let server = Arc::clone(&server);
        let server = go(move || {
            let far = TlsStream::server(&server, far).unwrap();
            assert_eq!(far.alpn_protocol(), Some(&b"h2"[..]));
            assert_eq!(far.server_name(), Some("localhost"));
            block_on(hyper::server::conn::http2::Builder::new(Executor).serve_connection(far, service_fn(echo)))
        });
        concurrently(TlsStream::client(&client, "localhost", near).unwrap());
        ended_with_its_client(server.join().unwrap());
    });
}
