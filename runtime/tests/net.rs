//! TCP over loopback, with the calls made from goroutines, threads, and both.

mod support;

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use support::in_runtimes;
use threadle::net::{TcpListener, TcpStream};
use threadle::time::sleep;

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(100);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
    (client, server)
}

#[test]
fn bytes_arrive_in_order_and_the_end_is_seen() {
    in_runtimes("bytes", |place| {
        let (client, server) = pair();
        let sent: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let (writer, expected) = (client.clone(), sent.clone());
        let writing = place.spawn(move || {
            (&writer).write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = Vec::new();
        (&server).read_to_end(&mut received).unwrap();
        assert!(received == expected);
        writing.join();
        (&server).write_all(b"the other way still works").unwrap();
        drop(server);
        let mut text = String::new();
        (&client).read_to_string(&mut text).unwrap();
        assert_eq!(text, "the other way still works");
    });
}

#[test]
fn one_stream_is_read_and_written_at_once() {
    in_runtimes("both ways", |place| {
        let (client, mut server) = pair();
        let echo = place.spawn(move || {
            std::io::copy(&mut server.try_clone().unwrap(), &mut server).unwrap();
            server.shutdown(Shutdown::Write).unwrap();
        });
        let reader = client.clone();
        let reading = place.spawn(move || std::io::copy(&mut &reader, &mut std::io::sink()).unwrap());
        let block = vec![7; 32 * 1024];
        for _ in 0..64 {
            (&client).write_all(&block).unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reading.join(), 64 * 32 * 1024);
        echo.join();
    });
}

#[test]
fn vectored_and_peeked() {
    in_runtimes("vectored", |_| {
        let (client, server) = pair();
        let slices: Vec<_> = (0..5000).map(|_| IoSlice::new(b"x")).collect();
        let sent = (&client).write_vectored(&slices).unwrap();
        assert!(sent >= 1 && sent <= slices.len());
        let (mut first, mut rest) = ([0; 1], vec![0; sent - 1]);
        assert_eq!(server.peek(&mut first).unwrap(), 1);
        let mut got = (&server).read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut rest)]).unwrap();
        while got < sent {
            got += (&server).read(&mut rest).unwrap();
        }
        assert_eq!(got, sent);
        let mut many: Vec<[u8; 1]> = vec![[0]; 3000];
        (&client).write_all(b"yy").unwrap();
        let mut slices: Vec<_> = many.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        assert!((&server).read_vectored(&mut slices).unwrap() >= 1);
    });
}

#[test]
fn a_deadline_ends_reads_writes_and_accepts() {
    in_runtimes("deadlines", |_| {
        let (client, _server) = pair();
        let start = Instant::now();
        client.set_read_deadline(Some(start + SHORT));
        assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT);
        client.set_write_deadline(Some(Instant::now() + SHORT));
        let full = loop {
            if let Err(error) = (&client).write(&vec![0; 65536]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::TimedOut);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_deadline(Some(Instant::now() + SHORT));
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
        listener.set_deadline(None);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.accept().unwrap();
    });
}

#[test]
fn a_deadline_that_has_passed_ends_calls_that_would_not_wait_until_it_is_lifted() {
    in_runtimes("past deadline", |_| {
        let (client, server) = pair();
        (&server).write_all(b"ab").unwrap();
        client.set_deadline(Some(Instant::now()));
        assert!(client.read_deadline().is_some() && client.write_deadline().is_some());
        assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!((&client).write(&[0]).unwrap_err().kind(), ErrorKind::TimedOut);
        client.set_deadline(None);
        assert_eq!((&client).read(&mut [0; 2]).unwrap(), 2);
        assert_eq!((&client).write(&[0]).unwrap(), 1);
    });
}

