//! Events of a closed descriptor touch nothing of the one that has its number and its slot now.
#![cfg(not(loom))]

mod harness;

use harness::{Parker, SLAB, wake_each};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use threadle_netpoll::{Direction, Poller, Ready, Sleep, Wait};

/// Puts a copy of `source` in the place of `number`, whatever was there.
fn replace(number: &OwnedFd, source: &UnixStream) {
    // SAFETY: both descriptors are open, and the number stays the property of `number`: only the file behind it changes.
    let result = unsafe { libc::dup3(source.as_raw_fd(), number.as_raw_fd(), libc::O_CLOEXEC) };
    assert_eq!(result, number.as_raw_fd(), "{}", std::io::Error::last_os_error());
}

fn fixed_number() -> OwnedFd {
    let null = std::fs::File::open("/dev/null").unwrap();
    // SAFETY: makes a new descriptor of an open one.
    let number = unsafe { libc::fcntl(null.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 700) };
    assert!(number >= 700, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel just made it, and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

#[test]
fn stale_events_over_ten_thousand_lives_of_one_number() {
    const ROUNDS: usize = 10_000;
    let poller = Poller::new(&SLAB).unwrap();
    let done = AtomicBool::new(false);
    let number = fixed_number();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut ready = Ready::new();
                while !done.load(Ordering::Acquire) {
                    let _ = poller.poll_now(&mut ready).unwrap();
                    wake_each(&mut ready);
                    let _ = poller.poll_blocking(&mut ready, || Sleep::Not).unwrap();
                }
            });
        }
        let (parker, ticket) = Parker::new();
        for round in 0..ROUNDS {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            theirs.set_nonblocking(true).unwrap();
            replace(&number, &ours);
            let descriptor = poller.register(number.as_fd()).unwrap();
            let mut operation = descriptor.operation(Direction::Read);
            operation.begin();
            // Nothing was written to this one: whatever is seen here came from an earlier life.
            assert_eq!(operation.wait(ticket).unwrap(), Wait::Park, "round {round}");
            if round % 16 == 0 {
                thread::yield_now();
            }
            assert!(!parker.is_woken(), "round {round}");
            // Events in both directions, on their way when it is closed.
            (&theirs).write_all(b"x").unwrap();
            if round % 2 == 0 {
                drop(theirs);
            }
            let closed = descriptor.close();
            // Either the close took the waiter out, or an event of this life did, legitimately.
            if closed.is_empty() {
                assert!(parker.park(None));
            }
            drop(closed);
            assert!(operation.finish().is_none());
            drop(descriptor);
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(poller.waiters(), 0);
}

#[test]
fn slots_and_generations_survive_churn_from_several_threads() {
    const ROUNDS: usize = 2_000;
    let polling = harness::Polling::start();
    thread::scope(|scope| {
        for byte in 0..4_u8 {
            let poller = &polling.poller;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let (ours, mut theirs) = UnixStream::pair().unwrap();
                    ours.set_nonblocking(true).unwrap();
                    let descriptor = poller.register(ours.as_fd()).unwrap();
                    theirs.write_all(&[byte]).unwrap();
                    let mut received = [0xff];
                    let result = harness::blocking(&descriptor, Direction::Read, harness::no_deadline, || {
                        (&ours).read(&mut received)
                    });
                    assert_eq!(result.unwrap(), 1);
                    assert_eq!(received, [byte]);
                    let closed = descriptor.close();
                    assert!(closed.is_empty());
                }
            });
        }
    });
    polling.until_waiting(0);
}
