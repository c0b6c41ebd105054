//! Connections: how they end, what is found at the ends, and connecting to whichever answers.

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use threadle::context::{Context, ContextError};
use threadle::net::{self, ListenOptions, TcpListener, TcpStream};
use threadle::{go, time};
use threadle_tests::both_modes;
use threadle_tests::system::is_polled;

const SHORT: Duration = Duration::from_millis(10);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let client = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it listens");
    (client, listener.accept().expect("somebody connects").0)
}

/// So that nothing but the wait for `what` is left to hang.
fn soon(stream: &TcpStream) {
    stream.set_deadline(Some(Instant::now() + Duration::from_secs(30)));
}

#[test]
fn half_closed_the_other_half_goes_on() {
    both_modes(2, |_| {
        let (mut ours, mut theirs) = pair();
        ours.write_all(b"question").expect("there is room");
        ours.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(ours.write(b"x").expect_err("that half has ended").kind(), ErrorKind::BrokenPipe);
        let mut question = String::new();
        theirs.read_to_string(&mut question).expect("it has an end");
        assert_eq!(question, "question");
        assert_eq!(theirs.read(&mut [0]).expect("and stays at its end"), 0);
        let answerer = go(move || {
            for part in [b"an".as_slice(), b"sw", b"er"] {
                time::sleep(Duration::from_millis(1));
                theirs.write_all(part).expect("this half goes on");
            }
        });
        let mut answer = String::new();
        ours.read_to_string(&mut answer).expect("it is answered");
        assert_eq!(answer, "answer");
        answerer.join().expect("its checks hold");
    });
}

/// The kernel is told of an accepted connection when somebody first has to wait on it.
#[test]
fn who_is_answered_at_once_is_not_registered() {
    both_modes(2, |_| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let mut client = std::net::TcpStream::connect(listener.local_addr().expect("it listens")).expect("it listens");
        client.write_all(b"question").expect("there is room");
        let (mut server, _) = listener.accept().expect("somebody connects");
        soon(&server);
        // The connection was there, what was sent on it perhaps not yet; and a wait of ours would register it.
        while SockRef::from(&server).peek(&mut [MaybeUninit::uninit()]).is_err() {
            time::sleep(Duration::from_millis(1));
        }
        assert_eq!(server.read(&mut [0; 64]).expect("it is there"), 8);
        server.write_all(b"answer").expect("there is room");
        assert!(!is_polled(server.as_raw_fd()).expect("there is a /proc"));
        let reader = server.clone();
        let reading = go(move || {
            let read = (&reader).read(&mut [0; 64]);
            (read, is_polled(reader.as_raw_fd()))
        });
        time::sleep(SHORT);
        client.write_all(b"more").expect("there is room");
        let (read, was_polled) = reading.join().expect("no panic");
        assert_eq!(read.expect("it comes"), 4);
        // The short read before it says that there is nothing: it has to wait, whoever is first.
        assert!(was_polled.expect("there is a /proc"));
        let server = server.into_std().expect("the only handle");
        assert!(!is_polled(server.as_raw_fd()).expect("there is a /proc"));
    });
}

/// The last bytes and the end come as one event: a short read before the end must not wait for another.
#[test]
fn an_end_that_came_with_the_last_bytes_is_seen() {
    both_modes(2, |_| {
        for round in 0..200 {
            let (mut ours, mut theirs) = pair();
            soon(&ours);
            if round % 2 == 0 {
                // Also where the reader waits before there is anything.
                let reader = ours.clone();
                let waiting = go(move || (&reader).read(&mut [0; 64]));
                time::sleep(Duration::from_micros(200));
                theirs.write_all(b"first").expect("there is room");
                assert_eq!(waiting.join().expect("no panic").expect("it comes"), 5);
            }
            theirs.write_all(b"last").expect("there is room");
            drop(theirs);
            time::sleep(Duration::from_micros(100));
            assert_eq!(ours.read(&mut [0; 64]).expect("it has come"), 4);
            assert_eq!(ours.read(&mut [0; 64]).expect("the end has come with it"), 0);
        }
    });
}

/// A read stops short of urgent data, with more behind it that has had its event.
#[test]
fn what_is_behind_urgent_data_is_read() {
    both_modes(2, |_| {
        for _ in 0..20 {
            let (mut ours, mut theirs) = pair();
            soon(&ours);
            // One event has been: the reader knows what a short read means.
            theirs.write_all(b"0").expect("there is room");
            assert_eq!(ours.read(&mut [0; 64]).expect("it comes"), 1);
            theirs.write_all(b"before").expect("there is room");
            // SAFETY: one byte of ours, and an open descriptor.
            let urgent = unsafe { libc::send(theirs.as_raw_fd(), c"!".as_ptr().cast(), 1, libc::MSG_OOB) };
            assert_eq!(urgent, 1);
            theirs.write_all(b"behind").expect("there is room");
            time::sleep(Duration::from_millis(1));
            let (mut text, mut length) = ([0; 64], 0);
            while length < "beforebehind".len() {
                length += ours.read(&mut text[length..]).expect("no more need come");
            }
            assert_eq!(&text[..length], b"beforebehind");
        }
    });
}

