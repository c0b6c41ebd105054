//! The calls of the bridge to async Rust and of TLS, by whether they switch.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hyper::rt::{Executor as _, ReadBuf, Timer as _};
use socket2::SockRef;
use threadle::net::TcpStream;
use threadle::net::unix::UnixStream;
use threadle::tls::rustls::{ClientConfig, ServerConfig};
use threadle::tls::{self, TlsStream};
use threadle::{go, rt};

use super::{Call, NonSwitching, alone};

/// What the two ends need to trust each other.
struct Trust {
    certificate: String,
    key: String,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is a name");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = tls::server_config(certificate.as_bytes(), key.as_bytes()).expect("they were made together");
    let client = tls::client_config_trusting(certificate.as_bytes()).expect("it is a certificate");
    Trust { certificate, key, server: Arc::new(server), client: Arc::new(client) }
});

/// A stream of std's until the handshake is over, so that this switches nobody; then one of ours.
enum Below {
    Plain(std::net::TcpStream),
    Ours(TcpStream),
}

impl Read for &Below {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Below::Plain(stream) => (&*stream).read(buffer),
            Below::Ours(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Below {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Below::Plain(stream) => (&*stream).write(bytes),
            Below::Ours(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Below {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Below {
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Below {
    fn becomes_ours(&mut self) {
        if let Below::Plain(stream) = self {
            let handle = stream.try_clone().expect("a descriptor is free");
            *self = Below::Ours(TcpStream::from_std(handle).expect("it is registered"));
        }
    }
}

/// More than the buffers of two sockets hold that [`shaken`] has made.
const TOO_MUCH: usize = 256 << 10;

/// The client's end and the server's. Does not switch: plain threads shake hands.
fn shaken() -> (TlsStream<Below>, TlsStream<Below>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let near = std::net::TcpStream::connect(listener.local_addr().expect("it has an address")).expect("it listens");
    let far = listener.accept().expect("somebody connects").0;
    for end in [&near, &far] {
        // Soon full.
        SockRef::from(end).set_send_buffer_size(20_000).expect("it is a TCP socket");
        SockRef::from(end).set_recv_buffer_size(20_000).expect("it is a TCP socket");
    }
    let server = thread::spawn(move || TlsStream::server(&TRUST.server, Below::Plain(far)));
    let client = thread::spawn(move || TlsStream::client(&TRUST.client, "localhost", Below::Plain(near)));
    [client, server]
        .map(|end| {
            let mut end = end.join().expect("it only shakes hands").expect("they trust each other");
            end.get_mut().becomes_ours();
            end
        })
        .into()
}

/// The same over our streams alone. Switches.
fn met() -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let (near, far) = super::outside::pair();
    let server = go(move || TlsStream::server(&TRUST.server, far));
    let client = TlsStream::client(&TRUST.client, "localhost", near).expect("they trust each other");
    (client, server.join().expect("it only shakes hands").expect("they trust each other"))
}

pub(super) const NON_SWITCHING: &[NonSwitching] = &[
    ("tls::server_config, client_config_trusting", 0, || {
        alone(|| {
            let (certificate, key) = (TRUST.certificate.as_bytes(), TRUST.key.as_bytes());
            drop(tls::server_config(certificate, key).expect("they were made together"));
            drop(tls::client_config_trusting(certificate).expect("it is a certificate"));
        })
    }),
    ("what was agreed on in a TlsStream, get_mut, split, drop", 0, || {
        let (mut near, far) = met();
        alone(move || {
            assert!(near.alpn_protocol().is_none() && near.protocol_version().is_some());
            assert!(near.peer_certificates().is_some() && near.server_name().is_none());
            near.get_mut().set_nodelay(true).expect("it is a TCP socket");
            let (reader, writer) = near.split();
            assert!(reader.get_ref().peer_addr().is_ok() && writer.get_ref().local_addr().is_ok());
            drop((reader, writer, far));
        })
    }),
    ("TlsStream::poll_read, poll_write, poll_write_vectored, poll_flush, poll_shutdown", 0, || {
        let (mut near, far) = met();
        alone(move || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(near.poll_read(&mut context, &mut [0]).is_pending());
            assert!(near.poll_write(&mut context, b"x").is_ready());
            assert!(near.poll_write_vectored(&mut context, &[IoSlice::new(b"x")]).is_ready());
            assert!(near.poll_flush(&mut context).is_ready());
            assert!(near.poll_shutdown(&mut context).is_ready());
            drop((near, far));
        })
    }),
    ("hyper's Read and Write", 0, || {
        let ((tcp, tcp_peer), (tls, tls_peer)) = (super::outside::pair(), met());
        let (unix, unix_peer) = UnixStream::pair().expect("descriptors are free");
        fn poll(mut stream: impl hyper::rt::Read + hyper::rt::Write + Unpin) {
            let (mut stream, mut context) = (Pin::new(&mut stream), Context::from_waker(Waker::noop()));
            let mut place = [0];
            assert!(stream.as_mut().poll_read(&mut context, ReadBuf::new(&mut place).unfilled()).is_pending());
            assert!(stream.as_mut().poll_write(&mut context, b"x").is_ready());
            assert!(stream.as_mut().poll_write_vectored(&mut context, &[IoSlice::new(b"x")]).is_ready());
            assert!(stream.as_mut().poll_flush(&mut context).is_ready());
            assert!(stream.as_mut().poll_shutdown(&mut context).is_ready());
        }
        alone(move || {
            poll(tcp);
            poll(unix);
            poll(tls);
            drop((tcp_peer, unix_peer, tls_peer));
        })
    }),
    ("futures-io's AsyncRead and AsyncWrite", 0, || {
        let ((tcp, tcp_peer), (tls, tls_peer)) = (super::outside::pair(), met());
        let (unix, unix_peer) = UnixStream::pair().expect("descriptors are free");
        fn poll(mut stream: impl futures_io::AsyncRead + futures_io::AsyncWrite + Unpin) {
            let (mut stream, mut context) = (Pin::new(&mut stream), Context::from_waker(Waker::noop()));
            assert!(stream.as_mut().poll_read(&mut context, &mut [0]).is_pending());
            assert!(stream.as_mut().poll_write(&mut context, b"x").is_ready());
            assert!(stream.as_mut().poll_flush(&mut context).is_ready());
            assert!(stream.as_mut().poll_close(&mut context).is_ready());
        }
        alone(move || {
            poll(tcp);
            poll(unix);
            poll(tls);
            drop((tcp_peer, unix_peer, tls_peer));
        })
    }),
    ("rt::Executor::execute", 1, || alone(|| rt::Executor.execute(async {}))),
    ("rt::Timer::sleep, sleep_until, reset, a poll and the drop of what they give", 0, || {
        alone(|| {
            let mut context = Context::from_waker(Waker::noop());
            let mut sleep = rt::Timer.sleep(Duration::from_secs(600));
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            rt::Timer.reset(&mut sleep, Instant::now() + Duration::from_secs(601));
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            drop(rt::Timer.sleep_until(Instant::now()));
        })
    }),
];

/// Calls that may switch, so made that most of them do.
pub(super) const SWITCHING: &[Call] = &[
    ("TlsStream::client", || drop(met())),
    ("TlsStream::server", || {
        let (near, far) = super::outside::pair();
        let client = go(move || TlsStream::client(&TRUST.client, "localhost", near));
        drop(TlsStream::server(&TRUST.server, far).expect("they trust each other"));
        drop(client.join().expect("it only shakes hands"));
    }),
    ("a read of a TlsStream", || {
        let (mut near, mut far) = shaken();
        let sender = go(move || far.write_all(b"x").map(|()| far));
        assert_eq!(near.read(&mut [0]).expect("a letter comes"), 1);
        sender.join().expect("it does not panic").expect("there is room").close().expect("there is room");
    }),
    ("a write to a TlsStream", || {
        let (mut near, mut far) = shaken();
        let reader = go(move || io::copy(&mut far, &mut io::sink()));
        let mut sent = 0;
        while sent < TOO_MUCH {
            sent += near.write(&[7; 8192]).expect("it is read");
        }
        near.close().expect("it is read");
        assert_eq!(reader.join().expect("it does not panic").expect("it was ended"), sent as u64);
    }),
    ("a read of a half of a TlsStream", || {
        let (near, mut far) = shaken();
        let sender = go(move || far.write_all(b"x").map(|()| far));
        let (mut reader, _writer) = near.split();
        assert_eq!(reader.read(&mut [0]).expect("a letter comes"), 1);
        drop(sender.join().expect("it does not panic"));
    }),
    ("a write to a half of a TlsStream", || {
        let (near, mut far) = shaken();
        let reader = go(move || io::copy(&mut far, &mut io::sink()));
        let (_reads, mut writer) = near.split();
        let mut sent = 0;
        while sent < TOO_MUCH {
            sent += writer.write(&[7; 8192]).expect("it is read");
        }
        writer.close().expect("it is read");
        assert_eq!(reader.join().expect("it does not panic").expect("it was ended"), sent as u64);
    }),
];
