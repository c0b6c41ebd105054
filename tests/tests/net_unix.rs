//! Sockets inside the machine: streams and datagrams, by path, by name and in pairs.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::context::{Context, ContextError};
use threadle::net::unix::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use threadle::{go, time};
use threadle_tests::both_modes;
use threadle_tests::system::is_polled;

const SHORT: Duration = Duration::from_millis(10);

/// A name nobody else has, which leaves no file behind.
fn name() -> SocketAddr {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("threadle-tests-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed));
    SocketAddr::from_abstract_name(name).expect("it is short")
}

/// The kernel is told of an accepted connection when somebody first has to wait on it.
#[test]
fn who_is_answered_at_once_is_not_registered() {
    both_modes(2, |_| {
        let listener = UnixListener::bind_addr(&name()).expect("the name is new");
        let mut client = UnixStream::connect_addr(&listener.local_addr().expect("it is bound")).expect("it listens");
        client.write_all(b"question").expect("there is room");
        let (mut server, _) = listener.accept().expect("somebody connects");
        assert_eq!(server.read(&mut [0; 64]).expect("it is there"), 8);
        server.write_all(b"answer").expect("there is room");
        assert!(!is_polled(server.as_raw_fd()).expect("there is a /proc"));
        assert!(is_polled(client.as_raw_fd()).expect("there is a /proc"), "the others are registered at once");
        server.set_read_deadline(Some(Instant::now() + SHORT));
        assert_eq!(server.read(&mut [0; 64]).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
        assert!(is_polled(server.as_raw_fd()).expect("there is a /proc"));
    });
}

#[test]
fn a_listener_at_a_path() {
    both_modes(2, |mode| {
        let path = std::env::temp_dir().join(format!("threadle-tests-{mode}-{}", std::process::id()));
        // One of the same process number may have been killed here.
        let _nothing = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("the name is new");
        assert_eq!(UnixListener::bind(&path).expect_err("it is taken").kind(), ErrorKind::AddrInUse);
        assert_eq!(listener.local_addr().expect("it is bound").as_pathname(), Some(path.as_path()));
        let server = go(move || {
            for _ in 0..50 {
                let (stream, peer) = listener.accept().expect("a client comes");
                assert!(peer.is_unnamed());
                go(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        let clients: Vec<_> = (0..50u32)
            .map(|number| {
                let path = path.clone();
                go(move || {
                    let mut stream = UnixStream::connect(&path).expect("somebody listens");
                    assert_eq!(stream.peer_addr().expect("connected").as_pathname(), Some(path.as_path()));
                    stream.write_all(&number.to_be_bytes()).expect("it is read");
                    stream.shutdown(Shutdown::Write).expect("it is open");
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).expect("it is answered");
                    assert_eq!(answer, number.to_be_bytes());
                })
            })
            .collect();
        for client in clients {
            client.join().expect("its checks hold");
        }
        server.join().expect("all came");
        std::fs::remove_file(&path).expect("the listener leaves its file, as std's does");
        assert_eq!(UnixStream::connect(&path).expect_err("it is gone").kind(), ErrorKind::NotFound);
    });
}

/// The kernel says "would block" and has no event for it: see the module's documentation.
#[test]
fn a_connect_waits_while_the_queue_is_full() {
    both_modes(2, |_| {
        let address = name();
        let full = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a descriptor");
        let path = [b"\0", address.as_abstract_name().expect("it is one")].concat();
        let path = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(path);
        full.bind(&socket2::SockAddr::unix(path).expect("it is short")).expect("the name is new");
        full.listen(0).expect("it is bound");
        let _queued = UnixStream::connect_addr(&address).expect("there is room for one");
        let begun = Instant::now();
        let error = UnixStream::connect_deadline(&address, begun + SHORT).expect_err("nobody accepts");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= SHORT);
        let (context, cancel) = Context::background().with_cancel();
        let waiting = {
            let address = address.clone();
            go(move || UnixStream::connect_with(&context, &address))
        };
        time::sleep(SHORT);
        cancel.cancel();
        let error = waiting.join().expect("it does not panic").expect_err("nobody accepts");
        assert!(ContextError::of(&error).expect("it is the context's").is_cancelled());
        let patient = go(move || UnixStream::connect_addr(&address));
        time::sleep(SHORT);
        let listener = UnixListener::from_std(std::os::fd::OwnedFd::from(full).into()).expect("it listens");
        let _accepted = listener.accept().expect("one is queued");
        let _connected = patient.join().expect("it does not panic").expect("there is room now");
    });
}

#[test]
fn close_and_deadlines_reach_those_that_wait() {
    both_modes(2, |_| {
        for _ in 0..20 {
            let (ours, theirs) = UnixStream::pair().expect("descriptors");
            let reader = ours.clone();
            let reading = go(move || (&reader).read(&mut [0]));
            let writer = ours.clone();
            let writing = go(move || (&writer).write_all(&vec![0; 8 << 20]));
            time::sleep(Duration::from_millis(1));
            std::thread::spawn({
                let ours = ours.clone();
                move || ours.set_read_deadline(Some(Instant::now()))
            });
            assert_eq!(reading.join().expect("no panic").expect_err("late").kind(), ErrorKind::TimedOut);
            ours.close().expect("it is open");
            assert_eq!(writing.join().expect("no panic").expect_err("closed").kind(), ErrorKind::NotConnected);
            drop(theirs);
        }
        let listener = UnixListener::bind_addr(&name()).expect("the name is new");
        let acceptor = listener.clone();
        let accepting = go(move || acceptor.accept().map(drop));
        time::sleep(Duration::from_millis(1));
        std::thread::spawn(move || listener.close().expect("it is open"));
        assert_eq!(accepting.join().expect("no panic").expect_err("closed").kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn datagrams_keep_their_borders_and_wait_for_room() {
    both_modes(2, |_| {
        let (ours, theirs) = UnixDatagram::pair().expect("descriptors");
        let sender = go(move || {
            for number in 0..2000u32 {
                let length = 1 + number as usize % 300;
                assert_eq!(ours.send(&vec![number as u8; length]).expect("it is received"), length);
            }
        });
        let mut buffer = [0; 512];
        for number in 0..2000u32 {
            let length = theirs.recv(&mut buffer).expect("they come");
            assert_eq!(length, 1 + number as usize % 300, "datagram {number}");
            assert!(buffer[..length].iter().all(|byte| *byte == number as u8));
        }
        sender.join().expect("its checks hold");
        // A peer that is gone is no end: datagrams have none.
        theirs.set_read_deadline(Some(Instant::now() + SHORT));
        assert_eq!(theirs.peek(&mut buffer).expect_err("nothing more comes").kind(), ErrorKind::TimedOut);
    });
}

/// What is polled is the sender's own buffer, which has room: there is no event for the receiver's.
#[test]
fn a_datagram_to_a_full_receiver_waits_without_an_event() {
    both_modes(2, |_| {
        let address = name();
        let receiver = UnixDatagram::bind_addr(&address).expect("the name is new");
        let sender = UnixDatagram::unbound().expect("a descriptor");
        sender.set_write_timeout(Some(SHORT)).expect("it is not zero");
        let mut sent = 0u32;
        let error = loop {
            match sender.send_to_addr(&sent.to_be_bytes(), &address) {
                Ok(_) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        sender.set_write_timeout(None).expect("it is none");
        // Closed by somebody else.
        let closing = UnixDatagram::unbound().expect("a descriptor");
        let waiting = {
            let (closing, address) = (closing.clone(), address.clone());
            go(move || closing.send_to_addr(b"never", &address))
        };
        time::sleep(Duration::from_millis(1));
        closing.close().expect("it is open");
        assert_eq!(waiting.join().expect("no panic").expect_err("closed").kind(), ErrorKind::NotConnected);
        // Received, at last.
        let more =
            go(move || (sent..sent + 500).try_for_each(|n| sender.send_to_addr(&n.to_be_bytes(), &address).map(drop)));
        let mut buffer = [0; 8];
        for number in 0..sent + 500 {
            let (length, from) = receiver.recv_from(&mut buffer).expect("they come");
            assert!(from.is_unnamed());
            assert_eq!(buffer[..length], number.to_be_bytes());
        }
        more.join().expect("no panic").expect("there is room again");
    });
}

/// A read of a stream ends after a message that carried a descriptor, with more behind it: a short read is not the end of what there is.
#[test]
fn what_comes_with_descriptors_is_read_to_its_end() {
    both_modes(2, |_| {
        let (ours, mut theirs) = UnixStream::pair().expect("descriptors");
        send_with_descriptor(&ours, b"with");
        (&ours).write_all(b"without").expect("there is room");
        let mut text = [0; 64];
        let mut length = 0;
        theirs.set_read_deadline(Some(Instant::now() + Duration::from_secs(30)));
        while length < "withwithout".len() {
            length += theirs.read(&mut text[length..]).expect("no more need come");
        }
        assert_eq!(&text[..length], b"withwithout");
    });
}

/// Sends bytes and a copy of the stream's own descriptor.
fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) {
    use std::os::fd::AsRawFd;

    let fd = stream.as_raw_fd();
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = [0u64; 8];
    // SAFETY: a `msghdr` is plain data for which zeros are good; what it points to lives until the call is over and is large enough for one
    // descriptor; the macros only compute addresses inside `control`, which is aligned for a header.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of::<i32>() as u32) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<i32>() as u32) as usize;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(fd);
        assert_eq!(libc::sendmsg(fd, &raw const message, libc::MSG_NOSIGNAL), bytes.len() as isize);
    }
}

#[test]
fn there_and_back_to_std() {
    both_modes(2, |_| {
        let (ours, theirs) = UnixStream::pair().expect("descriptors");
        let clone = ours.clone();
        assert_eq!(ours.into_std().expect_err("a clone is in use").kind(), ErrorKind::ResourceBusy);
        let mut plain = clone.into_std().expect("it is the only handle");
        // On a thread: it blocks, as std's do.
        let echo = std::thread::spawn(move || {
            let mut byte = [0];
            plain.read_exact(&mut byte).and_then(|()| plain.write_all(&byte))
        });
        time::sleep(SHORT);
        (&theirs).write_all(b"k").expect("it is read");
        (&theirs).read_exact(&mut [0]).expect("it is answered");
        threadle::blocking(|| echo.join()).expect("no panic").expect("it was served");
        let (plain, _) = std::os::unix::net::UnixDatagram::pair().expect("descriptors");
        assert!(UnixDatagram::from_std(plain).expect("it is registered").into_std().is_ok());
    });
}
