//! What a channel promises, from plain OS threads.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Census, watchdog};
use threadle::chan::{self, RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError, bounded, unbounded};

const LIMIT: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(5);

/// Waits until `condition` holds; the watchdog of the test bounds it.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn a_rendezvous_send_ends_when_the_value_is_taken() {
    let _watchdog = watchdog("rendezvous", LIMIT);
    let (sender, receiver) = bounded(0);
    assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let taken = AtomicUsize::new(0);
    thread::scope(|threads| {
        threads.spawn(|| {
            for n in 1..=100 {
                taken.store(n, Ordering::SeqCst);
                assert_eq!(receiver.recv(), Ok(n));
            }
        });
        for n in 1..=100 {
            sender.send(n).unwrap();
            assert!(taken.load(Ordering::SeqCst) >= n, "send returned before anybody received");
        }
    });
}

#[test]
fn try_send_finds_a_waiting_receiver_of_a_rendezvous() {
    let _watchdog = watchdog("try rendezvous", LIMIT);
    let (sender, receiver) = bounded(0);
    let waiting = thread::spawn(move || receiver.recv());
    until(|| sender.try_send(1).is_ok());
    assert_eq!(waiting.join().unwrap(), Ok(1));
}

#[test]
fn try_recv_finds_a_waiting_sender_of_a_rendezvous() {
    let _watchdog = watchdog("try rendezvous", LIMIT);
    let (sender, receiver) = bounded(0);
    let waiting = thread::spawn(move || sender.send(1));
    until(|| receiver.try_recv() == Ok(1));
    assert_eq!(waiting.join().unwrap(), Ok(()));
}

#[test]
fn values_come_out_in_the_order_they_went_in() {
    let _watchdog = watchdog("fifo", LIMIT);
    for capacity in [Some(0), Some(1), Some(7), None] {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let producer = thread::spawn(move || (0..10_000).for_each(|n| sender.send(n).unwrap()));
        assert!(receiver.iter().eq(0..10_000));
        producer.join().unwrap();
    }
}

#[test]
fn a_full_buffer_refuses_and_a_freed_place_goes_to_the_waiting_sender() {
    let _watchdog = watchdog("full", LIMIT);
    let (sender, receiver) = bounded(2);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(sender.is_full());
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    assert!(sender.send_timeout(9, SHORT).unwrap_err().is_timeout());
    let other = sender.clone();
    let waiting = thread::spawn(move || other.send(3));
    thread::sleep(SHORT);
    assert_eq!(receiver.recv(), Ok(1));
    waiting.join().unwrap().unwrap();
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(2), Ok(3)));
}

#[test]
fn close_leaves_what_is_buffered_and_refuses_the_rest() {
    let (sender, receiver) = bounded(3);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(receiver.close());
    assert!(!sender.close());
    assert_eq!(sender.send(3), Err(SendError(3)));
    assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
    assert!(sender.send_timeout(3, SHORT).unwrap_err().is_disconnected());
    assert_eq!(receiver.recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.recv(), Err(RecvError));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn close_and_the_last_drop_wake_every_waiter() {
    let _watchdog = watchdog("close wakes", LIMIT);
    for how in ["close", "drop"] {
        let (sender, receiver) = bounded::<u8>(0);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let receiver = receiver.clone();
                thread::spawn(move || receiver.recv())
            })
            .collect();
        thread::sleep(SHORT);
        if how == "close" {
            sender.close();
        }
        drop(sender);
        receivers.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), Err(RecvError)));

        let (sender, receiver) = bounded(1);
        sender.send(0).unwrap();
        let senders: Vec<_> = (1..5)
            .map(|n| {
                let sender = sender.clone();
                thread::spawn(move || sender.send(n))
            })
            .collect();
        thread::sleep(SHORT);
        if how == "close" {
            receiver.close();
            assert_eq!(receiver.recv(), Ok(0));
        }
        drop(receiver);
        for (waiter, n) in senders.into_iter().zip(1..5) {
            assert_eq!(waiter.join().unwrap(), Err(SendError(n)));
        }
    }
}

#[test]
fn clones_keep_the_channel_open() {
    let (sender, receiver) = unbounded();
    let (sender2, receiver2) = (sender.clone(), receiver.clone());
    drop(sender);
    drop(receiver);
    sender2.send(1).unwrap();
    assert_eq!(receiver2.recv(), Ok(1));
    drop(receiver2);
    assert_eq!(sender2.send(2), Err(SendError(2)));
}

