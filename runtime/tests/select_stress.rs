//! `select!` under load and in races: fairness, starvation, self-selection, and everything at once. After what Go's own tests of channels look
//! for. Random, with the seed printed.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Census, Counted, Place, Random, Task, everywhere};
use threadle::chan::{Receiver, Select, Sender, after, bounded, never, unbounded};
use threadle::select;

/// Of channels that are always ready each gets its share.
#[test]
fn the_choice_is_fair() {
    everywhere("fair", |_| {
        const ROUNDS: usize = 9000;
        let mut sent = [0_usize; 3];
        let (closed, one) = bounded::<u8>(0);
        let (two, three) = (one.clone(), one.clone());
        drop(closed);
        for _ in 0..ROUNDS {
            select! {
                recv(one) -> _ => sent[0] += 1,
                recv(never::<u8>()) -> _ => unreachable!(),
                recv(two) -> _ => sent[1] += 1,
                recv(three) -> _ => sent[2] += 1,
            }
        }
        // Eight standard deviations, of a binomial with a third.
        let slack = 8 * (ROUNDS * 2 / 9).isqrt();
        assert!(sent.iter().all(|&count| count.abs_diff(ROUNDS / 3) <= slack), "{sent:?}");
    });
}

/// A flood on one channel does not keep the other from being heard, nor one select among plain receivers.
#[test]
fn nobody_starves() {
    everywhere("starve", |place| {
        let (flood, flooded) = bounded(0);
        let (drop_by_drop, heard) = bounded(0);
        let over = Arc::new(AtomicBool::new(false));
        let flooding: Vec<_> = (0..4)
            .map(|_| {
                let (flood, over) = (flood.clone(), Arc::clone(&over));
                place.spawn(move || while !over.load(Ordering::Relaxed) && flood.send(1).is_ok() {})
            })
            .collect();
        let sending = place.spawn(move || (0..50).for_each(|n| drop_by_drop.send(n).unwrap()));
        // Select sends beside plain senders to one channel, and receives beside plain receivers.
        let (selected, idle) = (flood.clone(), never::<()>());
        let also = place.spawn(move || {
            for _ in 0..50 {
                select! {
                    send(selected, 2) -> sent => sent.unwrap(),
                    recv(idle) -> _ => unreachable!(),
                }
            }
        });
        let (mut drops, mut twos) = (0, 0);
        while drops < 50 || twos < 50 {
            select! {
                recv(flooded) -> value => twos += usize::from(value == Ok(2)),
                recv(heard) -> value => if value.is_ok() { drops += 1 },
            }
            if drops == 50 {
                // It is closed from here on, and always ready.
                place.pause();
            }
        }
        over.store(true, Ordering::Relaxed);
        drop((flood, flooded));
        flooding.into_iter().for_each(Task::join);
        sending.join();
        also.join();
    });
}

/// Go's `TestSelfSelect`: a select that could send to itself must not.
#[test]
fn a_select_does_not_meet_itself() {
    everywhere("self", |place| {
        for capacity in [0, 10] {
            let (sender, receiver) = bounded(capacity);
            let tasks: Vec<_> = (0..2_usize)
                .map(|me| {
                    let (sender, receiver) = (sender.clone(), receiver.clone());
                    place.spawn(move || {
                        for _ in 0..500 {
                            // In either order of writing.
                            if me == 0 {
                                select! {
                                    send(sender, me) -> sent => sent.unwrap(),
                                    recv(receiver) -> got => assert!(capacity > 0 || got != Ok(me), "it met itself"),
                                }
                            } else {
                                select! {
                                    recv(receiver) -> got => assert!(capacity > 0 || got != Ok(me), "it met itself"),
                                    send(sender, me) -> sent => sent.unwrap(),
                                }
                            }
                        }
                        drop((sender, receiver));
                    })
                })
                .collect();
            // Whoever is last would wait for a partner.
            drop(sender);
            let rest = place.spawn(move || receiver.iter().count());
            tasks.into_iter().for_each(Task::join);
            rest.join();
        }
    });
}

