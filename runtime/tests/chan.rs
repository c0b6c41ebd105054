//! What a channel promises, between goroutines, threads, and both.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Census, everywhere};
use threadle::chan::{self, RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError, bounded, unbounded};
use threadle::time::sleep;
use threadle::{Builder, go, yield_now};

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn a_rendezvous_send_ends_when_the_value_is_taken() {
    everywhere("rendezvous", |place| {
        let (sender, receiver) = bounded(0);
        assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let taking = Arc::new(AtomicUsize::new(0));
        let taker = {
            let taking = Arc::clone(&taking);
            place.spawn(move || {
                for n in 1..=100 {
                    taking.store(n, Ordering::SeqCst);
                    assert_eq!(receiver.recv(), Ok(n));
                }
            })
        };
        for n in 1..=100 {
            sender.send(n).unwrap();
            assert!(taking.load(Ordering::SeqCst) >= n, "send returned before anybody received");
        }
        taker.join();
    });
}

#[test]
fn a_try_finds_a_partner_that_waits_at_a_rendezvous() {
    everywhere("try", |place| {
        let (sender, receiver) = bounded(0);
        let waiting = {
            let receiver = receiver.clone();
            place.spawn(move || receiver.recv())
        };
        place.until(|| sender.try_send(1).is_ok());
        assert_eq!(waiting.join(), Ok(1));
        let waiting = place.spawn(move || sender.send(2));
        place.until(|| receiver.try_recv() == Ok(2));
        assert_eq!(waiting.join(), Ok(()));
    });
}

#[test]
fn values_come_out_in_the_order_they_went_in() {
    everywhere("fifo", |place| {
        for capacity in [Some(0), Some(1), Some(7), None] {
            let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
            let producer = place.spawn(move || (0..10_000).for_each(|n| sender.send(n).unwrap()));
            assert!(receiver.iter().eq(0..10_000));
            producer.join();
        }
    });
}

#[test]
fn every_value_is_received_by_one_of_many() {
    everywhere("many to many", |place| {
        for capacity in [Some(0), Some(1), Some(100), None] {
            let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
            let producers: Vec<_> = (0..8u64)
                .map(|producer| {
                    let sender = sender.clone();
                    place.spawn(move || (0..500).for_each(|n| sender.send(producer * 500 + n).unwrap()))
                })
                .collect();
            drop(sender);
            let consumers: Vec<_> = (0..8)
                .map(|_| {
                    let receiver = receiver.clone();
                    place.spawn(move || receiver.into_iter().collect::<Vec<_>>())
                })
                .collect();
            producers.into_iter().for_each(support::Task::join);
            let mut all: Vec<_> = consumers.into_iter().flat_map(support::Task::join).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..4000));
        }
    });
}

#[test]
fn a_full_buffer_refuses_and_a_freed_place_goes_to_the_waiting_sender() {
    everywhere("full", |place| {
        let (sender, receiver) = bounded(2);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        assert!(sender.is_full());
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert!(sender.send_timeout(9, SHORT).unwrap_err().is_timeout());
        let waiting = place.spawn(move || sender.send(3));
        sleep(SHORT);
        assert_eq!(receiver.recv(), Ok(1));
        waiting.join().unwrap();
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(2), Ok(3)));
    });
}

#[test]
fn close_leaves_what_is_buffered_and_refuses_the_rest() {
    everywhere("close", |_| {
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
    });
}

/// More than are told under one lock, some of whom leave meanwhile; and somebody receives.
#[test]
fn close_tells_hundreds_while_some_give_up_and_some_are_served() {
    const COUNT: usize = 300;
    everywhere("close of many", |place| {
        let (sender, receiver) = bounded(0);
        let senders: Vec<_> = (0..COUNT)
            .map(|number| {
                let sender = sender.clone();
                place.spawn(move || match number % 3 {
                    0 => sender.send_timeout(number, SHORT).map_err(|error| (error.is_timeout(), error.into_inner())),
                    _ => sender.send(number).map_err(|SendError(number)| (false, number)),
                })
            })
            .collect();
        sleep(SHORT);
        let taker = {
            let receiver = receiver.clone();
            place.spawn(move || receiver.iter().count())
        };
        receiver.close();
        let mut sent = 0;
        for (number, sender) in senders.into_iter().enumerate() {
            match sender.join() {
                Ok(()) => sent += 1,
                Err((gave_up, back)) => assert!(back == number && (!gave_up || number % 3 == 0)),
            }
        }
        assert_eq!(taker.join(), sent);
        assert_eq!(sender.try_send(0), Err(TrySendError::Disconnected(0)));
    });
}

