//! The kernel is told of a descriptor when somebody first waits on it, and nothing that came before is missed.
#![cfg(not(loom))]

mod harness;

use harness::{
    Parker, Polling, block_on, blocking, fill, finish, no_deadline, read_byte, two_readers_share, wake_all, wake_each,
};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Barrier;
use std::thread;
use threadle_netpoll::{Direction, Polled, Poller, Ready, Wait};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    theirs.set_nodelay(true).unwrap();
    let ours = listener.accept().unwrap().0;
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

/// Reads into a buffer that is larger than what comes.
fn read(mut stream: &TcpStream) -> io::Result<usize> {
    stream.read(&mut [0; 64])
}

/// Waits in the system until something has arrived, without an event of ours.
fn arrives(stream: &TcpStream) {
    stream.set_nonblocking(false).unwrap();
    stream.peek(&mut [0]).unwrap();
    stream.set_nonblocking(true).unwrap();
}

/// Whether the poller's epoll watches it: it takes a descriptor once only.
fn is_watched(poller: &Poller<harness::Ticket>, fd: BorrowedFd<'_>) -> bool {
    match poller.register(fd) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            true
        }
    }
}

fn poll(poller: &Poller<harness::Ticket>, events: usize) -> usize {
    let mut ready = Ready::new();
    assert_eq!(poller.poll_now(&mut ready).unwrap(), Polled::Done { events, interrupted: false });
    wake_each(&mut ready)
}

#[test]
fn who_need_not_wait_tells_the_kernel_nothing() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register_lazily(ours.as_fd()).unwrap();
    theirs.write_all(b"question").unwrap();
    arrives(&ours);
    assert_eq!(blocking(&descriptor, Direction::Read, no_deadline, || read(&ours)).unwrap(), 8);
    assert_eq!(blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(b"answer")).unwrap(), 6);
    assert!(!is_watched(&poller, ours.as_fd()));
    let mut operation = descriptor.operation(Direction::Read);
    let (_, ticket) = Parker::new();
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Park);
    assert!(is_watched(&poller, ours.as_fd()));
    assert!(operation.finish().is_none());
    wake_all(descriptor.close());
    assert!(!is_watched(&poller, ours.as_fd()));
}

#[test]
fn what_came_before_the_first_wait_is_reported() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register_lazily(ours.as_fd()).unwrap();
    let mut operation = descriptor.operation(Direction::Read);
    let (parker, ticket) = Parker::new();
    operation.begin();
    assert_eq!(read(&ours).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    theirs.write_all(b"x").unwrap();
    arrives(&ours);
    assert_eq!(poll(&poller, 0), 0, "the kernel was told nothing yet");
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Park);
    assert_eq!(poll(&poller, 1), 1);
    assert!(parker.is_woken());
    assert_eq!(read(&ours).unwrap(), 1);
    assert!(operation.finish().is_none());
}

/// The read was short, and says so. What came with it, or follows before the kernel knows of the descriptor, is not waited for in vain.
fn after_a_short_read(with_it: impl Fn(&TcpStream), follows: impl Fn(&TcpStream), expected: usize) {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register_lazily(ours.as_fd()).unwrap();
    theirs.write_all(b"short").unwrap();
    with_it(&theirs);
    arrives(&ours);
    let mut operation = descriptor.operation(Direction::Read);
    operation.begin();
    assert_eq!(read(&ours).unwrap(), 5);
    operation.exhaust();
    assert!(operation.finish().is_none());
    follows(&theirs);
    arrives(&ours);
    let mut operation = descriptor.operation(Direction::Read);
    let (parker, ticket) = Parker::new();
    operation.begin();
    assert!(operation.is_exhausted());
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Park);
    assert_eq!(poll(&poller, 1), 1, "the level is reported");
    assert!(parker.is_woken());
    operation.begin();
    assert!(!operation.is_exhausted());
    assert_eq!(read(&ours).unwrap(), expected);
    operation.exhaust();
    operation.begin();
    assert_eq!(operation.is_exhausted(), expected > 0, "nothing is exhausted after an end");
    assert!(operation.finish().is_none());
}

fn end(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

#[test]
fn more_after_a_short_read_before_the_first_wait() {
    after_a_short_read(|_| (), |mut theirs| theirs.write_all(b"more").unwrap(), 4);
}

#[test]
fn an_end_after_a_short_read_before_the_first_wait() {
    after_a_short_read(|_| (), end, 0);
}

#[test]
fn an_end_that_came_with_a_short_read_before_the_first_wait() {
    after_a_short_read(end, |_| (), 0);
}

#[test]
fn closed_before_the_first_wait() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, _theirs) = pair();
    let descriptor = poller.register_lazily(ours.as_fd()).unwrap();
    let (_, ticket) = Parker::new();
    let mut operation = descriptor.operation(Direction::Read);
    assert!(descriptor.close().is_empty());
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Closed);
    assert_eq!(descriptor.operation(Direction::Write).wait(ticket).unwrap(), Wait::Closed);
    // Its number is another's business from now on.
    assert!(!is_watched(&poller, ours.as_fd()));
    assert_eq!(poller.waiters(), 0);
}

