//! Who waits for a socket is woken when it is ready, and only then.
#![cfg(not(loom))]

mod harness;

use harness::{
    Parker, Polling, WATCHDOG, block_on, blocking, drive, fill, finish, no_deadline, read_byte, two_readers_share,
};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use threadle_netpoll::{Direction, Polled, Poller, Ready, Wait};

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let theirs = listener.accept().unwrap().0;
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

#[test]
fn ready_before_the_wait() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let (_, ticket) = Parker::new();
    let mut operation = descriptor.operation(Direction::Read);
    operation.begin();
    assert_eq!(read_byte(&ours).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    theirs.write_all(b"x").unwrap();
    let mut ready = Ready::new();
    assert_eq!(poller.poll_now(&mut ready).unwrap(), Polled::Done { events: 1, interrupted: false });
    assert!(ready.is_empty(), "nobody waits yet");
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Retry);
    assert_eq!(read_byte(&ours).unwrap(), b'x');
    assert!(operation.finish().is_none());
    assert_eq!(poller.waiters(), 0);
}

#[test]
fn ready_after_the_wait() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let (parker, ticket) = Parker::new();
    let mut operation = descriptor.operation(Direction::Read);
    operation.begin();
    assert_eq!(read_byte(&ours).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Park);
    assert_eq!(poller.waiters(), 1);
    let mut ready = Ready::new();
    assert_eq!(poller.poll_now(&mut ready).unwrap(), Polled::Done { events: 0, interrupted: false });
    assert!(ready.is_empty());
    theirs.write_all(b"x").unwrap();
    assert_eq!(poller.poll_now(&mut ready).unwrap(), Polled::Done { events: 1, interrupted: false });
    assert_eq!(poller.waiters(), 1, "it counts until it is made runnable");
    assert_eq!(harness::wake_each(&mut ready), 1);
    assert!(parker.is_woken());
    assert_eq!(poller.waiters(), 0);
    assert_eq!(read_byte(&ours).unwrap(), b'x');
    assert!(operation.finish().is_none());
}

#[test]
fn data_that_was_there_before_the_registration_is_reported() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    theirs.write_all(b"x").unwrap();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let (_, ticket) = Parker::new();
    let mut operation = descriptor.operation(Direction::Read);
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Park, "no poll has seen it yet");
    let mut ready = Ready::new();
    assert_eq!(poller.poll_now(&mut ready).unwrap(), Polled::Done { events: 1, interrupted: false });
    assert_eq!(harness::wake_each(&mut ready), 1);
    assert!(operation.finish().is_none());
}

#[test]
fn both_directions_at_once() {
    let polling = Polling::start();
    let (ours, mut theirs) = tcp_pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    let sent = fill(&ours);
    thread::scope(|scope| {
        let writer = scope.spawn(|| blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(b"end")));
        let reader = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
        polling.until_waiting(2);
        theirs.write_all(b"r").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b'r');
        polling.until_waiting(1);
        theirs.read_exact(&mut vec![0; sent]).unwrap();
        assert_eq!(writer.join().unwrap().unwrap(), 3);
        let mut end = [0; 3];
        theirs.read_exact(&mut end).unwrap();
        assert_eq!(&end, b"end");
    });
    polling.until_waiting(0);
}

#[test]
fn a_write_that_blocks_again_and_again_gets_through() {
    const BYTES: usize = 8 << 20;
    let polling = Polling::start();
    let (ours, mut theirs) = tcp_pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    let peer = thread::spawn(move || io::copy(&mut theirs, &mut io::sink()).unwrap());
    let data = vec![1; BYTES];
    let mut sent = 0;
    while sent < BYTES {
        sent += blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(&data[sent..])).unwrap();
    }
    drop(descriptor);
    drop(ours);
    assert_eq!(peer.join().unwrap(), BYTES as u64);
}

#[test]
fn a_hang_up_wakes_the_reader() {
    let polling = Polling::start();
    let (ours, theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
        polling.until_waiting(1);
        drop(theirs);
        assert_eq!(reader.join().unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_hang_up_wakes_the_writer() {
    let polling = Polling::start();
    let (ours, theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    fill(&ours);
    thread::scope(|scope| {
        let writer = scope.spawn(|| blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(b"x")));
        polling.until_waiting(1);
        drop(theirs);
        let error = writer.join().unwrap().unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset), "{error}");
    });
}

#[test]
fn a_reset_wakes_both_sides() {
    let polling = Polling::start();
    let (ours, theirs) = tcp_pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    fill(&ours);
    thread::scope(|scope| {
        let writer = scope.spawn(|| blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(b"x")));
        let reader = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
        polling.until_waiting(2);
        // Closing a socket with unread bytes in it resets the connection.
        drop(theirs);
        let errors = [writer.join().unwrap().unwrap_err(), reader.join().unwrap().unwrap_err()];
        assert!(errors.iter().any(|error| error.kind() == io::ErrorKind::ConnectionReset), "{errors:?}");
    });
}

