//! What `select!` promises, between goroutines, threads, and both.

mod support;

use std::time::{Duration, Instant};

use support::{Census, everywhere};
use threadle::chan::{self, RecvError, SendError, bounded, never, unbounded};
use threadle::{select, select_biased};

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn the_arm_that_is_ready_is_chosen() {
    everywhere("ready", |_| {
        let (left, right) = (bounded(1), bounded::<u8>(1));
        left.0.send(1).unwrap();
        select! {
            recv(left.1) -> value => assert_eq!(value, Ok(1)),
            recv(right.1) -> _ => panic!("nothing was sent there"),
        }
        select! {
            recv(left.1) -> _ => panic!("it is empty by now"),
            send(right.0, 2) -> sent => assert_eq!(sent, Ok(())),
        }
        assert_eq!(right.1.recv(), Ok(2));
    });
}

#[test]
fn the_grammar() {
    let (sender, receiver) = unbounded::<i32>();
    let borrowed = &receiver;
    // Expressions, blocks, with commas and without; operands by value, by reference, temporary.
    let seen = select! {
        recv(&receiver) -> _ => unreachable!(),
        recv(borrowed,) -> _ => { unreachable!() }
        recv(chan::after(Duration::from_secs(100))) -> _ => { unreachable!() },
        recv(never::<u8>()) -> value => if value.is_ok() { 1 } else { 2 },
        default() => 3
    };
    assert_eq!(seen, 3);
    let seen = select! { default => 4 };
    assert_eq!(seen, 4);
    let seen = select! { default(SHORT) => { 5 } };
    assert_eq!(seen, 5);
    let seen = select! {
        default(SHORT,) => 0,
        send(&sender, 6,) -> _ => { 6 }
    };
    assert_eq!(seen, 6);
    let Ok(six) = (select! { recv(receiver) -> value => value }) else { panic!("it is there") };
    assert_eq!(six, 6);
    // Bodies leave the surrounding loop, and the function.
    sender.send(7).unwrap();
    let last = loop {
        select! {
            recv(receiver) -> value => break value,
            default => continue,
        }
    };
    assert_eq!(last, Ok(7));
    fn leaves(receiver: &chan::Receiver<i32>) -> i32 {
        select! {
            recv(receiver) -> value => return value.unwrap(),
            default => {}
        }
        0
    }
    assert_eq!(leaves(&receiver), 0);
    sender.send(8).unwrap();
    assert_eq!(leaves(&receiver), 8);
}

#[test]
fn a_body_may_move_and_replace_the_operands() {
    let (sender, mut receiver) = unbounded();
    sender.send(String::from("one")).unwrap();
    select! { recv(receiver) -> value => { assert_eq!(value.unwrap(), "one"); receiver = never(); } }
    select! { recv(receiver) -> _ => unreachable!(), default => drop(receiver) }
    select! { send(sender, String::new()) -> refused => { assert_eq!(refused, Err(SendError(String::new()))); drop(sender); } }
}

#[test]
fn a_value_is_made_only_for_the_arm_that_wins() {
    everywhere("kept", |_| {
        let census = Census::default();
        let (full, _keep) = bounded(1);
        full.send(census.make()).ok().unwrap();
        let (free, free_receiver) = bounded(1);
        let value = census.make();
        select! {
            send(full, { census.make() }) -> _ => panic!("it is full"),
            send(free, value) -> sent => assert!(sent.is_ok()),
        }
        assert_eq!(census.made(), 2);
        drop((free_receiver, free));
        assert_eq!(census.dropped(), 1);
    });
}

#[test]
fn two_selects_meet_across_two_rendezvous_channels() {
    everywhere("meet", |place| {
        let (a, b) = (bounded(0), bounded(0));
        let peer = {
            let (a, b) = (a.clone(), b.clone());
            place.spawn(move || {
                let mut seen = 0;
                for n in 0..500_u64 {
                    select! {
                        send(a.0, n) -> sent => sent.unwrap(),
                        recv(b.1) -> value => { assert_eq!(value, Ok(seen)); seen += 1; }
                    }
                }
                seen
            })
        };
        let mut sent_to_b = 0;
        for _ in 0..500 {
            select! {
                recv(a.1) -> value => { value.unwrap(); }
                send(b.0, sent_to_b) -> sent => { sent.unwrap(); sent_to_b += 1; }
            }
        }
        assert_eq!(peer.join(), sent_to_b);
    });
}

#[test]
fn close_and_dropped_halves_are_results() {
    everywhere("closed", |place| {
        let (sender, receiver) = bounded::<u8>(0);
        let waiting = place.spawn(move || {
            select! {
                recv(receiver) -> value => value,
                recv(never::<u8>()) -> value => value,
            }
        });
        threadle::time::sleep(SHORT);
        drop(sender);
        assert_eq!(waiting.join(), Err(RecvError));

        let (sender, receiver) = bounded(0);
        let waiting = place.spawn(move || {
            select! {
                send(sender, 5) -> sent => sent,
                recv(never::<u8>()) -> _ => Ok(()),
            }
        });
        threadle::time::sleep(SHORT);
        drop(receiver);
        assert_eq!(waiting.join(), Err(SendError(5)));
    });
}

#[test]
fn timeouts() {
    everywhere("timeouts", |_| {
        let start = Instant::now();
        let (_sender, receiver) = bounded::<u8>(0);
        select! {
            recv(receiver) -> _ => panic!("nothing is sent"),
            default(SHORT) => assert!(start.elapsed() >= SHORT),
        }
        let start = Instant::now();
        select! {
            recv(receiver) -> _ => panic!("nothing is sent"),
            recv(chan::after(SHORT)) -> at => assert!(at.unwrap() >= start + SHORT),
        }
    });
}

#[test]
fn biased_takes_the_first() {
    let (one, two) = (unbounded(), unbounded());
    for n in 0..20 {
        one.0.send(n).unwrap();
        two.0.send(n).unwrap();
    }
    for n in 0..20 {
        select_biased! {
            recv(two.1) -> value => assert_eq!(value, Ok(n)),
            recv(one.1) -> _ => panic!("the other one is ready and comes first"),
        }
    }
}