/// Go's `TestNonblockRecvRace` and `TestNonblockSelectRace`: what is there, or closed, is found.
#[test]
fn a_default_is_taken_only_if_nothing_is_ready() {
    everywhere("default", |place| {
        for _ in 0..300 {
            let (sender, receiver) = bounded(1);
            sender.send(1).unwrap();
            let looking = {
                let receiver = receiver.clone();
                place.spawn(move || {
                    select! {
                        recv(receiver) -> _ => true,
                        default => false,
                    }
                })
            };
            sender.close();
            let _ = receiver.recv();
            assert!(looking.join(), "it was full, or closed, at any time");
        }
    });
}

/// One channel in many arms: each value comes once.
#[test]
fn the_same_channel_in_several_arms() {
    everywhere("several arms", |place| {
        for capacity in [0, 1, 4] {
            let (sender, receiver) = bounded(capacity);
            let sending = place.spawn(move || (0..500).for_each(|n| sender.send(n).unwrap()));
            for n in 0..500 {
                let got = select! {
                    recv(receiver) -> value => value,
                    recv(receiver) -> value => value,
                    recv(receiver) -> value => value,
                };
                assert_eq!(got, Ok(n));
            }
            sending.join();
        }
    });
}

/// Go's `TestSelectStress`: four channels of different kinds, senders and receivers on each and in selects over all of them.
#[test]
fn four_channels_in_every_way() {
    everywhere("four channels", |place| {
        const EACH: usize = 300;
        let channels: Vec<_> = [bounded(0), bounded(0), bounded(2), bounded(3)].into();
        let mut tasks = Vec::new();
        for channel in &channels {
            let (sender, receiver) = channel.clone();
            tasks.push(place.spawn(move || (0..EACH).for_each(|_| sender.send(0).unwrap())));
            tasks.push(place.spawn(move || (0..EACH).for_each(|_| assert_eq!(receiver.recv(), Ok(0)))));
        }
        let all = channels.clone();
        tasks.push(place.spawn(move || {
            let mut left = [EACH; 4];
            for _ in 0..4 * EACH {
                let s = |n: usize| if left[n] > 0 { all[n].0.clone() } else { bounded_and_full() };
                let (s0, s1, s2, s3) = (s(0), s(1), s(2), s(3));
                let sent = select! {
                    send(s3, 0) -> sent => { sent.unwrap(); 3 }
                    send(s2, 0) -> sent => { sent.unwrap(); 2 }
                    send(s0, 0) -> sent => { sent.unwrap(); 0 }
                    send(s1, 0) -> sent => { sent.unwrap(); 1 }
                };
                left[sent] -= 1;
            }
        }));
        let all = channels.clone();
        tasks.push(place.spawn(move || {
            let mut left = [EACH; 4];
            for _ in 0..4 * EACH {
                let r = |n: usize| if left[n] > 0 { all[n].1.clone() } else { never() };
                let (r0, r1, r2, r3) = (r(0), r(1), r(2), r(3));
                let received = select! {
                    recv(r0) -> value => { value.unwrap(); 0 }
                    recv(r1) -> value => { value.unwrap(); 1 }
                    recv(r2) -> value => { value.unwrap(); 2 }
                    recv(r3) -> value => { value.unwrap(); 3 }
                };
                left[received] -= 1;
            }
        }));
        tasks.into_iter().for_each(Task::join);
        assert!(channels.iter().all(|(sender, _)| sender.is_empty()));
    });
}

/// A sender that can never send: nobody receives, and it stays open.
fn bounded_and_full() -> Sender<u8> {
    static FULL: std::sync::OnceLock<(Sender<u8>, Receiver<u8>)> = std::sync::OnceLock::new();
    FULL.get_or_init(|| bounded(0)).0.clone()
}

/// One of the channels of the soak, both ends.
type Pair = (Sender<Counted>, Receiver<Counted>);

/// What one task of the soak has sent and received.
#[derive(Default)]
struct Tally {
    sent: usize,
    received: Vec<usize>,
}

