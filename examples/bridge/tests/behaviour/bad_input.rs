//! Clients that send what they should not, or nothing: each connection ends with the right status or alert, and a good client, all the while,
//! notices nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::support::{Folder, PATIENCE, Random, Server};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Says it, and hears what comes until the end, which is the server's to make.
fn answer_to(server: &Server, said: &[u8]) -> Vec<u8> {
    let mut stream = server.connect();
    // Where the server has refused already, nobody takes the rest.
    let _refused = stream.write_all(said);
    until_the_end(&mut stream)
}

/// Says it, and that nothing follows.
fn answer_to_all(server: &Server, said: &[u8]) -> Vec<u8> {
    let mut stream = server.connect();
    let _refused = stream.write_all(said).and_then(|()| stream.shutdown(Shutdown::Write));
    until_the_end(&mut stream)
}

/// Reads on until what was heard ends so.
fn until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&heard)));
        heard.extend(byte);
    }
    heard
}

fn until_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return heard,
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return heard,
            Err(error) => panic!("it neither answers nor ends: {error}; {:?}", String::from_utf8_lossy(&heard)),
        }
    }
}

fn get(server: &Server) -> String {
    let request = b"GET /good HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    String::from_utf8(answer_to(server, request)).expect("it is text")
}

/// A good client, on a thread, beside what `bad` does to the server.
fn beside_a_good_client(server: &mut Server, bad: impl FnOnce(&Server)) {
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let server = &*server;
        let good = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let answer = get(server);
                assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello, good\n"), "{answer:?}");
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        // It panics beside `bad` rather than after it.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bad(server)));
        over.store(true, Ordering::Relaxed);
        good.join().expect("the good client was always served");
        if let Err(why) = outcome {
            std::panic::resume_unwind(why);
        }
    });
    assert_ne!(served.load(Ordering::Relaxed), 0);
    assert!(server.is_alive());
}

fn hello() -> Server {
    Server::example("http_hello", &["serve", "127.0.0.1:0"])
}

#[test]
fn malformed_requests_have_their_status() {
    let many_headers = "x: y\r\n".repeat(100);
    let long_path = "a".repeat(100_000);
    let long_header = "a".repeat(1_000_000);
    let requests: &[(&str, u16)] = &[
        ("\0\0\0\0\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: x\r\nname : y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 400),
        ("GET / HTTP/7.0\r\nhost: x\r\n\r\n", 400),
        (&format!("GET / HTTP/1.1\r\nhost: x\r\n{many_headers}\r\n"), 431),
        (&format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {long_header}\r\n\r\n"), 431),
        (&format!("GET /{long_path} HTTP/1.1\r\nhost: x\r\n\r\n"), 414),
    ];
    beside_a_good_client(&mut hello(), |server| {
        for (request, status) in requests {
            let answer = answer_to(server, request.as_bytes());
            let answer = String::from_utf8_lossy(&answer);
            let begin: String = request.chars().take(60).collect();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{begin:?} was answered {answer:?}");
        }
    });
}

/// A byte now and then, from many at once: each is cut when its time is over.
#[test]
fn the_slow_are_cut_off() {
    beside_a_good_client(&mut hello(), |server| {
        let begun = Instant::now();
        let mut slow: Vec<_> = (0..100).map(|_| server.connect()).collect();
        let mut request = b"GET / HTTP/1.1\r\nhost: x\r\n".iter().cycle();
        while !slow.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{} are still connected", slow.len());
            let byte = [*request.next().unwrap_or(&b'x')];
            // Written to until that fails: the server has gone.
            slow.retain_mut(|stream| stream.write_all(&byte).is_ok());
            crate::support::pause();
        }
    });
}

/// One frame of h2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The frames of an answer: kind and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        frames.push((*kind, payload.to_vec()));
        bytes = rest;
    }
    frames
}

const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

#[test]
fn broken_h2_is_sent_away_with_its_reason() {
    let (protocol_error, size_error) = (1, 6);
    let cases: &[(&str, Vec<u8>, u32)] = &[
        ("data on no stream", frame(0, 0, 0, b"data"), protocol_error),
        ("an even stream", frame(1, 5, 2, &[0x82]), protocol_error),
        ("a frame beyond the limit", frame(0, 0, 1, &[0; 20_000]), size_error),
        ("a header that cannot be decoded", frame(1, 5, 1, &[0xff; 20]), protocol_error),
        ("settings of five bytes", frame(SETTINGS, 0, 0, &[0; 5]), protocol_error),
    ];
    beside_a_good_client(&mut hello(), |server| {
        for (what, bytes, reason) in cases {
            let said = [PREFACE, &frame(SETTINGS, 0, 0, &[]), bytes].concat();
            let heard = frames(&answer_to(server, &said));
            let reasons: Vec<_> =
                heard.iter().filter(|(kind, _)| *kind == GO_AWAY).map(|(_, why)| &why[4..8]).collect();
            assert_eq!(reasons, [reason.to_be_bytes()], "{what}: {heard:?}");
        }
    });
}

