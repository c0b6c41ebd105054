//! Streams over the loopback, as a user of `std::net` expects them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, JoinHandle, chan, go, time};
use threadle_tests::{Mode, Watchdog, both_modes};

/// Echoes each connection until the runtime ends.
fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    drop(go(move || {
        while let Ok((stream, _)) = listener.accept() {
            drop(go(move || io::copy(&mut &stream, &mut &stream)));
        }
    }));
    address
}

#[test]
fn echo_for_many() {
    both_modes(2, |_| {
        let address = echo_server();
        let client = |number: u32| {
            go(move || -> io::Result<()> {
                let mut stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                for round in 0..50 {
                    let question = (number * 1000 + round).to_be_bytes();
                    stream.write_all(&question)?;
                    let mut answer = [0; 4];
                    stream.read_exact(&mut answer)?;
                    assert_eq!(answer, question);
                }
                stream.shutdown(Shutdown::Write)?;
                assert_eq!(stream.read(&mut [0; 1])?, 0, "the echo ends after us");
                Ok(())
            })
        };
        let clients: Vec<_> = (0..200).map(client).collect();
        for client in clients {
            client.join().expect("its checks hold").expect("the server answers");
        }
    });
}

/// More than any socket buffers, both directions at once.
#[test]
fn a_large_body_both_ways() {
    both_modes(2, |_| {
        const LENGTH: usize = 16 << 20;
        let address = echo_server();
        let stream = TcpStream::connect(address).expect("somebody accepts");
        let writer = go({
            let stream = stream.clone();
            move || -> io::Result<()> {
                let block: Vec<u8> = (0..=255).cycle().take(64 << 10).collect();
                for _ in 0..LENGTH / block.len() {
                    (&stream).write_all(&block)?;
                }
                stream.shutdown(Shutdown::Write)
            }
        });
        let mut body = Vec::new();
        (&stream).read_to_end(&mut body).expect("the echo is whole");
        writer.join().expect("it does not panic").expect("the server reads");
        assert_eq!(body.len(), LENGTH);
        assert!(body.iter().enumerate().all(|(position, byte)| *byte == position as u8), "bytes are out of order");
    });
}

#[test]
fn a_read_deadline_ends_the_wait() {
    both_modes(2, |_| {
        let address = echo_server();
        let mut stream = TcpStream::connect(address).expect("somebody accepts");
        stream.set_read_deadline(Some(Instant::now() + Duration::from_millis(20)));
        let error = stream.read(&mut [0; 1]).expect_err("nobody writes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // The deadline passes, it does not break: without it the stream works on.
        stream.set_read_deadline(None);
        stream.write_all(b"x").expect("the server reads");
        stream.read_exact(&mut [0; 1]).expect("the server answers");
    });
}

/// A connection, and a goroutine that reads from it and has had the time to wait for what does not come.
fn waiting_reader() -> (TcpStream, JoinHandle<io::Result<usize>>) {
    let stream = TcpStream::connect(echo_server()).expect("somebody accepts");
    let reader = go({
        let stream = stream.clone();
        move || (&stream).read(&mut [0; 1])
    });
    time::sleep(Duration::from_millis(5));
    (stream, reader)
}

/// A deadline set by another goroutine reaches one that already waits.
#[test]
fn a_deadline_from_elsewhere_wakes_a_reader() {
    both_modes(2, |_| {
        let (stream, reader) = waiting_reader();
        stream.set_read_deadline(Some(Instant::now()));
        let error = reader.join().expect("it does not panic").expect_err("nobody writes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    });
}

#[test]
fn shutdown_wakes_a_reader() {
    both_modes(2, |_| {
        let (stream, reader) = waiting_reader();
        stream.shutdown(Shutdown::Both).expect("it is open");
        assert_eq!(reader.join().expect("it does not panic").expect("an end is no error"), 0);
    });
}

/// A stream of a runtime that has ended is an error in another one, not a wait for ever.
#[test]
fn a_stream_outlives_its_runtime_as_an_error() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = plain.local_addr().expect("a listener has an address");
        let stream = mode.run(Builder::new().procs(1), || TcpStream::connect(address).expect("the backlog takes it"));
        let error = mode.run(Builder::new().procs(1), || {
            let reader = go(move || (&stream).read(&mut [0; 1]));
            reader.join().expect("it does not panic").expect_err("its poller is gone")
        });
        println!("{mode}: {error}");
        assert!(error.to_string().contains("runtime"), "{mode}: {error}");
    }
}

/// A stream of one living runtime works in another.
#[test]
fn a_stream_is_used_in_another_runtime() {
    let _watchdog = Watchdog::new(60);
    let (hand_over, handed) = chan::bounded::<TcpStream>(1);
    let (done, finish) = chan::bounded::<()>(1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Mode::Bound.run(Builder::new().procs(1), || {
                let stream = TcpStream::connect(echo_server()).expect("somebody accepts");
                hand_over.send(stream).expect("somebody takes it");
                finish.recv().expect("the other runtime says when");
            });
        });
        scope.spawn(|| {
            Mode::Migrating.run(Builder::new().procs(1), || {
                let mut stream = handed.recv().expect("a stream comes");
                for _ in 0..100 {
                    stream.write_all(b"abc").expect("the server reads");
                    let mut answer = [0; 3];
                    stream.read_exact(&mut answer).expect("the server answers");
                    assert_eq!(&answer, b"abc");
                }
                done.send(()).expect("the other runtime waits");
            });
        });
    });
}
