//! What `Select` promises beyond `select!`: any number of operations, used any number of times.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use support::{Census, everywhere};
use threadle::chan::{
    ReadyTimeoutError, RecvError, Select, SelectTimeoutError, SendError, TryReadyError, TrySelectError, bounded, never,
    unbounded,
};

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn a_thousand_channels() {
    everywhere("a thousand", |place| {
        const CHANNELS: usize = 1000;
        let channels: Vec<_> = (0..CHANNELS).map(|n| if n % 2 == 0 { bounded(0) } else { unbounded() }).collect();
        let senders: Vec<_> = channels.iter().map(|(sender, _)| sender.clone()).collect();
        let sending = place.spawn(move || {
            // In an order of its own, each channel once.
            (0..CHANNELS).for_each(|n| senders[n * 387 % CHANNELS].send(n * 387 % CHANNELS).unwrap());
        });
        let mut select = Select::new();
        for (_, receiver) in &channels {
            select.recv(receiver);
        }
        let mut seen = vec![false; CHANNELS];
        for _ in 0..CHANNELS {
            let chosen = select.select();
            let number = chosen.index();
            assert_eq!(chosen.recv(&channels[number].1), Ok(number));
            assert!(!std::mem::replace(&mut seen[number], true));
        }
        sending.join();
    });
}

#[test]
fn without_operations() {
    let mut select = Select::new();
    assert_eq!(select.try_select().err(), Some(TrySelectError));
    assert_eq!(select.try_ready(), Err(TryReadyError));
    let start = Instant::now();
    assert_eq!(select.select_timeout(SHORT).err(), Some(SelectTimeoutError));
    assert_eq!(select.ready_timeout(SHORT), Err(ReadyTimeoutError));
    assert!(start.elapsed() >= 2 * SHORT);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(Select::new().select()))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| Select::new().ready())).is_err());
}

#[test]
fn operations_are_completed_with_what_was_selected() {
    let ((sender, receiver), (other, _other_receiver)) = (bounded(1), bounded::<u8>(1));
    let mut select = Select::new();
    select.send(&sender);
    let chosen = select.select();
    assert!(catch_unwind(AssertUnwindSafe(|| chosen.send(&other, 1))).is_err());
    // The place was given back.
    select.select().send(&sender, 2).unwrap();
    assert_eq!(receiver.recv(), Ok(2));
}

#[test]
fn one_that_is_dropped_says_so_and_keeps_nobody_waiting() {
    everywhere("dropped", |place| {
        let (sender, receiver) = bounded(0);
        let waiting = place.spawn(move || receiver.recv());
        let mut select = Select::new();
        select.send(&sender);
        let chosen = select.select();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(chosen))).is_err());
        sender.send(1).unwrap();
        assert_eq!(waiting.join(), Ok(1));

        let census = Census::default();
        let (sender, receiver) = bounded(1);
        sender.send(census.make()).ok().unwrap();
        let mut select = Select::new();
        select.recv(&receiver);
        let chosen = select.select();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(chosen))).is_err());
        assert_eq!(census.dropped(), 1);
    });
}

#[test]
fn the_next_may_begin_before_the_last_is_completed() {
    let (sender, receiver) = bounded(4);
    let mut select = Select::new();
    select.send(&sender);
    let (first, second) = (select.select(), select.select());
    second.send(&sender, 2).unwrap();
    first.send(&sender, 1).unwrap();
    let mut select = Select::new_biased();
    select.recv(&receiver);
    let (first, second) = (select.select(), select.select());
    assert_eq!(second.recv(&receiver), Ok(1));
    assert_eq!(first.recv(&receiver), Ok(2));
}

#[test]
fn the_place_of_a_clone_is_its_own() {
    let (sender, receiver) = bounded(1);
    let mut select = Select::new();
    let send = select.send(&sender);
    let mut clone = select.clone();
    let receive = clone.recv(&receiver);
    select.select().send(&sender, 1).unwrap();
    let chosen = clone.select();
    assert_eq!((chosen.index(), send, receive), (1, 0, 1));
    assert_eq!(chosen.recv(&receiver), Ok(1));
}

#[test]
fn ready_tells_and_takes_nothing() {
    everywhere("ready", |place| {
        let ((sender, receiver), nothing) = (bounded(0), never::<u8>());
        let sending = place.spawn(move || (0..100).for_each(|n| sender.send(n).unwrap()));
        let mut select = Select::new();
        let (_, receive) = (select.recv(&nothing), select.recv(&receiver));
        for n in 0..100 {
            assert_eq!(select.ready(), receive);
            assert_eq!(receiver.try_recv(), Ok(n));
        }
        sending.join();
        assert_eq!(select.ready(), receive);
        assert!(receiver.recv().is_err());
    });
}

#[test]
fn ready_to_send() {
    everywhere("ready to send", |place| {
        let (sender, receiver) = bounded(1);
        sender.send(0).unwrap();
        let mut select = Select::new();
        let send = select.send(&sender);
        assert_eq!(select.try_ready(), Err(TryReadyError));
        assert_eq!(select.ready_timeout(SHORT), Err(ReadyTimeoutError));
        let receiving = place.spawn(move || receiver.into_iter().count());
        for n in 0..100 {
            assert_eq!(select.ready(), send);
            assert_eq!(sender.try_send(n), Ok(()));
        }
        drop(select);
        drop(sender);
        assert_eq!(receiving.join(), 101);
    });
}

#[test]
fn closed_channels_are_taken_out_one_by_one() {
    everywhere("taken out", |place| {
        let channels: Vec<_> = (0..10).map(|_| bounded(0)).collect();
        let tasks: Vec<_> = channels
            .iter()
            .map(|(sender, _)| sender.clone())
            .enumerate()
            .map(|(n, sender)| place.spawn(move || (0..n).for_each(|value| sender.send(value).unwrap())))
            .collect();
        let receivers: Vec<_> = channels.into_iter().map(|(_, receiver)| receiver).collect();
        let mut select = Select::new();
        let mut left: Vec<_> = receivers.iter().map(|receiver| select.recv(receiver)).collect();
        let mut seen = vec![0; receivers.len()];
        while !left.is_empty() {
            let chosen = select.select();
            let number = chosen.index();
            match chosen.recv(&receivers[number]) {
                Ok(value) => {
                    assert_eq!(value, seen[number]);
                    seen[number] += 1;
                }
                Err(RecvError) => {
                    select.remove(number);
                    left.retain(|&other| other != number);
                }
            }
        }
        assert!(seen.iter().enumerate().all(|(n, &count)| count == n));
        assert!(select.try_select().is_err());
        tasks.into_iter().for_each(support::Task::join);
    });
}

#[test]
fn a_closed_channel_refuses_what_was_to_be_sent() {
    let (sender, receiver) = bounded(1);
    let mut select = Select::new();
    select.send(&sender);
    let chosen = select.select();
    drop(receiver);
    assert_eq!(chosen.send(&sender, 1), Err(SendError(1)));
    assert_eq!(select.select().send(&sender, 2), Err(SendError(2)));
}
