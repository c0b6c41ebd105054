//! TLS over our streams: both directions at once, ends and cuts, refusals, deadlines, and bytes that somebody changed on their way.
#![cfg(feature = "tls")]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{Random, in_runtimes};
use threadle::net::{TcpListener, TcpStream};
use threadle::tls::rustls::{AlertDescription, ClientConfig, Error, ServerConfig};
use threadle::tls::{self, TlsStream};
use threadle::{go, time};

/// What the two ends need to trust each other.
#[derive(Clone)]
struct Trust {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Trust {
    fn new() -> Trust {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Trust {
            server: Arc::new(tls::server_config(certificate.as_bytes(), key.as_bytes()).unwrap()),
            client: Arc::new(tls::client_config_trusting(certificate.as_bytes()).unwrap()),
        }
    }

    /// The client's end and the server's.
    fn pair(&self) -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
        let (near, far) = sockets();
        let server = Arc::clone(&self.server);
        let far = go(move || TlsStream::server(&server, far).unwrap());
        (TlsStream::client(&self.client, "localhost", near).unwrap(), far.join().unwrap())
    }
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let far = listener.accept().unwrap().0;
    // Small, so that they are soon full.
    for end in [&near, &far] {
        socket2::SockRef::from(end).set_send_buffer_size(20_000).unwrap();
        socket2::SockRef::from(end).set_recv_buffer_size(20_000).unwrap();
    }
    (near, far)
}

/// Bytes that differ wherever one of them is lost or doubled.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).flat_map(|number| number.to_le_bytes()).take(length).collect()
}

fn refusal(error: &io::Error) -> &Error {
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    error.get_ref().and_then(|inner| inner.downcast_ref()).expect("rustls says why")
}

#[test]
fn a_long_text_goes_both_ways() {
    let trust = Trust::new();
    in_runtimes("both ways", |_| {
        let (mut client, mut server) = trust.pair();
        let text = pattern(300_000);
        let echo = go(move || {
            let mut text = vec![0; 300_000];
            server.read_exact(&mut text).unwrap();
            server.write_all(&text).unwrap();
            server.close().unwrap();
        });
        client.write_all(&text).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer == text);
        echo.join().unwrap();
    });
}

/// More than all buffers hold: whoever reads and writes by turns would wait for ever, and so would two that share one lock.
#[test]
fn halves_read_and_write_at_once() {
    const LENGTH: usize = 1_000_000;
    let trust = Trust::new();
    in_runtimes("halves", |_| {
        let (client, server) = trust.pair();
        let ends = [client, server].map(|end| {
            let (mut read, mut write) = end.split();
            let writer = go(move || {
                write.write_all(&pattern(LENGTH)).unwrap();
                write.close().unwrap();
            });
            let reader = go(move || {
                let mut all = Vec::new();
                read.read_to_end(&mut all).unwrap();
                assert!(all == pattern(LENGTH));
            });
            [writer, reader]
        });
        ends.into_iter().flatten().for_each(|half| half.join().unwrap());
    });
}

#[test]
fn an_end_is_told_from_a_cut() {
    let trust = Trust::new();
    in_runtimes("end and cut", |_| {
        for (orderly, split) in [(true, false), (true, true), (false, false), (false, true)] {
            let (mut client, mut server) = trust.pair();
            server.write_all(b"half of it").unwrap();
            if orderly {
                server.close().unwrap();
            }
            drop(server);
            let mut text = String::new();
            let end = if split { client.split().0.read_to_string(&mut text) } else { client.read_to_string(&mut text) };
            match end {
                Ok(_) => assert!(orderly, "a cut was taken for the end"),
                Err(error) => {
                    assert!(!orderly, "{error}");
                    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
                }
            }
            if orderly {
                assert_eq!(text, "half of it");
            }
        }
    });
}

#[test]
fn after_its_end_the_other_direction_goes_on() {
    let trust = Trust::new();
    in_runtimes("half-closed", |_| {
        let (mut client, mut server) = trust.pair();
        client.write_all(b"question").unwrap();
        client.close().unwrap();
        client.close().unwrap();
        assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut question = String::new();
        server.read_to_string(&mut question).unwrap();
        server.write_all(question.to_uppercase().as_bytes()).unwrap();
        server.close().unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "QUESTION");
    });
}

