//! Streams and files that are passed on in the kernel, and descriptors that are not sockets of ours.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use threadle::net::unix::UnixStream;
use threadle::net::{self, Readiness, Stream, TcpListener, TcpStream};
use threadle::{go, time};
use threadle_tests::child::in_children;
use threadle_tests::{Seed, both_modes, system};

const SHORT: Duration = Duration::from_millis(10);

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let client = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it listens");
    (client, listener.accept().expect("somebody connects").0)
}

fn unix() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("descriptors are free")
}

fn bytes(seed: &mut Seed, length: usize) -> Vec<u8> {
    (0..length).map(|_| seed.draw() as u8).collect()
}

/// Writes all of it in pieces of random lengths, with random pauses.
fn write_in_pieces(mut stream: impl Write, mut seed: Seed, mut rest: &[u8]) {
    while !rest.is_empty() {
        let most = if seed.below(4) == 0 { 200_000 } else { 2000 };
        let (piece, more) = rest.split_at(rest.len().min(1 + seed.below(most) as usize));
        stream.write_all(piece).expect("it is read");
        rest = more;
        if seed.below(20) == 0 {
            time::sleep(Duration::from_micros(seed.below(300)));
        }
    }
}

/// A client, a proxy, and a server that gives everything back, over any two kinds of stream.
macro_rules! through_a_proxy {
    ($seed:expr, $outside:expr, $inside:expr) => {{
        let ((client, front), (back, server)) = ($outside, $inside);
        let length = 1 + $seed.below(1 << 20) as usize;
        let sent = bytes($seed, length);
        let proxy = go(move || net::copy_both(&front, &back));
        let echo = go(move || net::copy(&server, &server));
        let (writer, seed, written) = (client.clone(), $seed.split(), sent.clone());
        let writing = go(move || {
            write_in_pieces(&writer, seed, &written);
            writer.shutdown(Shutdown::Write).expect("it is open");
        });
        let mut received = Vec::new();
        (&client).read_to_end(&mut received).expect("it ends");
        assert!(received == sent, "what came back is not what was sent");
        writing.join().expect("its checks hold");
        assert_eq!(echo.join().expect("no panic").expect("it copies"), length as u64);
        assert_eq!(proxy.join().expect("no panic").expect("it copies"), (length as u64, length as u64));
    }};
}

#[test]
fn what_a_proxy_passes_on_is_whole() {
    let seed = Seed::announced();
    both_modes(2, |_| {
        let seed = &mut seed.clone();
        for _ in 0..3 {
            through_a_proxy!(seed, tcp(), tcp());
            through_a_proxy!(seed, unix(), unix());
            through_a_proxy!(seed, tcp(), unix());
            through_a_proxy!(seed, unix(), tcp());
        }
    });
}