/// They wait in a row, all of them, and somebody receives while they are told: who is refused came after all who were served.
#[test]
fn who_is_served_beside_a_close_came_before_who_is_refused() {
    const COUNT: usize = 300;
    Builder::new()
        .procs(1)
        .run(|| {
            let (sender, receiver) = bounded(0);
            let begun = Arc::new(AtomicUsize::new(0));
            let senders: Vec<_> = (0..COUNT)
                .map(|_| {
                    let (sender, begun) = (sender.clone(), Arc::clone(&begun));
                    go(move || {
                        let number = begun.fetch_add(1, Ordering::SeqCst);
                        (number, sender.send(number).is_ok())
                    })
                })
                .collect();
            // On one processor each waits before the next begins, unless its slice was over just then.
            while begun.load(Ordering::SeqCst) < COUNT {
                yield_now();
            }
            (0..COUNT).for_each(|_| yield_now());
            let taker = {
                let receiver = receiver.clone();
                std::thread::spawn(move || receiver.iter().collect::<Vec<_>>())
            };
            while senders.iter().all(|sender| !sender.is_finished()) {
                yield_now();
            }
            receiver.close();
            let mut outcomes: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
            let taken = taker.join().unwrap();
            outcomes.sort_unstable();
            let first: Vec<_> = (0..COUNT).map(|number| (number, number < taken.len())).collect();
            assert_eq!((outcomes, taken.iter().is_sorted()), (first, true));
        })
        .unwrap();
}

#[test]
fn close_and_the_last_drop_wake_every_waiter() {
    // More than are told under one lock.
    const RECEIVERS: usize = 200;
    everywhere("close wakes", |place| {
        for by_close in [true, false] {
            for capacity in [0, 1] {
                let (sender, receiver) = bounded::<u8>(capacity);
                let receivers: Vec<_> = (0..RECEIVERS)
                    .map(|_| {
                        let receiver = receiver.clone();
                        place.spawn(move || receiver.recv())
                    })
                    .collect();
                sleep(SHORT);
                // The sender lives on where it closes.
                if by_close {
                    sender.close();
                } else {
                    drop(sender);
                }
                receivers.into_iter().for_each(|waiter| assert_eq!(waiter.join(), Err(RecvError)));
            }

            let (sender, receiver) = bounded(1);
            sender.send(0).unwrap();
            let senders: Vec<_> = (1..5)
                .map(|n| {
                    let sender = sender.clone();
                    place.spawn(move || sender.send(n))
                })
                .collect();
            sleep(SHORT);
            if by_close {
                receiver.close();
                assert_eq!(receiver.recv(), Ok(0));
            }
            drop(receiver);
            for (waiter, n) in senders.into_iter().zip(1..5) {
                assert_eq!(waiter.join(), Err(SendError(n)));
            }
        }
    });
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
    everywhere("drops", |place| {
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
        let value = census.make();
        let waiting = place.spawn(move || sender.send(value).is_err());
        sleep(SHORT);
        drop(receiver);
        assert!(waiting.join());
        assert_eq!(census.dropped(), census.made());
    });
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
    everywhere("grenade", |_| {
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
    });
}

#[test]
fn deadlines_end_the_wait_and_lose_nothing() {
    everywhere("deadlines", |place| {
        let (sender, receiver) = bounded::<u8>(0);
        let start = Instant::now();
        assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert!(sender.send_deadline(1, start + 2 * SHORT).unwrap_err().is_timeout());
        assert!(start.elapsed() >= 2 * SHORT);
        assert_eq!(receiver.recv_deadline(start), Err(RecvTimeoutError::Timeout));
        let waiting = place.spawn(move || receiver.recv_timeout(Duration::MAX));
        sender.send_timeout(5, Duration::MAX).unwrap();
        assert_eq!(waiting.join(), Ok(5));
    });
}

