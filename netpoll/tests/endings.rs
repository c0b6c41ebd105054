//! Nobody is left waiting for what will not come: close, stop, changed deadlines, dropped tasks.
#![cfg(not(loom))]

mod harness;

use harness::{Parker, Polling, Ticket, blocking, fill, finish, no_deadline, until, wake_all};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use threadle_netpoll::{Direction, Operation, Polled, Poller, Ready, TaskWaiter, Wait, Woken};

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

fn read(mut stream: impl Read) -> io::Result<usize> {
    stream.read(&mut [0; 64])
}

#[test]
fn a_close_wakes_everybody_on_both_sides() {
    let polling = Polling::start();
    for round in 0..200 {
        let (ours, _theirs) = pair();
        fill(&ours);
        let descriptor = polling.poller.register(ours.as_fd()).unwrap();
        thread::scope(|scope| {
            let readers =
                [(); 2].map(|()| scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read(&ours))));
            let writer = scope.spawn(|| blocking(&descriptor, Direction::Write, no_deadline, || (&ours).write(b"x")));
            if round % 2 == 0 {
                polling.until_waiting(3);
            }
            wake_all(descriptor.close());
            for waiter in readers.into_iter().chain([writer]) {
                let error = waiter.join().unwrap().unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotConnected);
            }
        });
        assert!(descriptor.is_closed());
        assert!(descriptor.close().is_empty(), "closing again does nothing");
        polling.until_waiting(0);
    }
}

#[test]
fn a_close_wakes_a_task() {
    let polling = Polling::start();
    let (ours, _theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    thread::scope(|scope| {
        let task = scope.spawn(|| harness::block_on(&mut descriptor.task(Direction::Read), || read(&ours)));
        polling.until_waiting(1);
        wake_all(descriptor.close());
        assert_eq!(task.join().unwrap().unwrap_err().kind(), io::ErrorKind::NotConnected);
    });
}

#[test]
fn when_the_owner_stops_its_waiters_are_told() {
    let owner = Polling::start();
    let other = Polling::start();
    let (ours, mut theirs) = pair();
    let (others, mut others_peer) = pair();
    let descriptor = owner.poller.register(ours.as_fd()).unwrap();
    let others_descriptor = other.poller.register(others.as_fd()).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| blocking(&descriptor, Direction::Read, no_deadline, || read(&ours)));
        let task = scope.spawn(|| harness::block_on(&mut descriptor.task(Direction::Read), || read(&ours)));
        let others_reader =
            scope.spawn(|| blocking(&others_descriptor, Direction::Read, no_deadline, || read(&others)));
        owner.until_waiting(2);
        other.until_waiting(1);
        assert_eq!(wake_all(owner.poller.stop()), 2);
        assert!(owner.poller.stop().is_empty());
        for waiter in [reader, task] {
            assert_eq!(waiter.join().unwrap().unwrap_err().to_string(), "runtime stopped");
        }
        assert_eq!(other.poller.waiters(), 1, "another poller's descriptor in the same slab goes on");
        others_peer.write_all(b"x").unwrap();
        assert_eq!(others_reader.join().unwrap().unwrap(), 1);
    });
    // What does not block still works, what would block is told.
    theirs.write_all(b"abc").unwrap();
    assert_eq!(blocking(&descriptor, Direction::Read, no_deadline, || read(&ours)).unwrap(), 3);
    let error = blocking(&descriptor, Direction::Read, no_deadline, || read(&ours)).unwrap_err();
    assert_eq!(error.to_string(), "runtime stopped");
    let (late, _peer) = pair();
    assert_eq!(owner.poller.register(late.as_fd()).unwrap_err().to_string(), "runtime stopped");
}