#[test]
fn every_value_is_dropped_once() {
    let _watchdog = watchdog("drops", LIMIT);
    let census = Census::default();
    // Received, refused, and left behind in the buffer with either end dropped last.
    for receiver_first in [true, false] {
        let (sender, receiver) = bounded(4);
        (0..4).for_each(|_| sender.send(census.make()).ok().unwrap());
        assert!(sender.try_send(census.make()).is_err());
        drop(receiver.recv().unwrap());
        if receiver_first {
            let before = census.dropped();
            drop(receiver);
            assert_eq!(census.dropped(), before + 3, "the buffer dies with the last receiver");
            assert!(sender.send(census.make()).is_err());
        } else {
            drop(sender);
            assert_eq!(receiver.iter().count(), 3);
        }
    }
    // In the hands of a sender that waits while the last receiver goes.
    let (sender, receiver) = bounded(0);
    thread::scope(|threads| {
        let value = census.make();
        let waiting = threads.spawn(|| sender.send(value).is_err());
        thread::sleep(SHORT);
        drop(receiver);
        assert!(waiting.join().unwrap());
    });
    assert_eq!(census.dropped(), census.made());
}

#[test]
fn a_panicking_drop_in_the_buffer_spares_the_others_and_the_channel() {
    struct Grenade(Census, bool);
    impl Drop for Grenade {
        fn drop(&mut self) {
            drop(self.0.make());
            assert!(!self.1, "a value whose drop panics");
        }
    }
    let census = Census::default();
    let (sender, receiver) = unbounded();
    for n in 0..5 {
        sender.send(Grenade(census.clone(), n == 2)).ok().unwrap();
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(census.dropped(), 5);
    let refused = sender.send(Grenade(census.clone(), false)).unwrap_err();
    drop(refused);
    assert_eq!(census.dropped(), 6);
}

#[test]
fn deadlines_end_the_wait_and_lose_nothing() {
    let _watchdog = watchdog("deadlines", LIMIT);
    let (sender, receiver) = bounded::<u8>(0);
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(sender.send_deadline(1, start + 2 * SHORT).unwrap_err().is_timeout());
    assert!(start.elapsed() >= 2 * SHORT);
    assert_eq!(receiver.recv_deadline(start), Err(RecvTimeoutError::Timeout));
    let waiting = thread::spawn(move || receiver.recv_timeout(Duration::MAX));
    sender.send_timeout(5, Duration::MAX).unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(5));
}

#[test]
fn after_fires_once_for_one_receiver() {
    let _watchdog = watchdog("after", LIMIT);
    let start = Instant::now();
    let after = chan::after(SHORT);
    let other = after.clone();
    assert_eq!(after.try_recv(), Err(TryRecvError::Empty));
    let waiters = [after, other]
        .map(|receiver| thread::spawn(move || receiver.recv_timeout(Duration::from_millis(200))))
        .map(|waiter| waiter.join().unwrap());
    let fired: Vec<_> = waiters.into_iter().flatten().collect();
    assert_eq!(fired.len(), 1);
    assert!(fired[0] >= start + SHORT);
    assert_eq!(chan::after(Duration::MAX).try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn tick_keeps_its_grid_and_skips() {
    let _watchdog = watchdog("tick", LIMIT);
    let ticks = chan::tick(SHORT);
    let first = ticks.recv().unwrap();
    let second = ticks.recv().unwrap();
    assert_eq!((second - first).as_nanos() % SHORT.as_nanos(), 0);
    thread::sleep(4 * SHORT);
    assert_eq!(ticks.len(), 1);
    let late = ticks.recv().unwrap();
    assert!(Instant::now() - late >= SHORT, "the oldest missed tick is delivered");
    let next = ticks.recv().unwrap();
    assert!(next - late > 2 * SHORT, "those between are skipped");
    assert_eq!((next - first).as_nanos() % SHORT.as_nanos(), 0);
}

#[test]
fn never_is_never() {
    let never = chan::never::<u8>();
    assert_eq!(never.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(never.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(!never.close());
}

#[test]
fn try_iter_stops_where_recv_would_wait() {
    let (sender, receiver) = unbounded();
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    drop(sender);
    assert_eq!((&receiver).into_iter().count(), 0);
    assert_eq!(receiver.into_iter().count(), 0);
}

#[test]
fn channels_of_channels() {
    let (sender, receiver) = bounded::<chan::Sender<u32>>(1);
    let worker = thread::spawn(move || receiver.iter().for_each(|reply| reply.send(42).unwrap()));
    let (reply, answer) = bounded(1);
    sender.send(reply).unwrap();
    assert_eq!(answer.recv(), Ok(42));
    assert_eq!(answer.recv(), Err(RecvError));
    drop(sender);
    worker.join().unwrap();
}

#[test]
fn halves_are_send_and_sync_and_unwind_safe() {
    fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<chan::Sender<std::cell::Cell<u8>>>();
    check::<chan::Receiver<std::cell::Cell<u8>>>();
}