/// Many small messages, read into a buffer that is always larger: every read is short, and no wake-up is lost.
#[test]
fn short_reads_lose_no_wake_up() {
    both_modes(2, |_| {
        const MESSAGES: usize = 3000;
        let (mut ours, mut theirs) = pair();
        soon(&ours);
        let writer = go(move || {
            for number in 0..MESSAGES {
                theirs.write_all(&[number as u8]).expect("there is room");
                if number % 7 == 0 {
                    threadle::yield_now();
                }
            }
            theirs
        });
        let mut received = 0;
        let mut buffer = [0; 4096];
        while received < MESSAGES {
            let length = ours.read(&mut buffer).expect("they come");
            for byte in &buffer[..length] {
                assert_eq!(*byte, received as u8);
                received += 1;
            }
        }
        drop(writer.join().expect("its checks hold"));
    });
}

#[test]
fn a_reset_ends_both_directions() {
    both_modes(2, |_| {
        let (ours, theirs) = pair();
        let reader = ours.clone();
        let reading = go(move || (&reader).read(&mut [0]));
        time::sleep(Duration::from_millis(1));
        theirs.set_linger(Some(Duration::ZERO)).expect("it is a TCP socket");
        drop(theirs);
        assert_eq!(reading.join().expect("no panic").expect_err("reset").kind(), ErrorKind::ConnectionReset);
        assert_eq!((&ours).write(b"x").expect_err("it is gone").kind(), ErrorKind::BrokenPipe);
        // And one that waits to write.
        let (ours, theirs) = pair();
        let writing = go(move || (&ours).write_all(&vec![0; 64 << 20]));
        time::sleep(SHORT);
        theirs.set_linger(Some(Duration::ZERO)).expect("it is a TCP socket");
        drop(theirs);
        let error = writing.join().expect("no panic").expect_err("reset");
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    });
}

/// One that does not read holds up its own writer and nobody else.
#[test]
fn a_slow_reader_holds_up_nobody_else() {
    both_modes(2, |_| {
        const LENGTH: usize = 4 << 20;
        let (slow, sink) = pair();
        // Whatever the system's defaults are: what both hold together is less than all of it.
        sink.set_recv_buffer_size(64 << 10).expect("it is a socket");
        slow.set_send_buffer_size(16 << 10).expect("it is a socket");
        let writing = go(move || (&slow).write_all(&vec![7; LENGTH]).map(|()| slow));
        for _ in 0..50 {
            let (mut ours, mut theirs) = pair();
            go(move || std::io::copy(&mut theirs.clone(), &mut theirs));
            ours.write_all(b"quick").expect("there is room");
            ours.read_exact(&mut [0; 5]).expect("it is answered");
        }
        assert!(!writing.is_finished(), "nobody has read it");
        let mut received = 0;
        let mut buffer = vec![0; 64 << 10];
        while received < LENGTH {
            time::sleep(Duration::from_micros(50));
            received += (&sink).read(&mut buffer).expect("it comes");
        }
        writing.join().expect("no panic").expect("all was taken");
    });
}

#[test]
fn halves_are_owned_and_reunited() {
    both_modes(2, |_| {
        let (ours, theirs) = pair();
        let (mut reader, mut writer) = ours.into_split();
        let echo = go(move || std::io::copy(&mut &theirs, &mut &theirs));
        let sender = go(move || {
            writer.write_all(b"through a half").expect("there is room");
            writer
        });
        let mut answer = [0; 14];
        reader.read_exact(&mut answer).expect("it is answered");
        let writer = sender.join().expect("its checks hold");
        let whole = writer.reunite(reader).expect("they are of one stream");
        let (mut reader, writer) = whole.into_split();
        drop(writer);
        assert_eq!(reader.read(&mut [0]).expect("dropped, its direction ended, and so did the echo"), 0);
        assert_eq!(echo.join().expect("no panic").expect("it is whole"), 14);
    });
}