/// The waiters of these operations never come back, like goroutines of a runtime that has ended.
#[test]
fn no_event_is_spent_on_a_waiter_that_is_gone() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let queued = || {
        let (parker, ticket) = Parker::new();
        let mut operation = descriptor.operation(Direction::Read);
        operation.begin();
        assert_eq!(operation.wait(ticket).unwrap(), Wait::Park);
        (parker, ticket, operation)
    };
    let die = |(parker, _, operation): (Arc<Parker>, Ticket, Operation<'_, Ticket>)| {
        parker.die();
        std::mem::forget(operation);
    };
    let tickets = |mut ready: Ready<Ticket>| -> Vec<_> {
        let parked = ready.drain().map(|woken| match woken {
            Woken::Parked(ticket) => ticket,
            Woken::Task(_) => unreachable!("there are no tasks"),
        });
        parked.collect()
    };
    // First, in between, and last.
    let all: Vec<_> = (0..5).map(|_| queued()).collect();
    let [first, second, third, fourth, last] = all.try_into().map_err(|_| "there are five").unwrap();
    die(first);
    die(third);
    die(last);
    assert_eq!(poller.waiters(), 5);
    theirs.write_all(b"xy").unwrap();
    let mut ready = Ready::new();
    assert_eq!(poller.poll_now(&mut ready).unwrap(), Polled::Done { events: 1, interrupted: false });
    assert_eq!(tickets(ready), [second.1], "the event");
    assert_eq!(poller.waiters(), 3);
    assert_eq!((&ours).read(&mut [0]).unwrap(), 1);
    assert_eq!(second.2.finish().map_or_else(Vec::new, tickets), [fourth.1], "what the second has left");
    assert_eq!(poller.waiters(), 1);
    assert_eq!((&ours).read(&mut [0]).unwrap(), 1);
    assert!(fourth.2.finish().is_none(), "nobody is left");
    assert_eq!(poller.waiters(), 0);
}

#[test]
fn registrations_race_with_a_stop() {
    for _ in 0..200 {
        let poller = Poller::new(&harness::SLAB).unwrap();
        thread::scope(|scope| {
            let registrar = scope.spawn(|| {
                loop {
                    let (ours, _theirs) = pair();
                    let Ok(descriptor) = poller.register(ours.as_fd()) else { return };
                    let error = blocking(&descriptor, Direction::Read, || Some(Instant::now()), || read(&ours));
                    drop(error);
                    // Nobody polls here: only the stop wakes this one.
                    let (parker, ticket) = Parker::new();
                    let mut operation = descriptor.operation(Direction::Read);
                    if poller.waiters() == 0 && operation.wait(ticket).unwrap() == Wait::Park {
                        assert!(parker.park(None));
                        assert_eq!(operation.wait(ticket).unwrap(), Wait::Stopped);
                    }
                    assert!(operation.finish().is_none());
                }
            });
            thread::yield_now();
            wake_all(poller.stop());
            registrar.join().unwrap();
        });
        assert_eq!(poller.waiters(), 0);
    }
}

