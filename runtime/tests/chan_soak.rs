//! Everything at once on one channel: no value may be lost or seen twice. Random, with its seed printed.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Census, Random, watchdog};
use threadle::chan::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError, bounded, unbounded};

const LIMIT: Duration = Duration::from_secs(120);
const SENDERS: usize = 3;
const RECEIVERS: usize = 3;

/// Time-outs short enough to race with the exchange.
fn racing_timeout(random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(60_000))
}

#[test]
fn timeouts_racing_sends_lose_and_double_nothing() {
    let _watchdog = watchdog("timeouts racing sends", LIMIT);
    let mut random = Random::new("timeouts racing sends");
    for (round, capacity) in [Some(0), Some(1), Some(3), None].into_iter().cycle().take(12).enumerate() {
        let census = Census::default();
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let sent = AtomicUsize::new(0);
        let received = Mutex::new(Vec::new());
        let end = Instant::now() + Duration::from_millis(120);
        thread::scope(|threads| {
            for _ in 0..SENDERS {
                let (sender, census, sent, mut random) = (sender.clone(), &census, &sent, random.fork());
                threads.spawn(move || {
                    let mut value = census.make();
                    while Instant::now() < end {
                        let back = match random.below(4) {
                            0 => sender.try_send(value).map_err(TrySendError::into_inner),
                            1 => sender.send(value).map_err(|error| error.into_inner()),
                            _ => sender
                                .send_timeout(value, racing_timeout(&mut random))
                                .map_err(SendTimeoutError::into_inner),
                        };
                        value = match back {
                            Ok(()) => {
                                sent.fetch_add(1, Ordering::SeqCst);
                                census.make()
                            }
                            Err(back) => back,
                        };
                    }
                });
            }
            for _ in 0..RECEIVERS {
                let (receiver, received, mut random) = (receiver.clone(), &received, random.fork());
                threads.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        match random.below(3) {
                            0 => match receiver.try_recv() {
                                Ok(value) => mine.push(value.id),
                                Err(TryRecvError::Empty) => thread::yield_now(),
                                Err(TryRecvError::Disconnected) => break,
                            },
                            1 => match receiver.recv() {
                                Ok(value) => mine.push(value.id),
                                Err(_) => break,
                            },
                            _ => match receiver.recv_timeout(racing_timeout(&mut random)) {
                                Ok(value) => mine.push(value.id),
                                Err(RecvTimeoutError::Timeout) => {}
                                Err(RecvTimeoutError::Disconnected) => break,
                            },
                        }
                    }
                    received.lock().unwrap().extend(mine);
                });
            }
            drop(sender);
        });
        drop(receiver);
        let mut received = received.into_inner().unwrap();
        let total = received.len();
        received.sort_unstable();
        received.dedup();
        assert_eq!(received.len(), total, "round {round}: a value was received twice");
        assert_eq!(total, sent.into_inner(), "round {round}: sent and received differ");
        assert_eq!(census.dropped(), census.made(), "round {round}: values leaked");
    }
}

#[test]
fn closing_at_any_moment_gives_every_value_one_owner() {
    let _watchdog = watchdog("closing", LIMIT);
    let mut random = Random::new("closing");
    for round in 0..400 {
        let census = Census::default();
        let capacity = random.below(3) as usize;
        let (sender, receiver) = bounded(capacity);
        let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (delay, by_drop) = (random.below(80_000), random.below(2) == 0);
        thread::scope(|threads| {
            for _ in 0..2 {
                let (sender, census, sent) = (sender.clone(), &census, &sent);
                threads.spawn(move || {
                    while sender.send(census.make()).is_ok() {
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let closer = receiver.clone();
            let (receiver, received) = (receiver, &received);
            threads.spawn(move || {
                // With `by_drop` this one leaves early too, and what is buffered dies with the last receiver.
                let share = if by_drop { 50 } else { usize::MAX };
                received.fetch_add(receiver.iter().take(share).count(), Ordering::SeqCst);
            });
            let start = Instant::now();
            while start.elapsed() < Duration::from_nanos(delay) {
                std::hint::spin_loop();
            }
            if !by_drop {
                closer.close();
            }
        });
        let (sent, received) = (sent.into_inner(), received.into_inner());
        assert!(received <= sent && sent <= received + capacity, "round {round}: sent {sent}, received {received}");
        assert!(by_drop || sent == received, "round {round}: sent {sent}, received {received}");
        drop(sender);
        assert_eq!(census.dropped(), census.made(), "round {round}: values leaked");
    }
}