#[test]
fn stopped_before_the_first_wait() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register_lazily(ours.as_fd()).unwrap();
    assert!(poller.stop().is_empty());
    theirs.write_all(b"x").unwrap();
    arrives(&ours);
    assert_eq!(blocking(&descriptor, Direction::Read, no_deadline, || read(&ours)).unwrap(), 1);
    for direction in [Direction::Read, Direction::Write] {
        let block = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let error = blocking(&descriptor, direction, no_deadline, block).unwrap_err();
        assert_eq!(error.to_string(), "runtime stopped");
    }
    assert_eq!(poller.register_lazily(ours.as_fd()).unwrap_err().to_string(), "runtime stopped");
}

#[test]
fn two_wait_first_at_once() {
    let polling = Polling::start();
    for round in 0..200 {
        let (ours, mut theirs) = pair();
        let descriptor = polling.poller.register_lazily(ours.as_fd()).unwrap();
        let together = Barrier::new(3);
        two_readers_share(&polling, &descriptor, (&ours, &mut theirs), round % 2 == 0, || _ = together.wait());
    }
}

#[test]
fn a_close_races_with_the_first_wait() {
    let polling = Polling::start();
    for _ in 0..200 {
        let (ours, _theirs) = pair();
        let descriptor = polling.poller.register_lazily(ours.as_fd()).unwrap();
        let together = Barrier::new(2);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                together.wait();
                blocking(&descriptor, Direction::Read, no_deadline, || read(&ours))
            });
            together.wait();
            wake_all(descriptor.close());
            assert_eq!(reader.join().unwrap().unwrap_err().kind(), io::ErrorKind::NotConnected);
        });
        assert!(
            !is_watched(&polling.poller, ours.as_fd()),
            "whoever comes second, the kernel knows nothing in the end"
        );
    }
}

#[test]
fn a_writer_waits_first() {
    let polling = Polling::start();
    let (ours, mut theirs) = pair();
    let descriptor = polling.poller.register_lazily(ours.as_fd()).unwrap();
    let sent = fill(&ours);
    thread::scope(|scope| {
        let writer = scope.spawn(|| blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(b"end")));
        polling.until_waiting(1);
        theirs.write_all(b"r").unwrap();
        assert_eq!(blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)).unwrap(), b'r');
        let reader = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read_byte(&ours)));
        polling.until_waiting(2);
        theirs.write_all(b"s").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b's');
        theirs.read_exact(&mut vec![0; sent]).unwrap();
        assert_eq!(writer.join().unwrap().unwrap(), 3);
    });
    polling.until_waiting(0);
}

#[test]
fn a_task_waits_first() {
    let polling = Polling::start();
    for round in 0..200 {
        let (ours, mut theirs) = pair();
        let descriptor = polling.poller.register_lazily(ours.as_fd()).unwrap();
        thread::scope(|scope| {
            let task = scope.spawn(|| block_on(&mut descriptor.task(Direction::Read), || read_byte(&ours)));
            if round % 2 == 0 {
                polling.until_waiting(1);
            }
            theirs.write_all(b"x").unwrap();
            assert_eq!(task.join().unwrap().unwrap(), b'x');
        });
        polling.until_waiting(0);
    }
}

#[test]
fn what_cannot_be_waited_for_is_told_to_who_waits() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let file = File::open("Cargo.toml").unwrap();
    let descriptor = poller.register_lazily(file.as_fd()).unwrap();
    let (_, ticket) = Parker::new();
    let mut operation = descriptor.operation(Direction::Read);
    for _ in 0..2 {
        assert_eq!(operation.wait(ticket).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
    assert_eq!(finish(operation), 0);
    // Nor is what a short transfer said believed any longer, since no event would ever refute it: the call is to be made, and waits if it must.
    let mut operation = descriptor.operation(Direction::Read);
    operation.begin();
    operation.exhaust();
    assert_eq!(finish(operation), 0);
    let mut operation = descriptor.operation(Direction::Read);
    assert!(operation.is_exhausted());
    assert_eq!(operation.wait(ticket).unwrap(), Wait::Retry);
    operation.begin();
    assert!(!operation.is_exhausted());
    assert_eq!(operation.wait(ticket).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(finish(operation), 0);
    assert_eq!(poller.waiters(), 0);
}