#[test]
fn a_deadline_set_by_another_wakes_the_blocked_one() {
    let polling = Polling::start();
    let (ours, _theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    for round in 0..200 {
        let deadline = Mutex::new(None);
        thread::scope(|scope| {
            let reader =
                scope.spawn(|| blocking(&descriptor, Direction::Read, || *deadline.lock().unwrap(), || read(&ours)));
            if round % 2 == 0 {
                polling.until_waiting(1);
            }
            *deadline.lock().unwrap() = Some(Instant::now());
            wake_all(descriptor.recheck(Direction::Read));
            assert_eq!(reader.join().unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
        polling.until_waiting(0);
    }
}

#[test]
fn rechecked_waiters_keep_their_places() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let (first_parker, first_ticket) = Parker::new();
    let (second_parker, second_ticket) = Parker::new();
    let mut first = descriptor.operation(Direction::Read);
    let mut second = descriptor.operation(Direction::Read);
    assert_eq!(first.wait(first_ticket).unwrap(), Wait::Park);
    assert_eq!(second.wait(second_ticket).unwrap(), Wait::Park);
    assert_eq!(wake_all(descriptor.recheck(Direction::Read)), 2);
    assert!(first_parker.park(None) && second_parker.park(None));
    assert_eq!(second.wait(second_ticket).unwrap(), Wait::Park);
    assert_eq!(first.wait(first_ticket).unwrap(), Wait::Park);
    theirs.write_all(b"x").unwrap();
    let mut ready = Ready::new();
    let _ = poller.poll_now(&mut ready).unwrap();
    wake_all(ready);
    assert!(first_parker.is_woken() && !second_parker.is_woken());
    assert_eq!(finish(first), 1, "nobody has drained it: handed on");
    assert!(second_parker.is_woken());
    assert!(second.finish().is_none());
}

#[test]
fn a_waker_is_replaced_at_each_poll_and_removed_on_drop() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let parkers = [(); 3].map(|()| Arc::new(Parker::default()));
    let mut waiter = descriptor.task(Direction::Read);
    for parker in &parkers[..2] {
        let waker = Waker::from(Arc::clone(parker));
        assert!(waiter.poll_io(&mut Context::from_waker(&waker), || read(&ours)).is_pending());
        assert_eq!(poller.waiters(), 1);
    }
    assert_eq!(Arc::strong_count(&parkers[0]), 1, "the replaced waker is gone");
    let mut dropped = descriptor.task(Direction::Read);
    let waker = Waker::from(Arc::clone(&parkers[2]));
    assert!(dropped.poll_io(&mut Context::from_waker(&waker), || read(&ours)).is_pending());
    assert_eq!(poller.waiters(), 2);
    drop(dropped);
    drop(waker);
    assert_eq!(Arc::strong_count(&parkers[2]), 1, "the dropped waiter's waker is gone");
    assert_eq!(poller.waiters(), 1);

    theirs.write_all(b"x").unwrap();
    let mut ready = Ready::new();
    let _ = poller.poll_now(&mut ready).unwrap();
    assert_eq!(wake_all(ready), 1);
    assert!(!parkers[0].is_woken() && parkers[1].is_woken() && !parkers[2].is_woken());
    let polled = waiter.poll_io(&mut Context::from_waker(Waker::noop()), || read(&ours));
    assert!(matches!(polled, Poll::Ready(Ok(1))));
    assert_eq!(poller.waiters(), 0);
}

#[test]
fn a_finished_task_leaves_no_waker() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let mut waiter = descriptor.task(Direction::Read);
    assert!(waiter.poll_io(&mut Context::from_waker(Waker::noop()), || read(&ours)).is_pending());
    theirs.write_all(b"x").unwrap();
    assert!(waiter.poll_io(&mut Context::from_waker(Waker::noop()), || read(&ours)).is_ready(), "polled unwoken");
    assert_eq!(poller.waiters(), 0);
}

/// A waker that owns a waiter of the very direction it is registered with.
struct Nested {
    waiter: Mutex<Option<TaskWaiter<Ticket>>>,
    dropped: Arc<AtomicBool>,
}

impl Wake for Nested {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Nested {
    fn drop(&mut self) {
        drop(self.waiter.lock().unwrap().take());
        self.dropped.store(true, Ordering::Release);
    }
}

#[test]
fn dropping_a_waker_may_drop_another_waiter() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, _theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    let dropped = Arc::new(AtomicBool::new(false));
    let mut inner = descriptor.task(Direction::Read);
    assert!(inner.poll_io(&mut Context::from_waker(Waker::noop()), || read(&ours)).is_pending());
    let nested = Nested { waiter: Mutex::new(Some(inner)), dropped: Arc::clone(&dropped) };
    let waker = Waker::from(Arc::new(nested));
    let mut outer = descriptor.task(Direction::Read);
    assert!(outer.poll_io(&mut Context::from_waker(&waker), || read(&ours)).is_pending());
    drop(waker);
    assert_eq!(poller.waiters(), 2);
    let done = Arc::new(AtomicBool::new(false));
    let replacing = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let pending = outer.poll_io(&mut Context::from_waker(Waker::noop()), || read(&ours)).is_pending();
            done.store(true, Ordering::Release);
            pending
        }
    });
    until("the replaced waker is dropped outside of the lock", || done.load(Ordering::Acquire));
    assert!(replacing.join().unwrap());
    assert!(dropped.load(Ordering::Acquire));
    assert_eq!(poller.waiters(), 0);
}

#[test]
fn dropping_the_last_clone_deregisters() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let (ours, mut theirs) = pair();
    let descriptor = poller.register(ours.as_fd()).unwrap();
    assert_eq!(poller.register(ours.as_fd()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    let clone = descriptor.clone();
    drop(descriptor);
    assert!(!clone.is_closed());
    theirs.write_all(b"x").unwrap();
    drop(clone);
    let mut ready = Ready::new();
    let polled = poller.poll_now(&mut ready).unwrap();
    assert_eq!(polled, threadle_netpoll::Polled::Done { events: 0, interrupted: false });
    assert!(poller.register(ours.as_fd()).is_ok());
}

#[test]
fn what_cannot_be_waited_for_is_refused() {
    let poller = Poller::new(&harness::SLAB).unwrap();
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    assert_eq!(poller.register(file.as_fd()).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn a_waiter_with_a_deadline_gives_up() {
    let polling = Polling::start();
    let (ours, _theirs) = pair();
    let descriptor = polling.poller.register(ours.as_fd()).unwrap();
    let deadline = Instant::now() + Duration::from_millis(5);
    let error = blocking(&descriptor, Direction::Read, || Some(deadline), || read(&ours)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(Instant::now() >= deadline);
    polling.until_waiting(0);
}
