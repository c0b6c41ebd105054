//! At the limit of descriptors, and many connections at once.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::task::Poll;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use threadle::context::Context;
use threadle::net::unix::{UnixListener, UnixStream};
use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, GoBuilder, block_on, blocking, chan, go, time};
use threadle_tests::child::in_children;
use threadle_tests::system;

/// Everything is taken that is left.
fn take_all(like: &impl std::os::fd::AsFd) -> Vec<OwnedFd> {
    let mut taken = Vec::new();
    while let Ok(fd) = like.as_fd().try_clone_to_owned() {
        taken.push(fd);
    }
    taken
}

/// Connections wait in the queue while there are no descriptors, and are served when there are; said once, not at each try.
#[test]
fn accepting_outlasts_a_shortage_of_descriptors() {
    in_children(
        "accepting_outlasts_a_shortage_of_descriptors",
        |_| {},
        |mode| {
            let limited = system::limit_descriptors(256).expect("it is lowered");
            assert!(limited <= 256);
            mode.run(Builder::new().procs(2), || {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
                let address = listener.local_addr().expect("it listens");
                let acceptors: Vec<_> = (0..2)
                    .map(|_| {
                        let listener = listener.clone();
                        go(move || {
                            // Each takes two: who is through hands on to the other, though no event comes any more.
                            for _ in 0..2 {
                                let (mut stream, _) = listener.accept().expect("a shortage is waited out");
                                stream.write_all(b"!").expect("there is room");
                            }
                        })
                    })
                    .collect();
                time::sleep(Duration::from_millis(5));
                // The clients have their descriptors first: an acceptor is through as soon as one connects, and it would
                // take what the next one needs.
                let clients: Vec<_> = (0..4)
                    .map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors left"))
                    .collect();
                let taken = take_all(&listener);
                let clients: Vec<_> = clients
                    .into_iter()
                    .map(|client| {
                        client.connect(&address.into()).expect("it listens");
                        TcpStream::from_std(client.into()).expect("it is a connection")
                    })
                    .collect();
                time::sleep(Duration::from_millis(50));
                for client in &clients {
                    client.set_read_timeout(Some(Duration::from_millis(1))).expect("it is not zero");
                    let error = (&mut &*client).read(&mut [0]).expect_err("nobody has accepted it");
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    client.set_read_timeout(Some(Duration::from_secs(60))).expect("it is not zero");
                }
                drop(taken);
                for client in &clients {
                    (&mut &*client).read_exact(&mut [0]).expect("it is accepted in the end");
                }
                for acceptor in acceptors {
                    acceptor.join().expect("its checks hold");
                }
                // A deadline and a close reach one that waits for descriptors.
                let taken = take_all(&listener);
                let mut taken = taken.into_iter();
                drop(taken.next());
                let _queued = TcpStream::connect(address).expect("it listens");
                let acceptor = listener.clone();
                let accepting = go(move || acceptor.accept().map(drop).map_err(|error| error.kind()));
                time::sleep(Duration::from_millis(5));
                listener.set_deadline(Some(Instant::now()));
                assert_eq!(accepting.join().expect("no panic"), Err(io::ErrorKind::TimedOut));
                listener.set_deadline(None);
                let acceptor = listener.clone();
                let accepting = go(move || acceptor.accept().map(drop).map_err(|error| error.kind()));
                time::sleep(Duration::from_millis(5));
                listener.close().expect("it is open");
                assert_eq!(accepting.join().expect("no panic"), Err(io::ErrorKind::NotConnected));
                drop(taken);
            });
        },
        |mode, end| {
            end.succeeded().complained_of("cannot accept on 127.0.0.1:");
            assert_eq!(end.stderr.matches("cannot accept").count(), 1, "{mode}: said once:\n{}", end.stderr);
        },
    );
}

/// How an acceptor comes to wait out a shortage.
#[derive(Clone, Copy, Debug)]
enum Accepts {
    Parked,
    WithContext,
    /// In a poll, where it keeps its thread; so it has one of its own.
    InPlace,
}

impl Accepts {
    fn accept(self, listener: &TcpListener) -> io::Result<TcpStream> {
        let accepted = match self {
            Accepts::Parked => listener.accept(),
            Accepts::WithContext => listener.accept_with(&Context::background().with_cancel().0),
            Accepts::InPlace => block_on(std::future::poll_fn(|_| Poll::Ready(listener.accept()))),
        };
        accepted.map(|(stream, _)| stream)
    }

    fn go(self, listener: TcpListener) {
        let builder = GoBuilder::new();
        let builder = if matches!(self, Accepts::InPlace) { builder.locked() } else { builder };
        drop(builder.go(move || self.accept(&listener).map(drop)));
    }
}