/// A listener whose queue is full, so that what is sent to it is not answered.
struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    fn new() -> BlackHole {
        let listener = ListenOptions::new().backlog(0).bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let mut queued = Vec::new();
        loop {
            let (waiting, most) = queue_of(&listener);
            if waiting > most {
                break BlackHole { address, _listener: listener, _queued: queued };
            }
            assert!(queued.len() < 10, "the queue never fills");
            queued.push(TcpStream::connect(address).expect("the queue has room"));
            // The last step of a handshake is the listener's.
            while queue_of(&listener).0 <= waiting {
                time::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// How many connections wait to be accepted, and the backlog: with more than that the queue is full. The kernel has it in fields that a
/// listener has no other use for.
fn queue_of(listener: &TcpListener) -> (u32, u32) {
    // SAFETY: plain numbers, for which zero is valid.
    let mut information: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&information) as libc::socklen_t;
    let room = (&raw mut information).cast();
    // SAFETY: an open descriptor, and room of the length that is said.
    let asked =
        unsafe { libc::getsockopt(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, room, &raw mut length) };
    assert_eq!(asked, 0, "{}", std::io::Error::last_os_error());
    (information.tcpi_unacked, information.tcpi_sacked)
}

/// An address at which nobody listens, nor will while the socket is kept: it is bound, and not more.
fn refusing() -> (Socket, SocketAddr) {
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).expect("descriptors are free");
    bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port is free");
    let address = bound.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound");
    (bound, address)
}

#[test]
fn an_address_that_does_not_answer_does_not_hold_up_the_next() {
    both_modes(2, |_| {
        let hole = BlackHole::new();
        let alive = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let alive = (alive.local_addr().expect("it listens"), alive);
        let (_bound, refused) = refusing();
        for addresses in [
            vec![hole.address, alive.0],
            vec![hole.address, refused, alive.0],
            vec![refused, alive.0, hole.address],
            vec![alive.0, hole.address],
        ] {
            let deadline = Instant::now() + Duration::from_secs(30);
            let stream = TcpStream::connect_deadline(&addresses[..], deadline).expect("one of them answers");
            assert_eq!(stream.peer_addr().expect("it is connected"), alive.0, "{addresses:?}");
        }
        let error = TcpStream::connect(&[refused, refused][..]).expect_err("none answers");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // The deadline of the whole, and the context.
        let begun = Instant::now();
        let error =
            TcpStream::connect_deadline(&[hole.address, hole.address][..], begun + SHORT).expect_err("none answers");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= SHORT);
        let (context, cancel) = Context::background().with_cancel();
        let address = hole.address;
        let connecting = go(move || TcpStream::connect_with(&context, &[address, address][..]));
        time::sleep(SHORT);
        std::thread::spawn(move || cancel.cancel());
        let error = connecting.join().expect("no panic").expect_err("it was called off");
        assert!(ContextError::of(&error).expect("it is the context's").is_cancelled());
    });
}

#[test]
fn names_are_looked_up_within_limits() {
    both_modes(2, |_| {
        let minute = Duration::from_secs(60);
        let found = net::lookup_host_timeout(("localhost", 7), minute).expect("every machine knows it");
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        let found = net::lookup_host_with(&Context::background().with_timeout(minute).0, "localhost:7");
        assert!(!found.expect("every machine knows it").is_empty());
        assert_eq!(net::lookup_host("no port").expect_err("it is none").kind(), ErrorKind::InvalidInput);
        // The limit may have passed before the resolver is asked; an answer as quick as that is one, too.
        match net::lookup_host_timeout("localhost:7", Duration::from_nanos(1)) {
            Ok(found) => assert!(!found.is_empty()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
        }
        // More at once than may go on at once.
        let lookups: Vec<_> = (0..200)
            .map(|port| go(move || net::lookup_host_timeout(("localhost", port), Duration::from_secs(60))))
            .collect();
        for lookup in lookups {
            assert!(!lookup.join().expect("no panic").expect("every machine knows it").is_empty());
        }
    });
}

#[test]
fn one_port_is_shared_by_those_who_ask_for_it() {
    both_modes(2, |_| {
        let options = ListenOptions::new().reuse_port(true);
        let first = options.bind("127.0.0.1:0").expect("a port is free");
        let address = first.local_addr().expect("it listens");
        let second = options.bind(address).expect("both ask for it");
        let accept = |listener: TcpListener| {
            go(move || {
                let mut accepted = 0;
                while listener.accept().is_ok() {
                    accepted += 1;
                }
                accepted
            })
        };
        let acceptors = [accept(first.clone()), accept(second.clone())];
        let clients: Vec<_> = (0..64).map(|_| TcpStream::connect(address).expect("somebody listens")).collect();
        // Accepted, all of them: the queues are emptied before the listeners are closed.
        for client in &clients {
            client.shutdown(Shutdown::Write).expect("it is open");
            soon(client);
            assert_eq!((&mut &*client).read(&mut [0]).expect("it was accepted and dropped"), 0);
        }
        first.close().and_then(|()| second.close()).expect("they are open");
        let accepted: usize = acceptors.into_iter().map(|acceptor| acceptor.join().expect("no panic")).sum();
        assert_eq!(accepted, clients.len());
    });
}