/// Whichever side fails, the copy ends, and with it the other way.
#[test]
fn an_error_of_one_way_ends_both() {
    both_modes(2, |_| {
        let ((client, front), (back, server)) = (tcp(), tcp());
        let proxy = go(move || net::copy_both(&front, &back));
        server.set_linger(Some(Duration::ZERO)).expect("it is a TCP socket");
        time::sleep(Duration::from_millis(1));
        drop(server);
        let error = proxy.join().expect("no panic").expect_err("it was reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        client.set_read_deadline(Some(Instant::now() + Duration::from_secs(30)));
        assert!(matches!((&client).read(&mut [0]), Ok(0) | Err(_)), "the client's side was ended, too");
    });
}

#[test]
fn a_copy_ends_at_a_deadline() {
    both_modes(2, |_| {
        let ((_client, front), (back, _server)) = (tcp(), tcp());
        let begun = Instant::now();
        front.set_read_deadline(Some(begun + SHORT));
        assert_eq!(net::copy(&front, &back).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= SHORT);
        front.set_read_deadline(None);
        let copier = front.clone();
        let copying = go(move || net::copy(&copier, &back));
        time::sleep(Duration::from_millis(1));
        std::thread::spawn(move || front.close().expect("it is open"));
        assert_eq!(copying.join().expect("no panic").expect_err("closed").kind(), ErrorKind::NotConnected);
    });
}

fn temporary_file(content: &[u8]) -> File {
    static FILES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = FILES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("threadle-net-copy-{}-{number}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).expect("the name is new");
    // What is open stays: a failure below leaves nothing behind.
    std::fs::remove_file(&path).expect("it is there");
    file.write_all(content).expect("there is room");
    file
}

#[test]
fn parts_of_files_are_sent() {
    let seed = Seed::announced();
    both_modes(2, |_| {
        let seed = &mut seed.clone();
        let content = bytes(seed, 3 << 20);
        let mut file = temporary_file(&content);
        file.seek(SeekFrom::Start(77)).expect("it is a file");
        for round in 0..6 {
            let from = seed.below(content.len() as u64 + 1);
            // Beyond the end, now and then.
            let length = seed.below(2 * content.len() as u64);
            let expected = &content[from as usize..content.len().min((from + length) as usize)];
            let received = go({
                let sender = file.as_fd().try_clone_to_owned().expect("a descriptor is free");
                let expected = expected.len() as u64;
                move || {
                    let (ours, mut theirs) = tcp();
                    let sending = go(move || net::send_file(&ours, &sender, from, length));
                    let mut received = Vec::new();
                    theirs.read_to_end(&mut received).expect("it ends");
                    assert_eq!(sending.join().expect("no panic").expect("it is read"), expected);
                    received
                }
            });
            assert!(received.join().expect("its checks hold") == expected, "round {round}");
        }
        assert_eq!(file.stream_position().expect("it is a file"), 77, "the file's own position");
        // A file that the system will not send from: through memory, with the same result.
        let (ours, mut theirs) = unix();
        let odd = File::open("/proc/self/stat").expect("Linux has it");
        let sent = net::send_file(&ours, &odd, 0, 4).expect("it can be read");
        assert_eq!(sent, 4);
        theirs.read_exact(&mut [0; 4]).expect("they come");
    });
}

/// `SIGPIPE` cannot be kept from a splice: where it kills, bytes are copied by calls that do not raise it.
#[test]
fn a_peer_that_is_gone_kills_nobody() {
    in_children(
        "a_peer_that_is_gone_kills_nobody",
        |_| {},
        |mode| {
            // SAFETY: the default action is a valid one, and nothing else of this process depends on it.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
            mode.run(threadle::Builder::new().procs(1), || {
                let ((mut client, front), (back, server)) = (unix(), unix());
                drop(server);
                client.write_all(b"to nobody").expect("there is room");
                assert_eq!(net::copy(&front, &back).expect_err("it is gone").kind(), ErrorKind::BrokenPipe);
                let file = temporary_file(b"to nobody");
                assert_eq!(net::send_file(&back, &file, 0, 9).expect_err("it is gone").kind(), ErrorKind::BrokenPipe);
                assert_eq!((&back).write(b"x").expect_err("it is gone").kind(), ErrorKind::BrokenPipe);
            });
        },
        |_, end| {
            end.succeeded();
        },
    );
}

/// Without a descriptor for the pipe it goes through memory.
#[test]
fn a_copy_needs_no_descriptors() {
    in_children(
        "a_copy_needs_no_descriptors",
        |_| {},
        |mode| {
            system::limit_descriptors(256).expect("it is lowered");
            mode.run(threadle::Builder::new().procs(1), || {
                let ((mut client, front), (back, mut server)) = (unix(), unix());
                // Everybody who needs a thread or a pipe of the runtime's has it.
                net::copy_with(&ended(), &front, &back).expect_err("the context has ended");
                let mut taken: Vec<OwnedFd> = Vec::new();
                while let Ok(fd) = back.as_fd().try_clone_to_owned() {
                    taken.push(fd);
                }
                client.write_all(b"by hand").expect("there is room");
                client.shutdown(Shutdown::Write).expect("it is open");
                assert_eq!(net::copy(&front, &back).expect("it needs none"), 7);
                server.read_exact(&mut [0; 7]).expect("they come");
                drop(taken);
            });
        },
        |_, end| {
            end.succeeded();
        },
    );
}

fn ended() -> threadle::context::Context {
    let (context, cancel) = threadle::context::Context::background().with_cancel();
    cancel.cancel();
    context
}

/// Both streams of a `net::copy` may be of any kind that is one.
#[test]
fn a_generic_proxy() {
    fn pass_on(from: &impl Stream, to: &impl Stream) -> u64 {
        net::copy(from, to).expect("it ends")
    }
    both_modes(2, |_| {
        let ((client, front), (back, mut server)) = (tcp(), unix());
        let passing = go(move || pass_on(&front, &back));
        (&client).write_all(b"x").expect("there is room");
        drop(client);
        server.read_exact(&mut [0]).expect("it comes");
        assert_eq!(passing.join().expect("no panic"), 1);
    });
}

/// A timer of the kernel's: neither a socket nor a pipe.
#[test]
fn any_descriptor_is_waited_for() {
    both_modes(2, |_| {
        // SAFETY: numbers in, a new descriptor out.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        assert!(fd >= 0);
        // SAFETY: it is new and nobody else's.
        let timer: OwnedFd = unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) };
        let timer = std::sync::Arc::new(Readiness::new(timer).expect("it can be waited for"));
        timer.set_read_timeout(Some(SHORT)).expect("it is not zero");
        assert_eq!(timer.readable().expect_err("it is not armed").kind(), ErrorKind::TimedOut);
        timer.set_read_timeout(None).expect("it is none");
        let at = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 },
            it_value: libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 },
        };
        // SAFETY: an open descriptor, a time to read, and no room for the former one.
        assert_eq!(unsafe { libc::timerfd_settime(fd, 0, &raw const at, std::ptr::null_mut()) }, 0);
        let expirations = |timer: &Readiness| {
            timer.read_io(|timer| {
                let mut count = [0; 8];
                File::from(timer.try_clone()?).read_exact(&mut count)?;
                Ok(u64::from_ne_bytes(count))
            })
        };
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let timer = timer.clone();
                go(move || (0..10).map(|_| expirations(&timer).expect("it expires")).sum::<u64>())
            })
            .collect();
        for waiter in waiters {
            assert!(waiter.join().expect("no panic") >= 10);
        }
        let waiting = {
            let timer = timer.clone();
            go(move || {
                loop {
                    if let Err(error) = timer.readable().and_then(|()| expirations(&timer)) {
                        break error;
                    }
                }
            })
        };
        time::sleep(Duration::from_millis(2));
        timer.close();
        assert_eq!(waiting.join().expect("no panic").kind(), ErrorKind::NotConnected);
    });
}