#[test]
fn a_connect_is_waited_for_as_a_write() {
    let polling = Polling::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let accepting = polling.poller.register(listener.as_fd()).unwrap();
    thread::scope(|scope| {
        let acceptor =
            scope.spawn(|| blocking(&accepting, Direction::Read, no_deadline, || listener.accept().map(|(s, _)| s)));
        polling.until_waiting(1);
        let ours = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let descriptor = polling.poller.register(ours.as_fd()).unwrap();
        let connected = blocking(&descriptor, Direction::Write, no_deadline, || {
            if let Some(error) = ours.take_error()? {
                return Err(error);
            }
            match ours.peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
                result => result,
            }
        });
        assert_eq!(connected.unwrap(), listener.local_addr().unwrap());
        assert_eq!(acceptor.join().unwrap().unwrap().peer_addr().unwrap(), ours.local_addr().unwrap());
    });
}

#[test]
fn accepts_in_batches_miss_nobody() {
    const CONNECTIONS: usize = 300;
    const BATCH: usize = 16;
    let polling = Polling::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let descriptor = polling.poller.register(listener.as_fd()).unwrap();
    let clients =
        thread::spawn(move || -> Vec<_> { (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect() });
    let mut accepted = 0;
    while accepted < CONNECTIONS {
        let mut operation = descriptor.operation(Direction::Read);
        drive(&mut operation, no_deadline, || listener.accept()).unwrap();
        accepted += 1;
        for _ in 1..BATCH {
            match listener.accept() {
                Ok(_) => accepted += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        finish(operation);
    }
    assert_eq!(clients.join().unwrap().len(), CONNECTIONS);
}

#[test]
fn two_readers_share_what_one_event_brought() {
    let polling = Polling::start();
    let (ours, mut theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    for round in 0..500 {
        two_readers_share(&polling, &descriptor, (&ours, &mut theirs), round % 2 == 0, || ());
    }
}

#[test]
fn waiters_are_served_in_order() {
    const READERS: usize = 5;
    let polling = Polling::start();
    let (ours, mut theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (sender, descriptor, ours) = (sender.clone(), &descriptor, &ours);
            scope.spawn(move || {
                blocking(descriptor, Direction::Read, no_deadline, || read_byte(ours)).unwrap();
                sender.send(reader).unwrap();
            });
            polling.until_waiting(reader + 1);
        }
        for expected in 0..READERS {
            theirs.write_all(b"x").unwrap();
            assert_eq!(receiver.recv_timeout(WATCHDOG).unwrap(), expected);
            // The next one was handed the turn, found nothing, and is back in its place.
            polling.until_waiting(READERS - expected - 1);
        }
    });
}

#[test]
fn a_waiter_that_gives_up_costs_the_next_one_nothing() {
    let polling = Polling::start();
    let (ours, mut theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    for round in 0..200 {
        let soon = Instant::now() + Duration::from_micros(200 + 20 * (round % 50));
        thread::scope(|scope| {
            let first = scope.spawn(|| blocking(&descriptor, Direction::Read, || Some(soon), || read_byte(&ours)));
            let second = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
            while Instant::now() < soon {
                std::hint::spin_loop();
            }
            theirs.write_all(b"x").unwrap();
            match first.join().unwrap() {
                Ok(_) => theirs.write_all(b"y").unwrap(),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
            }
            second.join().unwrap().unwrap();
        });
        polling.until_waiting(0);
    }
}

#[test]
fn an_operation_dropped_in_its_turn_hands_on_through_the_poll() {
    let polling = Polling::start();
    let (ours, mut theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    let (parker, ticket) = Parker::new();
    let mut dropped = descriptor.operation(Direction::Read);
    assert_eq!(dropped.wait(ticket).unwrap(), Wait::Park);
    thread::scope(|scope| {
        let second = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
        polling.until_waiting(2);
        theirs.write_all(b"x").unwrap();
        assert!(parker.park(None));
        drop(dropped);
        assert_eq!(second.join().unwrap().unwrap(), b'x');
    });
    polling.until_waiting(0);
}

#[test]
fn a_task_and_a_thread_wait_for_one_direction() {
    let polling = Polling::start();
    let (ours, mut theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    for _ in 0..200 {
        thread::scope(|scope| {
            let thread = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
            let task = scope.spawn(|| block_on(&mut descriptor.task(Direction::Read), || read_byte(&ours)));
            theirs.write_all(b"ab").unwrap();
            let mut bytes = [thread.join().unwrap().unwrap(), task.join().unwrap().unwrap()];
            bytes.sort_unstable();
            assert_eq!(&bytes, b"ab");
        });
        polling.until_waiting(0);
    }
}

#[test]
fn many_pairs_play_ping_pong() {
    const PAIRS: usize = 8;
    const ROUNDS: usize = 2_000;
    let polling = Polling::start();
    thread::scope(|scope| {
        for _ in 0..PAIRS {
            let (left, right) = pair();
            right.set_nonblocking(true).unwrap();
            for (side, starts) in [(left, true), (right, false)] {
                let poller = &polling.poller;
                scope.spawn(move || {
                    let descriptor = poller.register(side.as_fd()).unwrap();
                    if starts {
                        (&side).write_all(&[0]).unwrap();
                    }
                    for _ in 0..ROUNDS {
                        let byte = blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&side)).unwrap();
                        match (&side).write_all(&[byte.wrapping_add(1)]) {
                            // The other one had its last turn.
                            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                            result => result.unwrap(),
                        }
                    }
                });
            }
        }
    });
    polling.until_waiting(0);
}