#[test]
fn a_stranger_is_refused_and_told_why() {
    let (trust, stranger) = (Trust::new(), Trust::new());
    in_runtimes("stranger", |_| {
        let (near, far) = sockets();
        let server = Arc::clone(&stranger.server);
        let told = go(move || TlsStream::server(&server, far).unwrap_err());
        let error = TlsStream::client(&trust.client, "localhost", near).unwrap_err();
        assert!(matches!(refusal(&error), Error::InvalidCertificate(_)), "{error}");
        let told = told.join().unwrap();
        assert!(matches!(refusal(&told), Error::AlertReceived(_)), "{told}");
    });
}

/// What does not begin as TLS does is answered by an alert, in TLS' own framing: 21 is an alert, 2 that it is fatal.
#[test]
fn what_is_not_tls_is_answered_by_an_alert() {
    let trust = Trust::new();
    in_runtimes("not TLS", |_| {
        for greeting in [
            &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
            b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
            b"\x16\x03\x01\xff\xff",
        ] {
            let (mut near, far) = sockets();
            near.write_all(greeting).unwrap();
            near.shutdown(Shutdown::Write).unwrap();
            let error = TlsStream::server(&trust.server, far).unwrap_err();
            refusal(&error);
            let mut answer = Vec::new();
            // Where it left bytes unread the system resets the connection, behind the alert.
            let _end = near.read_to_end(&mut answer);
            assert_eq!(answer[..1], [21], "{greeting:?}: {answer:?}");
            assert_eq!(answer[5..], [2, u8::from(AlertDescription::DecodeError)], "{greeting:?}: {error}");
        }
    });
}

#[test]
fn a_handshake_that_is_cut_or_never_comes_ends() {
    let trust = Trust::new();
    in_runtimes("handshakes that end", |_| {
        let (near, far) = sockets();
        (&near).write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        let error = TlsStream::server(&trust.server, far).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);

        // Somebody who says nothing, beside one who does.
        let (_silent, far) = sockets();
        far.set_deadline(Some(Instant::now() + Duration::from_millis(50)));
        let server = Arc::clone(&trust.server);
        let silent = go(move || TlsStream::server(&server, far).unwrap_err());
        let (mut client, mut server) = trust.pair();
        client.write_all(b"!").unwrap();
        server.read_exact(&mut [0]).unwrap();
        assert_eq!(silent.join().unwrap().kind(), ErrorKind::TimedOut);
    });
}

