//! The calls that have to do with the world outside, by whether they switch: sockets, files, processes, signals.

use std::io::{Read, Seek, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use threadle::net::unix::{UnixDatagram, UnixStream};
use threadle::net::{
    self, KeepAlive, ListenOptions, Readiness, TcpListener, TcpStream, ToSocketAddrs, UdpSocket, lookup_host_timeout,
};
use threadle::process::{Command, Stdio};
use threadle::signal::{self, Signal};
use threadle::sync::Mutex;
use threadle::{JoinHandle, context, fs, go};

use super::{Call, NonSwitching, alone, parked, wakes};

pub(super) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let client = TcpStream::connect(listener.local_addr().expect("a listener has an address")).expect("it listens");
    (client, listener.accept().expect("somebody connects").0)
}

/// A stream, its peer, and a goroutine that has parked in a read of the stream.
fn read_from() -> (TcpStream, TcpStream, JoinHandle<()>) {
    let (stream, peer) = pair();
    let reader = stream.clone();
    let waiter = parked("IO wait", move || assert!(!matches!((&reader).read(&mut [0]), Ok(1..))));
    (stream, peer, waiter)
}

pub(super) const NON_SWITCHING: &[NonSwitching] = &[
    ("Child::try_wait, kill, killer, id; a pipe's set_deadline, into_std", 0, || {
        let child = Command::new("sleep").arg("1000").stdout(Stdio::piped()).spawn().expect("every Linux has it");
        let child = Arc::new(Mutex::new(child));
        let ended = Arc::clone(&child);
        let call = move || {
            let mut child = child.try_lock().expect("it is free");
            assert!(child.try_wait().expect("it is ours").is_none());
            let pipe = child.stdout.take().expect("it is piped");
            pipe.set_deadline(Some(Instant::now()));
            drop(pipe.into_std().expect("it is made blocking"));
            child.kill().expect("it is ours");
            assert_eq!(format!("{:?}", child.killer()), format!("Killer {{ id: {} }}", child.id()));
        };
        alone(call).and_then(move || assert!(!ended.lock().wait().expect("it is ours").success()))
    }),
    ("signal::notify, reset", 0, || {
        alone(|| {
            drop(signal::notify(&[Signal::WINDOW_CHANGE]).expect("it is permitted"));
            signal::reset(&[Signal::WINDOW_CHANGE]).expect("it is permitted");
        })
    }),
    ("File::from_std, try_clone, into_std", 0, || {
        alone(|| {
            let file = fs::File::from_std(std::fs::File::open("/dev/null").expect("Linux has it"));
            drop(file.try_clone().expect("a descriptor is free").into_std());
        })
    }),
    ("TcpListener::bind to an address, drop", 0, || {
        alone(|| drop(TcpListener::bind("127.0.0.1:0").expect("a port is free")))
    }),
    ("a listener from std and back", 0, || {
        alone(|| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let listener = TcpListener::from_std(listener).expect("it is registered");
            listener.set_deadline(Some(Instant::now()));
            listener.local_addr().expect("a listener has an address");
            assert!(listener.take_error().expect("it is asked").is_none());
            drop(listener.into_std().expect("there is no other handle"));
        })
    }),
    ("TcpListener::close under one that accepts", 1, || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let acceptor = listener.clone();
        let waiter = parked("IO wait", move || assert!(acceptor.accept().is_err()));
        wakes(waiter, move || listener.close().expect("it is open"))
    }),
    ("what is set and asked of a stream", 0, || {
        let (stream, _peer) = pair();
        alone(move || {
            stream.set_nodelay(true).expect("it is a TCP socket");
            stream.set_read_timeout(Some(Duration::from_secs(9))).expect("it is not zero");
            stream.set_write_timeout(None).expect("it is none");
            assert!(stream.peer_addr().expect("it was connected") != stream.local_addr().expect("it is bound"));
            assert!(stream.read_deadline().is_none() && stream.write_deadline().is_none());
            let clone = stream.try_clone().expect("a handle is only counted");
            drop(clone);
            let stream = TcpStream::from_std(stream.into_std().expect("there is no other handle"));
            drop(stream.expect("it is registered"));
        })
    }),
    ("ListenOptions::bind to an address", 0, || {
        alone(|| drop(ListenOptions::new().reuse_port(true).bind("127.0.0.1:0").expect("a port is free")))
    }),
    ("keep-alive, linger and buffers of a stream, into_split, reunite", 0, || {
        let (mut stream, peer) = pair();
        alone(move || {
            stream.set_keepalive(Some(&KeepAlive::new().retries(3))).expect("it is a TCP socket");
            stream.set_linger(None).expect("it is a TCP socket");
            assert!(stream.recv_buffer_size().expect("it has one") > 0);
            let _halves = stream.split();
            let (reader, writer) = stream.into_split();
            drop(writer.reunite(reader).expect("they are of one stream"));
            drop(peer);
        })
    }),
    ("UdpSocket::bind and connect to addresses, options, poll_recv_from, drop", 0, || {
        alone(|| {
            let mut socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
            socket.connect(socket.local_addr().expect("it is bound")).expect("it is only noted");
            socket.set_broadcast(true).expect("it is a UDP socket");
            assert!(socket.poll_recv_from(&mut Context::from_waker(Waker::noop()), &mut [0]).is_pending());
        })
    }),
    ("UnixStream::pair, UnixDatagram::pair, unbound, from std and back", 0, || {
        alone(|| {
            drop(UnixStream::pair().expect("descriptors are free"));
            drop(UnixDatagram::pair().expect("descriptors are free"));
            let plain = UnixDatagram::unbound().and_then(UnixDatagram::into_std).expect("there is no other handle");
            drop(UnixDatagram::from_std(plain).expect("it is registered"));
        })
    }),
    ("Readiness::new, poll_readable, set_read_deadline, into_inner", 0, || {
        alone(|| {
            let (reader, writer) = std::io::pipe().expect("descriptors are free");
            let mut reader = Readiness::new(reader).expect("it can be waited for");
            assert!(reader.poll_readable(&mut Context::from_waker(Waker::noop())).is_pending());
            reader.set_read_deadline(Some(Instant::now()));
            drop((reader.into_inner(), writer));
        })
    }),
    ("Readiness::close under one that waits", 1, || {
        let (reader, writer) = std::io::pipe().expect("descriptors are free");
        let reader = Arc::new(Readiness::new(reader).expect("it can be waited for"));
        let waits = Arc::clone(&reader);
        let waiter = parked("IO wait", move || assert!(waits.readable().is_err()));
        wakes(waiter, move || {
            reader.close();
            drop(writer);
        })
    }),
    ("UdpSocket::close under one that receives", 1, || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let receiver = socket.clone();
        let waiter = parked("IO wait", move || assert!(receiver.recv(&mut [0]).is_err()));
        wakes(waiter, move || socket.close().expect("it is open"))
    }),
    ("TcpStream::poll_read, poll_write, poll_shutdown", 0, || {
        let (mut stream, peer) = pair();
        alone(move || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(stream.poll_read(&mut context, &mut [0]).is_pending());
            assert!(stream.poll_write(&mut context, b"x").is_ready());
            assert!(stream.poll_shutdown(&mut context).is_ready());
            drop((stream, peer));
        })
    }),
    ("TcpStream::set_deadline under one that reads", 1, || {
        let (stream, peer, waiter) = read_from();
        wakes(waiter, move || {
            stream.set_deadline(Some(Instant::now()));
            drop((stream, peer));
        })
    }),
    ("TcpStream::shutdown under one that reads", 1, || {
        let (stream, peer, waiter) = read_from();
        wakes(waiter, move || {
            stream.shutdown(Shutdown::Both).expect("it is connected");
            drop((stream, peer));
        })
    }),
    ("TcpStream::close under one that reads", 1, || {
        let (stream, peer, waiter) = read_from();
        wakes(waiter, move || {
            stream.close().expect("it is open");
            drop(peer);
        })
    }),
];

