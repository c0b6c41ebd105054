//! Everything at once on one channel: no value may be lost or seen twice. Random, with its seed printed.

mod support;

use std::time::{Duration, Instant};

use support::{Census, Place, Random, Task, assert_received_once, everywhere};
use threadle::chan::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};

/// Time-outs short enough to race with the exchange.
fn racing_timeout(random: &mut Random) -> Duration {
    Duration::from_nanos(random.below(60_000))
}

/// Sends until `end` in every way there is; how many values went through.
fn send_somehow(
    place: Place,
    sender: &Sender<support::Counted>,
    census: &Census,
    mut random: Random,
    end: Instant,
) -> usize {
    let mut sent = 0;
    let mut value = census.make();
    while Instant::now() < end {
        let back = match random.below(4) {
            0 => sender.try_send(value).map_err(TrySendError::into_inner),
            1 => sender.send(value).map_err(|error| error.into_inner()),
            _ => sender.send_timeout(value, racing_timeout(&mut random)).map_err(SendTimeoutError::into_inner),
        };
        value = match back {
            Ok(()) => {
                sent += 1;
                census.make()
            }
            Err(back) => {
                place.pause();
                back
            }
        };
    }
    sent
}

/// Receives in every way there is until the channel is closed; what came.
fn receive_somehow(place: Place, receiver: &Receiver<support::Counted>, mut random: Random) -> Vec<usize> {
    let mut mine = Vec::new();
    loop {
        match random.below(3) {
            0 => match receiver.try_recv() {
                Ok(value) => mine.push(value.id),
                Err(TryRecvError::Empty) => place.pause(),
                Err(TryRecvError::Disconnected) => return mine,
            },
            1 => match receiver.recv() {
                Ok(value) => mine.push(value.id),
                Err(_) => return mine,
            },
            _ => match receiver.recv_timeout(racing_timeout(&mut random)) {
                Ok(value) => mine.push(value.id),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return mine,
            },
        }
    }
}

#[test]
fn timeouts_racing_sends_lose_and_double_nothing() {
    let seeds = std::sync::Mutex::new(Random::new("timeouts racing sends"));
    everywhere("timeouts racing sends", |place| {
        for capacity in [Some(0), Some(1), Some(3), None] {
            let census = Census::default();
            let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
            let end = Instant::now() + Duration::from_millis(150);
            let seed = || seeds.lock().unwrap().fork();
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    let (sender, census, random) = (sender.clone(), census.clone(), seed());
                    place.spawn(move || send_somehow(place, &sender, &census, random, end))
                })
                .collect();
            let receivers: Vec<_> = (0..4)
                .map(|_| {
                    let (receiver, random) = (receiver.clone(), seed());
                    place.spawn(move || receive_somehow(place, &receiver, random))
                })
                .collect();
            drop((sender, receiver));
            let sent: usize = senders.into_iter().map(Task::join).sum();
            let received = receivers.into_iter().flat_map(Task::join).collect();
            assert_received_once(received, sent, &format!("{place:?} {capacity:?}"));
            assert_eq!(census.dropped(), census.made(), "{place:?} {capacity:?}: values leaked");
        }
    });
}

#[test]
fn closing_at_any_moment_gives_every_value_one_owner() {
    let seeds = std::sync::Mutex::new(Random::new("closing"));
    everywhere("closing", |place| {
        for round in 0..200 {
            let census = Census::default();
            let (capacity, delay, by_drop) = {
                let mut random = seeds.lock().unwrap();
                (random.below(3) as usize, random.below(80_000), random.below(2) == 0)
            };
            let (sender, receiver) = bounded(capacity);
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    let (sender, census) = (sender.clone(), census.clone());
                    place.spawn(move || {
                        std::iter::repeat_with(|| sender.send(census.make())).take_while(Result::is_ok).count()
                    })
                })
                .collect();
            let taker = {
                // With `by_drop` this one leaves early too, and what is buffered dies with the last receiver.
                let (receiver, share) = (receiver.clone(), if by_drop { 50 } else { usize::MAX });
                place.spawn(move || receiver.iter().take(share).count())
            };
            let start = Instant::now();
            while start.elapsed() < Duration::from_nanos(delay) {
                place.pause();
            }
            if !by_drop {
                receiver.close();
            }
            drop(receiver);
            let sent: usize = senders.into_iter().map(Task::join).sum();
            let received = taker.join();
            assert!(received <= sent && sent <= received + capacity, "round {round}: sent {sent}, received {received}");
            assert!(by_drop || sent == received, "round {round}: sent {sent}, received {received}");
            drop(sender);
            assert_eq!(census.dropped(), census.made(), "round {round}: values leaked");
        }
    });
}