/// A write that met its deadline has lost nothing and doubled nothing: what it took arrives once, before what follows.
#[test]
fn a_deadline_does_not_tear_the_stream() {
    let trust = Trust::new();
    in_runtimes("deadline", |_| {
        for split in [false, true] {
            let (client, mut server) = trust.pair();
            let socket = client.get_ref().clone();
            let mut client: Box<dyn Write + Send> = if split { Box::new(client.split().1) } else { Box::new(client) };
            let text = pattern(5_000_000);
            let mut taken = 0;
            socket.set_write_deadline(Some(Instant::now() + Duration::from_millis(30)));
            let error = loop {
                match client.write(&text[taken..]) {
                    Ok(count) => taken += count,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(taken < text.len(), "nobody has read");
            socket.set_write_deadline(None);
            let reader = go(move || {
                let mut all = Vec::new();
                let end = server.read_to_end(&mut all).unwrap_err();
                assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
                all
            });
            let more = taken + 100_000;
            client.write_all(&text[taken..more]).unwrap();
            client.flush().unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
            assert!(reader.join().unwrap() == text[..more]);
        }
    });
}

/// The mischief that is none.
const NONE: u64 = 4;

/// Carries one direction, and does one piece of mischief to it.
fn carry(mut from: TcpStream, mut to: TcpStream, mut random: Random, mischief: u64) {
    let at = random.below(6_000) as usize;
    let (mut passed, mut buffer) = (0, [0; 1024]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut bytes = buffer[..count].to_vec();
        if (passed..passed + count).contains(&at) {
            let place = at - passed;
            match mischief {
                0 => bytes[place] ^= 1 << random.below(8),
                1 => bytes.truncate(place),
                2 => bytes.insert(place, random.next() as u8),
                3 => bytes.extend_from_within(place..),
                _ => {}
            }
            if mischief == 1 {
                let _gone = to.write_all(&bytes);
                break;
            }
        }
        passed += count;
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    if mischief == NONE {
        // The other direction goes on.
        let _gone = to.shutdown(Shutdown::Write);
    } else {
        let _gone = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    }
}

/// Whatever is done to the bytes on their way, each end reads a beginning of what the other wrote, and then an end or an error, if only that of
/// its deadline; none panics, and a connection beside it works all the while. Where nothing is done, all arrives.
#[test]
fn what_is_read_was_written_whoever_is_in_between() {
    const LENGTH: usize = 5_000;
    let trust = Trust::new();
    in_runtimes("in between", |_| {
        let over = Arc::new(AtomicBool::new(false));
        let beside = {
            let (over, (mut client, mut server)) = (Arc::clone(&over), trust.pair());
            go(move || {
                while !over.load(Ordering::Relaxed) {
                    client.write_all(b"well").unwrap();
                    let mut word = [0; 4];
                    server.read_exact(&mut word).unwrap();
                    assert_eq!(&word, b"well");
                    time::sleep(Duration::from_millis(1));
                }
            })
        };
        let mut random = Random::new("in between");
        let mut whole = 0;
        for round in 0..60 {
            let ((client, left), (right, server)) = (sockets(), sockets());
            let up = random.below(2) == 0;
            let mischief = [random.below(5), NONE];
            let unharmed = mischief[0] == NONE;
            // A record whose length was made greater on its way is waited for, by both where it is of the handshake: that is what deadlines are for.
            for end in [&client, &server].into_iter().filter(|_| !unharmed) {
                end.set_read_deadline(Some(Instant::now() + Duration::from_secs(10)));
            }
            let [onward, back] = if up { mischief } else { [mischief[1], mischief[0]] };
            let (first, second) = (random.fork(), random.fork());
            let carriers = [
                go({
                    let (from, to) = (left.clone(), right.clone());
                    move || carry(from, to, first, onward)
                }),
                go(move || carry(right, left, second, back)),
            ];
            let config = Arc::clone(&trust.server);
            let split = random.below(2) == 0;
            let ends = [go(move || TlsStream::server(&config, server).map(|stream| speak(stream, split))), {
                let config = Arc::clone(&trust.client);
                go(move || TlsStream::client(&config, "localhost", client).map(|stream| speak(stream, split)))
            }];
            for end in ends {
                match end.join().unwrap() {
                    Ok((read, ended)) => {
                        assert!(pattern(LENGTH).starts_with(&read), "round {round}: others' bytes");
                        assert!(!ended || read.len() == LENGTH, "round {round}: a cut was taken for the end");
                        assert!(ended || !unharmed, "round {round}: {} bytes of an unharmed stream", read.len());
                        whole += u32::from(ended);
                    }
                    Err(error) => assert!(!unharmed, "round {round}: an unharmed handshake: {error}"),
                }
            }
            carriers.into_iter().for_each(|carrier| carrier.join().unwrap());
        }
        over.store(true, Ordering::Relaxed);
        beside.join().unwrap();
        assert!(whole > 0, "not one of them was left alone");

        /// Writes, and reads what comes; whether its end came too.
        fn speak(stream: TlsStream<TcpStream>, split: bool) -> (Vec<u8>, bool) {
            fn ended(read: io::Result<usize>) -> bool {
                read.is_ok()
            }
            let mut all = Vec::new();
            if split {
                let (mut read, mut write) = stream.split();
                let writer = go(move || write.write_all(&pattern(LENGTH)).and_then(|()| write.close()));
                let ended = ended(read.read_to_end(&mut all));
                // It failed where the reader did.
                let _may_have_failed = writer.join().unwrap();
                (all, ended)
            } else {
                let mut stream = stream;
                let _may_have_failed = stream.write_all(&pattern(LENGTH)).and_then(|()| stream.close());
                let ended = ended(stream.read_to_end(&mut all));
                (all, ended)
            }
        }
    });
}
