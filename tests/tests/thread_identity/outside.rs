//! The calls that have to do with the world outside, by whether they switch: sockets, files, processes, signals.

use std::io::{Read, Seek, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use threadle::net::{TcpListener, TcpStream, ToSocketAddrs};
use threadle::process::{Command, Stdio};
use threadle::signal::{self, Signal};
use threadle::sync::Mutex;
use threadle::{JoinHandle, fs, go};

use super::{Call, NonSwitching, alone, parked, wakes};

fn pair() -> (TcpStream, TcpStream) {
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
    ("Command::spawn, Child::wait", || {
        assert!(Command::new("true").spawn().expect("every Linux has it").wait().expect("it is ours").success());
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
    ("a name's look-up", look_a_name_up),
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