fn https(folder: &Folder) -> Server {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is made");
    let certificate = folder.write("certificate.pem", &made.cert.pem());
    let key = folder.write("key.pem", &made.signing_key.serialize_pem());
    Server::example("https_get", &["serve", "127.0.0.1:0", &certificate, &key])
}

/// Cut within a record, within a handshake, or silent: it ends. What is no TLS has its alert. (Behind the handshake: `tests/tls.rs` of the runtime.)
#[test]
fn truncated_tls_ends() {
    use threadle::tls::{self, TlsStream};
    let folder = Folder::new("bad-tls");
    let server = https(&folder);
    let authority = std::fs::read(folder.file("certificate.pem")).expect("it was written");
    let config = Arc::new(tls::client_config_trusting(&authority).expect("it is a certificate"));
    let good = || {
        let mut stream = TlsStream::client(&config, "localhost", server.connect()).expect("it is well");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("it is well");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it ends in order");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    };
    good();
    let silent = server.connect();
    // A hello that says it is longer than it is; the beginning of a record; not TLS at all.
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_eq!(answer_to_all(&server, hello), b"");
    assert_eq!(answer_to_all(&server, b"\x16\x03"), b"");
    assert_eq!(answer_to(&server, b"GET / HTTP/1.1\r\n\r\n")[..1], [21]);
    good();
    // Cut in the middle of a request.
    let mut stream = TlsStream::client(&config, "localhost", server.connect()).expect("it is well");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: local").expect("it is well");
    stream.get_ref().shutdown(Shutdown::Both).expect("it is connected");
    drop(stream);
    good();
    assert_eq!(until_the_end(&mut { silent }), b"", "who says nothing is not answered");
    good();
}

#[test]
fn a_broken_websocket_ends_alone() {
    let mut server = Server::example("websocket_echo", &["serve", "127.0.0.1:0"]);
    let opening = b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let frames: &[(&str, &[u8])] = &[
        ("a frame that is not masked", b"\x81\x02hi"),
        ("a message of four gigabytes", b"\x82\xff\x00\x00\x00\x01\x00\x00\x00\x00abcd"),
        ("text that is none", b"\x81\x82\x00\x00\x00\x00\xff\xfe"),
        ("a ping in pieces", b"\x09\x80abcd"),
        ("an opcode that is none", b"\x83\x80abcd"),
    ];
    let open = || {
        let mut stream = server.connect();
        stream.write_all(opening).expect("it listens");
        let answer = until(&mut stream, b"\r\n\r\n");
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
        stream
    };
    let mut beside = open();
    for (what, bytes) in frames {
        let mut stream = open();
        stream.write_all(bytes).expect("it is open");
        // Nothing is echoed, and it is the server that ends it.
        let answer = until_the_end(&mut stream);
        assert!(answer.is_empty() || answer[0] == 0x88, "{what}: {answer:?}");
    }
    for no_opening in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"\x81\x82\x00\x00", b"GET / HTTP/1.1\r\n"] {
        let answer = answer_to_all(&server, no_opening);
        assert!(!answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    }
    // The one that was open all the while: a masked "hi", with a mask of zeros.
    beside.write_all(b"\x81\x82\x00\x00\x00\x00hi").expect("it is open");
    assert_eq!(until(&mut beside, b"hi"), b"\x81\x02hi");
    assert!(server.is_alive());
}

/// Requests of three protocols with pieces changed, doubled, or missing.
#[test]
fn mutated_requests_hurt_nobody() {
    const ROUNDS: usize = 400;
    let http1 = b"POST /a?b=c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let http2 = [
        PREFACE,
        &frame(SETTINGS, 0, 0, &[]),
        &frame(1, 4, 1, b"\x82\x86\x84\x41\x01x"),
        &frame(0, 1, 1, b"body"),
        &frame(6, 0, 0, b"pingpong"),
    ]
    .concat();
    let mut random = Random::new("mutated requests");
    for name in ["http_hello", "grpc_hello", "websocket_echo"] {
        let mut server = Server::example(name, &["serve", "127.0.0.1:0"]);
        for round in 0..ROUNDS {
            let mut request = if random.below(2) == 0 { http1.to_vec() } else { http2.clone() };
            for _ in 0..=random.below(4) {
                let (at, byte) = (random.below(request.len()), random.below(256) as u8);
                match random.below(4) {
                    0 => request[at] = byte,
                    1 => request.insert(at, byte),
                    2 => request.truncate(at + 1),
                    _ => request.extend_from_within(at..),
                }
            }
            // Whatever it answers; but it ends.
            answer_to_all(&server, &request);
            assert!(server.is_alive(), "{name}, round {round}: {request:?}");
        }
        match name {
            "http_hello" => assert!(get(&server).ends_with("hello, good\n")),
            "grpc_hello" => {
                assert_eq!(
                    frames(&answer_to_all(&server, &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()))[0].0,
                    SETTINGS
                )
            }
            _ => assert!(TcpStream::connect(server.address).is_ok()),
        }
    }
}
