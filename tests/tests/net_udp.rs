//! Datagrams over the loopback.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use threadle::context::{Context, ContextError};
use threadle::net::UdpSocket;
use threadle::{go, time};
use threadle_tests::{Mode, Watchdog, both_modes};

const SHORT: Duration = Duration::from_millis(10);

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// Each client sends the next when the last was answered, so that nothing is dropped for want of room; a question whose answer is late is sent again.
#[test]
fn many_ask_one_server() {
    both_modes(2, |_| {
        let (server, address) = socket();
        let echo = server.clone();
        go(move || {
            let mut buffer = [0; 64];
            while let Ok((length, from)) = echo.recv_from(&mut buffer) {
                echo.send_to(&buffer[..length], from).expect("the client lives");
            }
        });
        let clients: Vec<_> = (0..50u32)
            .map(|client| {
                go(move || {
                    let (socket, _) = socket();
                    socket.connect(address).expect("it is only noted");
                    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("it is not zero");
                    for round in 0..20u32 {
                        let question = u64::from(client) << 32 | u64::from(round);
                        let mut answer = [0; 8];
                        loop {
                            socket.send(&question.to_be_bytes()).expect("the server lives");
                            match socket.recv(&mut answer) {
                                Ok(8) if u64::from_be_bytes(answer) == question => break,
                                // Of an earlier question, or none.
                                Ok(_) => {}
                                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                            }
                        }
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().expect("its checks hold");
        }
        server.close().expect("it is open");
    });
}

#[test]
fn a_datagram_is_cut_to_the_buffer_and_peeked_whole() {
    both_modes(2, |_| {
        let ((one, from), (other, to)) = (socket(), socket());
        one.send_to(b"hello", to).expect("there is room");
        one.send_to(b"", to).expect("there is room");
        let mut buffer = [0; 3];
        assert_eq!(other.peek_from(&mut [0; 16]).expect("it has come"), (5, from));
        assert_eq!(other.recv_from(&mut buffer).expect("it has come"), (3, from));
        assert_eq!(&buffer, b"hel");
        assert_eq!(
            other.recv_from(&mut buffer).expect("it has come"),
            (0, from),
            "the rest is lost, the next is empty"
        );
        let large = vec![0; 70_000];
        assert!(one.send_to(&large, to).is_err(), "larger than any datagram");
    });
}

/// The refusal of a datagram is told to a later call; what is received after it is whole.
#[test]
fn a_refusal_is_told_once() {
    both_modes(2, |_| {
        let (one, ours) = socket();
        // At an address where no other test gets its port in between.
        let other = UdpSocket::bind("127.43.21.1:0").expect("a port is free");
        let theirs = other.local_addr().expect("it is bound");
        drop(other);
        one.connect(theirs).expect("it is only noted");
        one.send(b"to nobody").expect("it is sent");
        assert_eq!(one.recv(&mut [0; 16]).expect_err("it was refused").kind(), ErrorKind::ConnectionRefused);
        let again = UdpSocket::bind(theirs).expect("nobody has taken it");
        again.send_to(b"hello", ours).expect("there is room");
        assert_eq!(one.recv(&mut [0; 16]).expect("it comes"), 5);
    });
}

#[test]
fn waits_end_by_deadline_context_and_close_from_anywhere() {
    both_modes(2, |_| {
        let (ours, _) = socket();
        let begun = Instant::now();
        ours.set_deadline(Some(begun + SHORT));
        assert_eq!(ours.recv_from(&mut [0]).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= SHORT);
        ours.set_deadline(None);
        let (context, cancel) = Context::background().with_cancel();
        let receiver = ours.clone();
        let waiting = go(move || receiver.recv_with(&context, &mut [0]));
        time::sleep(Duration::from_millis(1));
        std::thread::spawn(move || cancel.cancel());
        let error = waiting.join().expect("no panic").expect_err("nothing comes");
        assert!(ContextError::of(&error).expect("it is the context's").is_cancelled());
        for late in [true, false] {
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let receiver = ours.clone();
                    go(move || receiver.recv(&mut [0]))
                })
                .collect();
            time::sleep(Duration::from_millis(1));
            std::thread::spawn({
                let ours = ours.clone();
                move || {
                    if late { ours.set_read_deadline(Some(Instant::now())) } else { ours.close().expect("it is open") }
                }
            });
            let expected = if late { ErrorKind::TimedOut } else { ErrorKind::NotConnected };
            for receiver in receivers {
                assert_eq!(receiver.join().expect("no panic").expect_err("nothing comes").kind(), expected);
            }
            ours.set_read_deadline(None);
        }
    });
}

#[test]
fn several_receivers_share_what_comes() {
    both_modes(2, |_| {
        let (server, address) = socket();
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let server = server.clone();
                go(move || {
                    let mut seen = BTreeSet::new();
                    let mut number = [0; 4];
                    while server.recv(&mut number).is_ok_and(|length| length == 4) {
                        seen.insert(u32::from_be_bytes(number));
                    }
                    seen
                })
            })
            .collect();
        let (client, _) = socket();
        // Fewer than the least buffer holds: none is dropped.
        for number in 0..100u32 {
            client.send_to(&number.to_be_bytes(), address).expect("there is room");
        }
        for _ in 0..4 {
            client.send_to(b"", address).expect("there is room");
        }
        let seen: BTreeSet<u32> =
            receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect();
        assert_eq!(seen, (0..100).collect());
    });
}

#[test]
fn a_group_hears_what_is_sent_to_it() {
    both_modes(2, |_| {
        let group = Ipv4Addr::new(239, 255, 43, 21);
        let member = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
        if let Err(error) = member.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST) {
            println!("SKIPPED: the loopback takes no groups here: {error}");
            return;
        }
        let port = member.local_addr().expect("it is bound").port();
        let (sender, _) = socket();
        sender.set_multicast_loop_v4(true).expect("it is a socket");
        member.set_read_timeout(Some(Duration::from_secs(5))).expect("it is not zero");
        match sender.send_to(b"hello", (group, port)).and_then(|_| member.recv(&mut [0; 16])) {
            Ok(length) => assert_eq!(length, 5),
            Err(error) => println!("SKIPPED: no route to groups here: {error}"),
        }
        member.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).expect("it is a member");
    });
}

/// Made in a runtime, used by plain threads.
#[test]
fn plain_threads_use_it_too() {
    let _watchdog = Watchdog::new(60);
    for mode in Mode::BOTH {
        mode.run(threadle::Builder::new().procs(1), || {
            let ((one, _), (other, to)) = (socket(), socket());
            let thread = std::thread::spawn(move || {
                let mut buffer = [0; 16];
                let (length, from) = other.recv_from(&mut buffer).expect("it comes");
                other.send_to(&buffer[..length], from).expect("there is room");
                other.set_read_timeout(Some(SHORT)).expect("it is not zero");
                assert_eq!(other.recv(&mut buffer).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
            });
            time::sleep(Duration::from_millis(1));
            one.send_to(b"hello", to).expect("there is room");
            assert_eq!(one.recv(&mut [0; 16]).expect("it is answered"), 5);
            threadle::blocking(|| thread.join()).expect("its checks hold");
        });
    }
}