/// Calls that may switch, so made that most of them do.
pub(super) const SWITCHING: &[Call] = &[
    ("Command::spawn, Child::wait, wait_with", || {
        assert!(Command::new("true").spawn().expect("every Linux has it").wait().expect("it is ours").success());
        let mut child = Command::new("true").spawn().expect("every Linux has it");
        assert!(child.wait_with(&context::Context::background()).expect("it is ours").success());
    }),
    ("TcpStream::connect", || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        drop(TcpStream::connect(listener.local_addr().expect("a listener has an address")).expect("it listens"));
    }),
    ("TcpStream", || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let client = go(move || TcpStream::connect(address)?.write_all(b"x"));
        let (stream, _) = listener.accept().expect("somebody connects");
        let mut letter = [0];
        (&stream).read_exact(&mut letter).expect("a letter comes");
        client.join().expect("it does not panic").expect("it is read");
    }),
    ("UdpSocket", || {
        let [one, other] = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port is free"));
        let address = other.local_addr().expect("it is bound");
        let sender = go(move || one.send_to(b"x", address));
        assert_eq!(other.recv(&mut [0; 4]).expect("a letter comes"), 1);
        sender.join().expect("it does not panic").expect("there is room");
    }),
    ("UnixStream", || {
        let (mut ours, mut theirs) = UnixStream::pair().expect("descriptors are free");
        let sender = go(move || theirs.write_all(b"x"));
        assert_eq!(ours.read(&mut [0]).expect("a letter comes"), 1);
        sender.join().expect("it does not panic").expect("there is room");
    }),
    ("UnixDatagram", || {
        let (ours, theirs) = UnixDatagram::pair().expect("descriptors are free");
        let sender = go(move || theirs.send(b"x"));
        assert_eq!(ours.recv(&mut [0; 4]).expect("a letter comes"), 1);
        sender.join().expect("it does not panic").expect("there is room");
    }),
    ("net::copy, net::send_file", || {
        let ((mut ours, front), (back, mut theirs)) =
            (UnixStream::pair().expect("descriptors are free"), UnixStream::pair().expect("descriptors are free"));
        let copier = go(move || net::copy(&front, &back));
        let file = std::fs::File::open("/proc/self/exe").expect("Linux has it");
        assert_eq!(net::send_file(&ours, &file, 0, 4).expect("it is readable"), 4);
        ours.write_all(b"x").expect("it is read");
        drop(ours);
        assert_ne!(theirs.read(&mut [0; 5]).expect("they come"), 0);
        copier.join().expect("it does not panic").expect("it ends");
    }),
    ("Readiness", || {
        let (reader, mut writer) = std::io::pipe().expect("descriptors are free");
        let reader = Readiness::new(reader).expect("it can be waited for");
        let sender = go(move || writer.write_all(b"x"));
        reader.readable().expect("a letter comes");
        sender.join().expect("it does not panic").expect("there is room");
    }),
    ("a name's look-up", look_a_name_up),
    ("a name's look-up with a limit", || {
        let found = lookup_host_timeout(("localhost", 80), Duration::from_secs(60));
        assert!(!found.expect("every machine knows it").is_empty());
    }),
    ("fs", write_sync_and_read_a_file),
];

pub(crate) fn look_a_name_up() {
    assert!(!("localhost", 80).addresses().expect("every machine knows it").is_empty());
}

pub(crate) fn write_sync_and_read_a_file() {
    static FILES: AtomicU64 = AtomicU64::new(1);
    let name = format!("threadle-thread-identity-{}-{}", std::process::id(), FILES.fetch_add(1, Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut file = fs::File::create_new(&path).expect("the name is new");
    // What is open stays: a failure below leaves nothing behind.
    fs::remove_file(&path).expect("it is there");
    file.write_all(b"written").expect("there is room");
    file.sync_all().expect("it reaches the disk");
    file.rewind().expect("it is a file");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("it is text");
    assert_eq!(text, "written");
}