#[test]
fn a_deadline_set_elsewhere_reaches_a_call_that_waits() {
    in_runtimes("deadline elsewhere", |place| {
        for _ in 0..50 {
            let (client, _server) = pair();
            client.set_deadline(Some(Instant::now() + LONG));
            let reader = client.clone();
            let waiting = place.spawn(move || (&reader).read(&mut [0]));
            place.pause();
            client.set_deadline(Some(Instant::now()));
            assert_eq!(waiting.join().unwrap_err().kind(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn a_deadline_moved_on_keeps_a_call_waiting() {
    in_runtimes("deadline moved on", |place| {
        let (client, server) = pair();
        client.set_read_deadline(Some(Instant::now() + SHORT));
        let reader = client.clone();
        let waiting = place.spawn(move || (&reader).read(&mut [0]));
        client.set_read_deadline(None);
        sleep(3 * SHORT);
        (&server).write_all(b"x").unwrap();
        // On a slow machine the first deadline may win the race with the second; then nothing is tested.
        if let Err(error) = waiting.join() {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
    });
}

#[test]
fn a_timeout_is_for_each_call() {
    in_runtimes("time-outs", |_| {
        let (client, server) = pair();
        assert_eq!(client.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
        client.set_read_timeout(Some(SHORT)).unwrap();
        client.set_write_timeout(Some(SHORT)).unwrap();
        assert_eq!((client.read_timeout().unwrap(), client.write_timeout().unwrap()), (Some(SHORT), Some(SHORT)));
        for _ in 0..2 {
            let start = Instant::now();
            assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            assert!(start.elapsed() >= SHORT);
        }
        (&server).write_all(b"x").unwrap();
        assert_eq!((&client).read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn close_wakes_both_sides_of_both_ends() {
    in_runtimes("close", |place| {
        for _ in 0..20 {
            let (client, server) = pair();
            let reader = client.clone();
            let reading = place.spawn(move || (&reader).read(&mut [0]));
            let writer = client.clone();
            let writing = place.spawn(move || {
                loop {
                    if let Err(error) = (&writer).write(&vec![0; 65536]) {
                        break error;
                    }
                }
            });
            place.pause();
            client.close().unwrap();
            client.close().unwrap();
            // It either waited and was told, or had its call cut off by the system.
            let read = reading.join();
            assert_eq!(read.expect_err("it was closed").kind(), std::io::ErrorKind::NotConnected);
            writing.join();
            assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::NotConnected);
            // What was written is still delivered, then comes the end.
            let _end = (&server).read_to_end(&mut Vec::new());
        }
    });
}

#[test]
fn a_closed_listener_turns_everybody_away() {
    in_runtimes("closed listener", |place| {
        // At an address where no other test gets its port afterwards.
        let listener = TcpListener::bind("127.43.21.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let acceptors: Vec<_> = (0..3)
            .map(|_| {
                let listener = listener.clone();
                // Not on a thread outside: there accept panics before it looks.
                threadle::go(move || listener.accept().unwrap_err())
            })
            .collect();
        place.pause();
        listener.close().unwrap();
        acceptors.into_iter().for_each(|acceptor| drop(acceptor.join().unwrap()));
        assert!(TcpStream::connect(address).is_err());
        assert!(listener.accept().is_err());
    });
}

#[test]
fn several_readers_share_what_comes() {
    in_runtimes("several readers", |place| {
        let (client, server) = pair();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let server = server.clone();
                place.spawn(move || {
                    let mut count = 0;
                    while (&server).read(&mut [0]).unwrap() == 1 {
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for _ in 0..1000 {
            (&client).write_all(b"x").unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(readers.into_iter().map(|reader| reader.join()).sum::<i32>(), 1000);
    });
}

#[test]
fn accepts_a_burst() {
    in_runtimes("burst", |_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let acceptors: Vec<_> = (0..2)
            .map(|_| {
                let listener = listener.clone();
                threadle::go(move || (0..150).map(|_| listener.accept().unwrap().0).collect::<Vec<_>>())
            })
            .collect();
        let clients: Vec<_> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
        let accepted: usize = acceptors.into_iter().map(|acceptor| acceptor.join().unwrap().len()).sum();
        assert_eq!(accepted, clients.len());
    });
}

#[test]
fn connect_tries_every_address_and_tells_the_last_error() {
    in_runtimes("connect", |_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = listener.local_addr().unwrap();
        // Bound, so that it stays nobody else's, and not listening.
        let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        bound.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let dead = bound.local_addr().unwrap().as_socket().unwrap();
        let stream = TcpStream::connect(&[dead, alive][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
        assert_eq!(TcpStream::connect(dead).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(TcpStream::connect("no port").unwrap_err().kind(), ErrorKind::InvalidInput);
        TcpStream::connect(("localhost", alive.port())).unwrap();
    });
}

#[test]
fn a_connect_that_is_not_answered_times_out() {
    in_runtimes("connect timeout", |_| {
        // A listener that never accepts, with a queue that is full: further SYNs are dropped.
        let kind = socket2::Type::STREAM;
        let full = socket2::Socket::new(socket2::Domain::IPV4, kind, None).unwrap();
        full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        full.listen(0).unwrap();
        let address = full.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        let error = loop {
            match TcpStream::connect_timeout(&address, 5 * SHORT) {
                Ok(stream) => queued.push(stream),
                Err(error) => break error,
            }
            assert!(queued.len() < 10, "the queue never filled");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn options_reach_the_socket() {
    in_runtimes("options", |_| {
        let (client, _server) = pair();
        client.set_nodelay(true).unwrap();
        client.set_ttl(17).unwrap();
        assert_eq!((client.nodelay().unwrap(), client.ttl().unwrap()), (true, 17));
        assert!(client.take_error().unwrap().is_none());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_ttl(9).unwrap();
        assert_eq!(listener.ttl().unwrap(), 9);
        assert!(listener.take_error().unwrap().is_none());
        assert!(format!("{client:?} {listener:?}").contains("127.0.0.1"));
    });
}

#[test]
fn there_and_back_to_std() {
    in_runtimes("std", |_| {
        let std_listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = std_listener.local_addr().unwrap();
        let listener = TcpListener::from_std(std_listener).unwrap();
        let mut std_client = std::net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        let clone = server.clone();
        assert_eq!(server.into_std().unwrap_err().kind(), ErrorKind::ResourceBusy);
        let mut std_server = clone.into_std().unwrap();
        // On a thread: it blocks, as std's do, and would hold up the goroutines that are bound to the same one.
        let echo = std::thread::spawn(move || {
            let mut byte = [0];
            std_server.read_exact(&mut byte).unwrap();
            std_server.write_all(&byte).unwrap();
        });
        sleep(SHORT);
        std_client.write_all(b"k").unwrap();
        let mut ours = TcpStream::from_std(std_client).unwrap();
        let mut byte = [0];
        ours.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"k");
        threadle::blocking(|| echo.join()).unwrap();
        let std_listener = listener.into_std().unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        std_listener.accept().unwrap();
    });
}

#[test]
fn the_descriptor_is_given_back_with_the_last_handle() {
    in_runtimes("descriptors", |_| {
        let (client, server) = pair();
        let number = client.as_raw_fd();
        // "socket:[inode]", which tells one socket from another that gets its number.
        let socket = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        let is_open = || std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|link| link == socket);
        let kept = client.clone();
        drop((client, server));
        assert!(is_open());
        assert_eq!((&kept).read(&mut [0]).unwrap(), 0);
        drop(kept);
        assert!(!is_open());
    });
}

/// Not an error, which would pass for one of the network's.
#[test]
fn sockets_outside_a_runtime_panic_and_say_what_is_missing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let calls: [(&str, &(dyn Fn() + std::panic::RefUnwindSafe)); 4] = [
        ("bind", &|| drop(TcpListener::bind("127.0.0.1:0"))),
        ("connect", &|| drop(TcpStream::connect(address))),
        ("connect_timeout", &|| drop(TcpStream::connect_timeout(&address, LONG))),
        ("from_std", &|| drop(TcpStream::from_std(std::net::TcpStream::connect(address).unwrap()))),
    ];
    for (name, call) in calls {
        let payload = std::panic::catch_unwind(call).expect_err(name);
        let message = payload.downcast_ref::<String>().map_or("", String::as_str);
        assert!(message.contains("threadle::run"), "{name}: {message:?}");
    }
}

#[test]
fn polled_by_a_task() {
    use std::future::poll_fn;
    in_runtimes("polled", |place| {
        let (mut client, mut server) = pair();
        let echo = place.spawn(move || {
            threadle::block_on(async move {
                let mut buffer = [0; 4096];
                loop {
                    let count = poll_fn(|context| server.poll_read(context, &mut buffer)).await.unwrap();
                    if count == 0 {
                        return poll_fn(|context| server.poll_shutdown(context)).await.unwrap();
                    }
                    let mut sent = 0;
                    while sent < count {
                        let rest = &buffer[sent..count];
                        let slices = [IoSlice::new(rest)];
                        sent += poll_fn(|context| server.poll_write_vectored(context, &slices)).await.unwrap();
                    }
                }
            })
        });
        let mut reader = client.clone();
        let received = place.spawn(move || {
            threadle::block_on(async move {
                let (mut total, mut buffer) = (0, [std::mem::MaybeUninit::uninit(); 1000]);
                loop {
                    match poll_fn(|context| reader.poll_read_uninit(context, &mut buffer)).await.unwrap() {
                        0 => return total,
                        count => total += count,
                    }
                }
            })
        });
        threadle::block_on(async {
            for _ in 0..200 {
                let mut rest = &[1; 10_000][..];
                while !rest.is_empty() {
                    let sent = poll_fn(|context| client.poll_write(context, rest)).await.unwrap();
                    rest = &rest[sent..];
                }
            }
            poll_fn(|context| client.poll_shutdown(context)).await.unwrap();
        });
        echo.join();
        assert_eq!(received.join(), 2_000_000);
    });
}

#[test]
fn close_and_a_past_deadline_reach_a_task() {
    use std::future::poll_fn;
    in_runtimes("task cut short", |place| {
        for by_close in [true, false] {
            let (client, _server) = pair();
            let mut reader = client.clone();
            let waiting =
                place.spawn(move || threadle::block_on(poll_fn(|context| reader.poll_read(context, &mut [0]))));
            sleep(SHORT);
            let kind = if by_close {
                client.close().unwrap();
                ErrorKind::NotConnected
            } else {
                client.set_deadline(Some(Instant::now()));
                ErrorKind::TimedOut
            };
            assert_eq!(waiting.join().unwrap_err().kind(), kind);
        }
    });
}