impl Tally {
    fn received(&mut self, value: Option<Counted>) {
        self.received.extend(value.map(|value| value.id));
    }
}

/// Every way to send and receive, over two random channels, with time-outs that race with the exchange.
fn soak(place: Place, channels: &[Pair], census: &Census, random: &mut Random, end: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < end {
        let pick = |random: &mut Random| &channels[random.below(channels.len() as u64) as usize];
        let ((to, _), (_, from)) = (pick(random), pick(random));
        let timeout = Duration::from_nanos(random.below(60_000));
        match random.below(8) {
            0 => select! {
                send(to, census.make()) -> sent => tally.sent += usize::from(sent.is_ok()),
                recv(from) -> value => tally.received(value.ok()),
                default => place.pause(),
            },
            1..=2 => select! {
                send(to, census.make()) -> sent => tally.sent += usize::from(sent.is_ok()),
                recv(from) -> value => tally.received(value.ok()),
                default(timeout) => {}
            },
            3 => select! {
                recv(from) -> value => tally.received(value.ok()),
                recv(after(timeout)) -> _ => {}
            },
            4 => {
                let mut select = Select::new();
                let (send, receive) = (select.send(to), select.recv(from));
                if let Ok(chosen) = select.select_timeout(timeout) {
                    if chosen.index() == send {
                        if random.below(4) == 0 {
                            // Not in a hurry: the receiver may give up.
                            place.pause();
                        }
                        tally.sent += usize::from(chosen.send(to, census.make()).is_ok());
                    } else {
                        assert_eq!(chosen.index(), receive);
                        tally.received(chosen.recv(from).ok());
                    }
                }
            }
            5 => {
                // An arm that is chosen and does not send.
                let mut left = || {
                    select! {
                        send(to, { if timeout > Duration::ZERO { return } census.make() }) -> sent => {
                            tally.sent += usize::from(sent.is_ok());
                        }
                        default(timeout) => {}
                    }
                };
                left();
            }
            6 => tally.sent += usize::from(to.send_timeout(census.make(), timeout).is_ok()),
            _ => tally.received(from.recv_timeout(timeout).ok()),
        }
    }
    tally
}

#[test]
fn everything_at_once_loses_and_doubles_nothing() {
    let seeds = std::sync::Mutex::new(Random::new("select soak"));
    everywhere("select soak", |place| {
        let census = Census::default();
        let channels: Vec<Pair> = vec![bounded(0), bounded(0), bounded(1), unbounded()];
        let end = Instant::now() + Duration::from_millis(400);
        let running = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (channels, census, running) = (channels.clone(), census.clone(), Arc::clone(&running));
                let mut random = seeds.lock().unwrap().fork();
                running.fetch_add(1, Ordering::SeqCst);
                place.spawn(move || {
                    let tally = soak(place, &channels, &census, &mut random, end);
                    running.fetch_sub(1, Ordering::SeqCst);
                    tally
                })
            })
            .collect();
        // A select whose receiver has given up sends to whoever comes: somebody must come until all have ended.
        let mut rest = Tally::default();
        while running.load(Ordering::SeqCst) > 0 {
            for (_, receiver) in &channels {
                rest.received(receiver.recv_timeout(Duration::from_millis(1)).ok());
            }
        }
        let tallies: Vec<_> = tasks.into_iter().map(Task::join).chain([rest]).collect();
        let sent: usize = tallies.iter().map(|tally| tally.sent).sum();
        let mut received: Vec<_> = tallies.into_iter().flat_map(|tally| tally.received).collect();
        for (_, receiver) in &channels {
            received.extend(receiver.try_iter().map(|value| value.id));
        }
        let total = received.len();
        received.sort_unstable();
        received.dedup();
        assert_eq!(received.len(), total, "{place:?}: a value was received twice");
        assert_eq!(total, sent, "{place:?}: sent and received differ");
        drop(channels);
        assert_eq!(census.dropped(), census.made(), "{place:?}: values leaked");
    });
}
