//! What `select!` promises, between goroutines, threads, and both.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
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

/// Always; but the compiler does not know.
fn leaves() -> bool {
    std::hint::black_box(true)
}

/// Sends in a `select!` whose value is made by `make`, to a receiver that waits.
fn chosen_by_one_who_waits(place: support::Place, send: impl FnOnce(&chan::Sender<u8>)) {
    let (sender, receiver) = bounded(0);
    let waiting = place.spawn(move || receiver.recv());
    send(&sender);
    sender.send(9).unwrap();
    assert_eq!(waiting.join(), Ok(9), "the receiver waited for the next value");
}

#[test]
fn an_arm_that_leaves_instead_of_sending_gives_its_receiver_back() {
    everywhere("leaves", |place| {
        chosen_by_one_who_waits(place, |sender| {
            // Whether the arm waits for the receiver, or finds it waiting.
            select! { send(sender, { if leaves() { return } 1 }) -> _ => unreachable!("it left") }
        });
        chosen_by_one_who_waits(place, |sender| 'arm: {
            select! { send(sender, { if leaves() { break 'arm } 1 }) -> _ => unreachable!("it left") }
        });
        // And its place in the buffer.
        let (sender, receiver) = bounded::<u8>(1);
        let left = (|| {
            select! { send(sender, { if leaves() { return true } 1 }) -> _ => false }
        })();
        assert!(left);
        assert_eq!(sender.try_send(1), Ok(()));
        assert_eq!(receiver.try_recv(), Ok(1));
    });
}

#[test]
fn a_value_that_panics_gives_its_receiver_back() {
    everywhere("panics", |place| {
        chosen_by_one_who_waits(place, |sender| {
            let panic = std::panic::catch_unwind(|| {
                select! { send(sender, { assert!(!leaves(), "no value"); 1 }) -> _ => unreachable!("it panicked") }
            });
            assert!(panic.is_err());
        });
    });
}

#[test]
fn a_receiver_keeps_its_deadline_while_a_value_is_made() {
    everywhere("deadline", |place| {
        let (sender, receiver) = bounded(0);
        let gave_up = bounded(1);
        let hasty = {
            let (receiver, gave_up) = (receiver.clone(), gave_up.0.clone());
            place.spawn(move || {
                let received = receiver.recv_timeout(4 * SHORT);
                gave_up.send(()).unwrap();
                received
            })
        };
        let sending = place.spawn(move || {
            select! {
                // Is chosen by the first, if that has come in time, and sends to the second.
                send(sender, { gave_up.1.recv().unwrap(); 7 }) -> sent => sent,
            }
        });
        assert_eq!(hasty.join(), Err(chan::RecvTimeoutError::Timeout));
        assert_eq!(receiver.recv(), Ok(7));
        assert_eq!(sending.join(), Ok(()));
    });
}

/// With `default` a select does not wait for another receiver where the first keeps its deadline: the value comes back.
#[test]
fn a_select_that_does_not_wait_gets_its_value_back() {
    everywhere("impatient", |place| {
        for with_timeout in [false, true] {
            let (sender, receiver) = bounded(0);
            let (gave_up, told) = bounded(1);
            let making = Arc::new(AtomicBool::new(false));
            let hasty = place.spawn({
                let making = Arc::clone(&making);
                move || {
                    while receiver.recv_timeout(SHORT) == Err(chan::RecvTimeoutError::Timeout) {
                        if making.load(Relaxed) {
                            return gave_up.send(()).is_ok();
                        }
                    }
                    false
                }
            });
            // The receiver that this is for gives up while it is made.
            let value = || {
                making.store(true, Relaxed);
                told.recv().unwrap();
                7
            };
            let sent = loop {
                let chosen = if with_timeout {
                    select! { send(sender, value()) -> sent => Some(sent), default(100 * SHORT) => None }
                } else {
                    select! { send(sender, value()) -> sent => Some(sent), default => None }
                };
                match chosen {
                    Some(sent) => break sent,
                    None => place.pause(),
                }
            };
            assert!(hasty.join(), "it kept its deadline");
            assert_eq!(sent, Err(SendError(7)));
        }
    });
}

#[test]
fn close_reaches_a_receiver_while_a_value_is_made() {
    everywhere("close", |place| {
        let (sender, receiver) = bounded(0);
        let waiting = {
            let receiver = receiver.clone();
            place.spawn(move || receiver.recv())
        };
        let refused = select! {
            send(sender, { receiver.close(); 7 }) -> sent => sent,
        };
        assert_eq!(refused, Err(SendError(7)));
        assert_eq!(waiting.join(), Err(RecvError));
    });
}

#[test]
fn a_place_in_the_buffer_is_kept_for_the_value() {
    everywhere("place", |place| {
        let (sender, receiver) = bounded(1);
        let (first, ready) = (sender.clone(), bounded(0));
        let go_on = ready.1.clone();
        let sending = place.spawn(move || {
            select! { send(first, { go_on.recv().unwrap(); 1 }) -> sent => sent }
        });
        ready.0.send(()).unwrap();
        sending.join().unwrap();
        assert_eq!(sender.try_send(2), Err(chan::TrySendError::Full(2)));
        // Reserved, and empty: full for others, and a receiver waits.
        let (sender, other) = bounded(1);
        let outcome = select! {
            send(sender, { assert_eq!(sender.try_send(0), Err(chan::TrySendError::Full(0))); assert!(other.try_recv().is_err()); 3 }) -> sent => sent,
        };
        assert_eq!(outcome, Ok(()));
        assert_eq!((receiver.recv(), other.recv()), (Ok(1), Ok(3)));
    });
}

/// The number of arms that the macro takes, and a thousand that it does not.
#[test]
fn sixty_four_arms() {
    everywhere("64 arms", |place| {
        let channels: Vec<_> = (0..64_usize).map(|_| bounded(1)).collect();
        let senders: Vec<_> = channels.iter().map(|(sender, _)| sender.clone()).collect();
        let sending = place.spawn(move || {
            for (n, sender) in senders.iter().enumerate() {
                sender.send(n).unwrap();
            }
        });
        let r = |n: usize| channels[n].1.clone();
        let mut seen = [false; 64];
        for _ in 0..64 {
            let (value, arm) = select! {
                recv(r(0)) -> v => (v, 0), recv(r(1)) -> v => (v, 1), recv(r(2)) -> v => (v, 2), recv(r(3)) -> v => (v, 3),
                recv(r(4)) -> v => (v, 4), recv(r(5)) -> v => (v, 5), recv(r(6)) -> v => (v, 6), recv(r(7)) -> v => (v, 7),
                recv(r(8)) -> v => (v, 8), recv(r(9)) -> v => (v, 9), recv(r(10)) -> v => (v, 10), recv(r(11)) -> v => (v, 11),
                recv(r(12)) -> v => (v, 12), recv(r(13)) -> v => (v, 13), recv(r(14)) -> v => (v, 14), recv(r(15)) -> v => (v, 15),
                recv(r(16)) -> v => (v, 16), recv(r(17)) -> v => (v, 17), recv(r(18)) -> v => (v, 18), recv(r(19)) -> v => (v, 19),
                recv(r(20)) -> v => (v, 20), recv(r(21)) -> v => (v, 21), recv(r(22)) -> v => (v, 22), recv(r(23)) -> v => (v, 23),
                recv(r(24)) -> v => (v, 24), recv(r(25)) -> v => (v, 25), recv(r(26)) -> v => (v, 26), recv(r(27)) -> v => (v, 27),
                recv(r(28)) -> v => (v, 28), recv(r(29)) -> v => (v, 29), recv(r(30)) -> v => (v, 30), recv(r(31)) -> v => (v, 31),
                recv(r(32)) -> v => (v, 32), recv(r(33)) -> v => (v, 33), recv(r(34)) -> v => (v, 34), recv(r(35)) -> v => (v, 35),
                recv(r(36)) -> v => (v, 36), recv(r(37)) -> v => (v, 37), recv(r(38)) -> v => (v, 38), recv(r(39)) -> v => (v, 39),
                recv(r(40)) -> v => (v, 40), recv(r(41)) -> v => (v, 41), recv(r(42)) -> v => (v, 42), recv(r(43)) -> v => (v, 43),
                recv(r(44)) -> v => (v, 44), recv(r(45)) -> v => (v, 45), recv(r(46)) -> v => (v, 46), recv(r(47)) -> v => (v, 47),
                recv(r(48)) -> v => (v, 48), recv(r(49)) -> v => (v, 49), recv(r(50)) -> v => (v, 50), recv(r(51)) -> v => (v, 51),
                recv(r(52)) -> v => (v, 52), recv(r(53)) -> v => (v, 53), recv(r(54)) -> v => (v, 54), recv(r(55)) -> v => (v, 55),
                recv(r(56)) -> v => (v, 56), recv(r(57)) -> v => (v, 57), recv(r(58)) -> v => (v, 58), recv(r(59)) -> v => (v, 59),
                recv(r(60)) -> v => (v, 60), recv(r(61)) -> v => (v, 61), recv(r(62)) -> v => (v, 62), recv(r(63)) -> v => { (v, 63) }
                default(Duration::from_secs(60)) => panic!("nothing came"),
            };
            assert_eq!(value, Ok(arm));
            assert!(!std::mem::replace(&mut seen[arm], true));
        }
        sending.join();
    });
}

#[test]
fn a_select_of_an_abandoned_goroutine_is_passed_over() {
    let _watchdog = support::watchdog("abandoned");
    let ((to_left, left), (right, from_right)) = (bounded(0), bounded(0));
    threadle::run(|| {
        for _ in 0..2 {
            let (left, right) = (left.clone(), right.clone());
            threadle::go(move || {
                select! {
                    recv(left) -> _ => unreachable!(),
                    send(right, 0) -> _ => unreachable!(),
                }
            });
        }
        threadle::time::sleep(SHORT);
    });
    // Two of them stand in front in either queue.
    assert!(to_left.try_send(1).is_err());
    assert!(from_right.try_recv().is_err());
    let taker = std::thread::spawn(move || left.recv());
    to_left.send(1).unwrap();
    assert_eq!(taker.join().unwrap(), Ok(1));
    let sender = std::thread::spawn(move || right.send(2));
    assert_eq!(from_right.recv(), Ok(2));
    sender.join().unwrap().unwrap();
}