/// The first acceptor has had the connection's event, finds no descriptor for it, and waits for one when its runtime ends. There is no second event,
/// and the acceptor behind it, of another runtime, has no clock to go by: it has to be told.
#[test]
fn a_connection_outlasts_the_runtime_that_waits_to_accept_it() {
    in_children(
        "a_connection_outlasts_the_runtime_that_waits_to_accept_it",
        |_| {},
        |mode| {
            system::limit_descriptors(256).expect("it is lowered");
            let ways = [Accepts::Parked, Accepts::WithContext, Accepts::InPlace];
            // The pauses double from 5 ms: the end comes while it waits for the first time, or later, or as it looks again.
            let ends = (0..8).flat_map(|round| ways.map(|way| (way, Duration::from_millis(1 + 4 * round))));
            // The end of a runtime is patient with a thread that is kept.
            let ends = ends.filter(|(way, after)| !matches!(way, Accepts::InPlace) || after.as_millis() > 20);
            mode.run(Builder::new().procs(2), || {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
                let address = listener.local_addr().expect("it listens");
                for (way, after) in ends {
                    let (waits, is_waiting) = chan::bounded::<()>(0);
                    let (end, ends) = chan::bounded::<()>(0);
                    let first = listener.clone();
                    let elsewhere = std::thread::spawn(move || {
                        mode.run(Builder::new().procs(1), move || {
                            way.go(first);
                            time::sleep(Duration::from_millis(5));
                            drop(waits);
                            assert!(ends.recv().is_err());
                        });
                    });
                    assert!(is_waiting.recv().is_err());
                    let next = listener.clone();
                    let accepting = go(move || next.accept().map(|(mut stream, _)| stream.write_all(b"!")));
                    time::sleep(Duration::from_millis(5));
                    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors left");
                    let taken = take_all(&listener);
                    client.connect(&address.into()).expect("it listens");
                    time::sleep(after);
                    drop(end);
                    blocking(|| elsewhere.join()).expect("it ends");
                    drop(taken);
                    let mut client = TcpStream::from_std(client.into()).expect("it is a connection");
                    client.set_read_timeout(Some(Duration::from_secs(60))).expect("it is not zero");
                    client.read_exact(&mut [0]).unwrap_or_else(|error| panic!("{way:?}, {after:?}: {error}"));
                    accepting.join().expect("no panic").expect("it is accepted").expect("there is room");
                }
            });
        },
        |_, end| {
            end.succeeded().complained_of("cannot accept on 127.0.0.1:");
        },
    );
}

/// The same of a listener inside the machine.
#[test]
fn accepting_inside_the_machine_outlasts_it_too() {
    in_children(
        "accepting_inside_the_machine_outlasts_it_too",
        |_| {},
        |mode| {
            system::limit_descriptors(256).expect("it is lowered");
            mode.run(Builder::new().procs(1), || {
                let path = std::env::temp_dir().join(format!("threadle-limits-{}", std::process::id()));
                // One of the same process number may have been killed here.
                let _nothing = std::fs::remove_file(&path);
                let listener = UnixListener::bind(&path).expect("the name is new");
                let mut taken = take_all(&listener);
                drop(taken.pop());
                let mut client = UnixStream::connect(&path).expect("it listens");
                std::fs::remove_file(&path).expect("it is there");
                let server = go(move || listener.accept().expect("it is waited out").0.write_all(b"!"));
                time::sleep(Duration::from_millis(20));
                drop(taken);
                client.read_exact(&mut [0]).expect("it is accepted in the end");
                server.join().expect("no panic").expect("there is room");
            });
        },
        |_, end| {
            end.succeeded().complained_of("cannot accept on \"/");
        },
    );
}

/// Both ends of each in one process.
#[test]
fn thousands_of_connections_in_one_process() {
    in_children(
        "thousands_of_connections_in_one_process",
        |_| {},
        |mode| {
            let wanted = if cfg!(debug_assertions) { 2000 } else { 9000 };
            let descriptors = system::limit_descriptors(2 * wanted + 200).expect("it is raised as far as it goes");
            let connections = wanted.min((descriptors - 200) / 2);
            println!("connections {connections}");
            if connections < wanted {
                println!("REDUCED from {wanted}: the limit of descriptors is {descriptors}");
            }
            mode.run(Builder::new().procs(2), move || {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
                let address = listener.local_addr().expect("it listens");
                go(move || {
                    for stream in listener.incoming() {
                        let mut stream = stream.expect("there are enough descriptors");
                        go(move || {
                            let mut message = [0; 8];
                            while stream.read_exact(&mut message).is_ok() {
                                stream.write_all(&message).expect("the client reads");
                            }
                        });
                    }
                });
                let clients: Vec<_> = (0..connections)
                    .map(|_| TcpStream::connect(address).expect("there are enough descriptors"))
                    .collect();
                // All of them live at once: each is asked when all are there, and again.
                for round in 0..2u64 {
                    for (number, mut client) in clients.iter().enumerate() {
                        client.write_all(&(number as u64 + round).to_be_bytes()).expect("there is room");
                    }
                    for (number, mut client) in clients.iter().enumerate() {
                        let mut answer = [0; 8];
                        client.read_exact(&mut answer).expect("it is answered");
                        assert_eq!(u64::from_be_bytes(answer), number as u64 + round);
                    }
                }
            });
        },
        |mode, end| {
            println!("{mode}: {} connections", end.succeeded().number("connections"));
            end.stdout.lines().filter(|line| line.starts_with("REDUCED")).for_each(|line| println!("{line}"));
        },
    );
}
