//! Models of select: one of two senders wins (R23 of the scheduler's list of races), two selects meet across two rendezvous channels.

use std::sync::Arc;
use std::time::Instant;

use loom::thread;

use super::arm::{Arm, RecvArm, SendArm};
use super::engine::{Manner, select};
use crate::base::doomed;
use crate::base::fault::{Fault, check, step, with_fault};
use crate::chan::core::Channel;
use crate::chan::receiver::{Flavor, Receiver};
use crate::chan::sender::Sender;

fn pair(capacity: usize) -> (Sender<u8>, Receiver<u8>) {
    let channel = Arc::new(Channel::new(Some(capacity)));
    (Sender::new(Arc::clone(&channel)), Receiver::new(Flavor::Channel(channel)))
}

fn spawn<T: 'static>(f: impl FnOnce() -> T + 'static) -> thread::JoinHandle<T> {
    thread::spawn(move || {
        step();
        f()
    })
}

/// Receives from either, and says from which.
fn recv_either(left: &Receiver<u8>, right: &Receiver<u8>, manner: Manner) -> Option<(usize, u8)> {
    let (left, right) = (RecvArm::new(left), RecvArm::new(right));
    let arms: &mut [(&dyn Arm, usize)] = &mut [(&left, 0), (&right, 1)];
    let chosen = select(arms, manner)?;
    let received = if chosen == 0 { left.received() } else { right.received() };
    Some((chosen, received.expect("nobody closes")))
}

/// Each of two senders puts its value where a select receives: one is received, the other stays.
fn two_senders() {
    check(2, || {
        let ((left, from_left), (right, from_right)) = (pair(1), pair(1));
        let senders = [
            spawn(move || left.send(0).is_ok().then_some(left)),
            spawn(move || right.send(1).is_ok().then_some(right)),
        ];
        let (chosen, value) = recv_either(&from_left, &from_right, Manner::waiting(true)).expect("it waits");
        assert_eq!(usize::from(value), chosen);
        let halves = senders.map(|sender| sender.join().unwrap().expect("the receivers live"));
        let left_over = [from_left.try_recv(), from_right.try_recv()];
        assert!(left_over[chosen].is_err(), "a value was received twice");
        assert_eq!(left_over[1 - chosen], Ok(1 - value), "a value was taken from a channel that did not win");
        drop(halves);
    });
}

#[test]
fn loom_select_two_senders() {
    two_senders();
}

#[test]
#[should_panic(expected = "did not win")]
fn loom_select_broken_loses_it_with_the_gone() {
    with_fault(Fault::ChanLosesItWithTheGone, two_senders);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_select_broken_queues_unlooked() {
    with_fault(Fault::SelectQueuesUnlooked, two_senders);
}

#[test]
#[should_panic(expected = "ausality violation")]
fn loom_select_broken_reads_unlocked() {
    with_fault(Fault::SelectReadsUnlocked, two_senders);
}

/// The same across rendezvous channels: the sender that was not chosen goes on waiting, and is chosen next.
#[test]
fn loom_select_two_waiting_senders() {
    check(2, || {
        let ((left, from_left), (right, from_right)) = (pair(0), pair(0));
        let senders = [
            spawn(move || left.send(0).is_ok().then_some(left)),
            spawn(move || right.send(1).is_ok().then_some(right)),
        ];
        let (first, _) = recv_either(&from_left, &from_right, Manner::waiting(true)).expect("it waits");
        let (second, _) = recv_either(&from_left, &from_right, Manner::waiting(true)).expect("it waits");
        assert_ne!(first, second);
        senders.map(|sender| sender.join().unwrap().expect("the receivers live"));
    });
}

/// A select whose time passes takes nothing.
#[test]
fn loom_select_deadline() {
    check(3, || {
        let ((left, from_left), (_right, from_right)) = (pair(1), pair(1));
        let sender = spawn(move || left.send(0).is_ok().then_some(left));
        let received = recv_either(&from_left, &from_right, Manner::waiting_until(true, Instant::now()));
        let left = sender.join().unwrap().expect("the receiver lives");
        assert_eq!(from_left.try_recv().is_ok(), received.is_none());
        drop(left);
    });
}

/// Sends to the one, or receives from the other; what was received.
fn either_way(to: &Sender<u8>, from: &Receiver<u8>, value: u8) -> Option<u8> {
    let (send, receive) = (SendArm::new(to), RecvArm::new(from));
    let arms: &mut [(&dyn Arm, usize)] = &mut [(&send, 0), (&receive, 1)];
    match select(arms, Manner::waiting(true)).expect("it waits") {
        0 => {
            step();
            send.granted().send(value).expect("nobody closes");
            None
        }
        _ => Some(receive.received().expect("nobody closes")),
    }
}

/// Two selects that both send and receive: one way or the other, one value changes hands.
fn two_selects(preemptions: usize) {
    check(preemptions, || {
        let ((to_left, from_right), (to_right, from_left)) = (pair(0), pair(0));
        let keep = (to_left.clone(), to_right.clone());
        let left = spawn(move || (either_way(&to_right, &from_right, 1), from_right));
        let received = either_way(&to_left, &from_left, 2);
        let (by_left, _from_right) = left.join().unwrap();
        assert!(matches!((by_left, received), (Some(2), None) | (None, Some(1))), "{by_left:?} {received:?}");
        drop(keep);
    });
}

#[test]
fn loom_select_two_selects() {
    two_selects(2);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_select_broken_promise_kept_silently() {
    with_fault(Fault::PromiseKeptSilently, || two_selects(2));
}

/// A select is served as its runtime ends, and never runs: the value is there for another, and the other channel is left alone.
fn served_and_gone() {
    check(2, || {
        let ((left, from_left), (right, from_right)) = (pair(0), pair(0));
        let late = {
            let (from_left, from_right) = (from_left.clone(), from_right.clone());
            spawn(move || doomed(|| recv_either(&from_left, &from_right, Manner::waiting(true))))
        };
        assert!(left.send(1).is_ok());
        let received = late.join().unwrap();
        let left_over = from_left.try_recv().ok();
        assert_eq!(received.flatten().map(|(_, value)| value).or(left_over), Some(1), "a value has no owner");
        assert!(right.try_send(2).is_err(), "it waits in the other channel");
        drop(from_right);
    });
}

#[test]
fn loom_select_served_and_gone() {
    served_and_gone();
}

#[test]
#[should_panic(expected = "a value has no owner")]
fn loom_select_broken_nothing_is_passed_on() {
    with_fault(Fault::NothingIsPassedOn, served_and_gone);
}

/// The same with an arm that sends: the place, or the receiver it was promised to, goes to the next who sends.
#[test]
fn loom_select_granted_and_gone() {
    check(2, || {
        let ((to_left, from_left), (_right, from_right)) = (pair(0), pair(0));
        let late = {
            let to_left = to_left.clone();
            spawn(move || doomed(|| either_way(&to_left, &from_right, 1)))
        };
        let receiver = spawn(move || (from_left.recv(), from_left));
        if late.join().unwrap().is_none() {
            assert!(to_left.send(2).is_ok());
        }
        let (received, from_left) = receiver.join().unwrap();
        assert!(received.is_ok());
        drop(from_left);
    });
}