#[test]
fn after_fires_once_for_one_receiver() {
    everywhere("after", |place| {
        let start = Instant::now();
        let after = chan::after(SHORT);
        let other = after.clone();
        let waiters = [after, other].map(|receiver| place.spawn(move || receiver.recv_timeout(10 * SHORT)));
        let fired: Vec<_> = waiters.into_iter().filter_map(|waiter| waiter.join().ok()).collect();
        assert_eq!(fired.len(), 1);
        assert!(fired[0] >= start + SHORT);
        for far in [Duration::from_secs(3600), Duration::MAX] {
            assert_eq!(chan::after(far).try_recv(), Err(TryRecvError::Empty));
        }
    });
}

#[test]
fn tick_keeps_its_grid_and_skips() {
    everywhere("tick", |_| {
        let ticks = chan::tick(SHORT);
        let first = ticks.recv().unwrap();
        let second = ticks.recv().unwrap();
        assert_eq!((second - first).as_nanos() % SHORT.as_nanos(), 0);
        sleep(4 * SHORT);
        assert_eq!(ticks.len(), 1);
        let late = ticks.recv().unwrap();
        assert!(Instant::now() - late >= SHORT, "the oldest missed tick is delivered");
        let next = ticks.recv().unwrap();
        assert!(next - late > 2 * SHORT, "those between are skipped");
        assert_eq!((next - first).as_nanos() % SHORT.as_nanos(), 0);
    });
}

#[test]
fn never_is_never() {
    everywhere("never", |_| {
        let never = chan::never::<u8>();
        assert_eq!(never.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(never.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert!(!never.close());
    });
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
    everywhere("channels of channels", |place| {
        let (sender, receiver) = bounded::<chan::Sender<u32>>(1);
        let worker = place.spawn(move || receiver.iter().for_each(|reply| reply.send(42).unwrap()));
        let (reply, answer) = bounded(1);
        sender.send(reply).unwrap();
        assert_eq!(answer.recv(), Ok(42));
        assert_eq!(answer.recv(), Err(RecvError));
        drop(sender);
        worker.join();
    });
}

/// Sieve of Eratosthenes as a chain of goroutines: Go's first concurrent program.
#[test]
fn a_chain_of_filters() {
    everywhere("sieve", |place| {
        let (first, mut numbers) = bounded(0);
        let mut tasks = vec![place.spawn(move || (2..).take_while(|&n| first.send(n).is_ok()).count())];
        let mut primes = Vec::new();
        for _ in 0..30 {
            let prime: u32 = numbers.recv().unwrap();
            primes.push(prime);
            let (sender, receiver) = bounded(0);
            let source = std::mem::replace(&mut numbers, receiver);
            tasks.push(place.spawn(move || {
                source.iter().filter(|n| n % prime != 0).take_while(|&n| sender.send(n).is_ok()).count()
            }));
        }
        assert_eq!((primes[9], primes[29]), (29, 113));
        // The end of the chain goes, and each link finds its receiver gone.
        drop(numbers);
        let sent: usize = tasks.into_iter().map(support::Task::join).sum();
        assert!(sent > 0);
    });
}

#[test]
fn a_value_handed_to_a_goroutine_of_a_stopped_runtime_goes_to_the_next() {
    let _watchdog = support::watchdog("stopped runtime");
    let (sender, receiver) = bounded(0);
    let waiting = Arc::new(AtomicUsize::new(0));
    threadle::run(|| {
        for _ in 0..3 {
            let (receiver, waiting) = (receiver.clone(), Arc::clone(&waiting));
            threadle::go(move || {
                waiting.fetch_add(1, Ordering::SeqCst);
                receiver.recv()
            });
        }
        while waiting.load(Ordering::SeqCst) < 3 {
            threadle::yield_now();
        }
        sleep(SHORT);
    });
    // The three are abandoned in their waits, in front of the queue.
    assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
    let taker = std::thread::spawn(move || receiver.recv());
    sender.send(7).unwrap();
    assert_eq!(taker.join().unwrap(), Ok(7));
}

#[test]
fn halves_are_send_and_sync_and_unwind_safe() {
    fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<chan::Sender<std::cell::Cell<u8>>>();
    check::<chan::Receiver<std::cell::Cell<u8>>>();
}
