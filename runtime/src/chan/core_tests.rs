//! The nodes of waiters that lie in several channels at once (as those of a `select` do), and of waiters that are gone.

use threadle_scheduler::Ticket;

use super::*;
use crate::chan::state::Outcome;

/// An open park of this thread and the channel it waits on by hand, so that a test decides when the park ends.
struct ByHand<'a, T> {
    channel: &'a Channel<T>,
    node: Waiter<Slot<T>>,
}

impl<'a, T> ByHand<'a, T> {
    fn new(channel: &'a Channel<T>, ticket: Ticket, value: Option<T>) -> Self {
        ByHand { channel, node: Waiter::new(ticket, Slot::new(value)) }
    }

    fn queue_receiver(&self) {
        // SAFETY: the node was just made and `finish` removes it before it goes.
        unsafe { self.channel.lock().receivers.push_back(&self.node) };
    }

    fn queue_sender(&self) {
        // SAFETY: as above.
        unsafe { self.channel.lock().senders.push_back(&self.node) };
    }

    fn finish(self) -> (Outcome, Option<T>) {
        let mut state = self.channel.lock();
        // SAFETY: linked into one of these two or into none; a node that is not linked is left alone by both. Tests queue
        // a node in one list only.
        unsafe {
            if state.senders.is_empty() {
                state.receivers.remove(&self.node);
            } else {
                state.senders.remove(&self.node);
            }
        }
        drop(state);
        let Slot { value, outcome, .. } = self.node.into_payload();
        (outcome, value)
    }
}

#[test]
fn of_two_receiving_nodes_with_one_ticket_one_wins_and_the_other_value_stays_on_offer() {
    let (left, right) = (Channel::new(Some(1)), Channel::new(Some(1)));
    let parking = Parking::open(Reason::Select);
    let (on_left, on_right) = (ByHand::new(&left, parking.ticket(), None), ByHand::new(&right, parking.ticket(), None));
    on_left.queue_receiver();
    on_right.queue_receiver();

    left.try_send("left").unwrap();
    right.try_send("right").unwrap();

    parking.wait();
    assert_eq!(on_left.finish(), (Outcome::Exchanged, Some("left")));
    assert_eq!(on_right.finish(), (Outcome::Waiting, None));
    assert_eq!((left.len(), right.len()), (0, 1));
    assert_eq!(right.try_recv(), Ok("right"));
}

#[test]
fn of_two_sending_nodes_with_one_ticket_one_value_is_taken() {
    let (left, right) = (Channel::new(Some(0)), Channel::new(Some(0)));
    let parking = Parking::open(Reason::Select);
    let on_left = ByHand::new(&left, parking.ticket(), Some("left"));
    let on_right = ByHand::new(&right, parking.ticket(), Some("right"));
    on_left.queue_sender();
    on_right.queue_sender();

    assert_eq!(right.try_recv(), Ok("right"));
    assert_eq!(left.try_recv(), Err(TryRecvError::Empty));

    parking.wait();
    assert_eq!(on_left.finish(), (Outcome::Waiting, Some("left")));
    assert_eq!(on_right.finish(), (Outcome::Exchanged, None));
}

#[test]
fn close_reaches_one_node_of_a_waiter() {
    let (left, right) = (Channel::<u8>::new(Some(1)), Channel::<u8>::new(Some(1)));
    let parking = Parking::open(Reason::Select);
    let (on_left, on_right) = (ByHand::new(&left, parking.ticket(), None), ByHand::new(&right, parking.ticket(), None));
    on_left.queue_receiver();
    on_right.queue_receiver();
    assert!(left.close());
    assert!(right.close());
    parking.wait();
    assert_eq!(on_left.finish(), (Outcome::Closed, None));
    assert_eq!(on_right.finish(), (Outcome::Waiting, None));
}

#[test]
fn a_value_for_a_waiter_that_is_gone_goes_to_the_buffer() {
    let channel = Channel::new(Some(1));
    let parking = Parking::open(Reason::ChanReceive);
    let gone = ByHand::new(&channel, parking.ticket(), None);
    gone.queue_receiver();
    assert!(parking.close());

    assert_eq!(channel.try_send(1), Ok(()));
    assert_eq!(channel.len(), 1);
    assert_eq!(channel.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(gone.finish(), (Outcome::Waiting, None));
    assert_eq!(channel.try_recv(), Ok(1));
}

#[test]
fn a_value_for_a_waiter_that_is_gone_goes_to_the_next() {
    let channel = Channel::new(Some(0));
    let parking = Parking::open(Reason::ChanReceive);
    let gone = ByHand::new(&channel, parking.ticket(), None);
    gone.queue_receiver();
    assert!(parking.close());

    std::thread::scope(|threads| {
        let next = threads.spawn(|| channel.recv(Limit::NONE));
        // Refused while only the one who is gone waits, taken as soon as the thread does.
        let mut value = 7;
        while let Err(TrySendError::Full(back)) = channel.try_send(value) {
            value = back;
            std::thread::yield_now();
        }
        assert_eq!(next.join().unwrap(), Ok(7));
    });
    assert_eq!(gone.finish(), (Outcome::Waiting, None));
}

#[test]
fn a_sender_that_is_gone_keeps_its_value() {
    let channel = Channel::new(Some(1));
    channel.try_send(1).unwrap();
    let parking = Parking::open(Reason::ChanSend);
    let gone = ByHand::new(&channel, parking.ticket(), Some(2));
    gone.queue_sender();
    assert!(parking.close());

    assert_eq!(channel.try_recv(), Ok(1));
    assert_eq!(channel.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(gone.finish(), (Outcome::Waiting, Some(2)));
}

#[test]
fn a_waiting_senders_value_takes_the_place_behind_the_buffer() {
    let channel = Channel::new(Some(2));
    channel.try_send(1).unwrap();
    channel.try_send(2).unwrap();
    let parking = Parking::open(Reason::ChanSend);
    let waiting = ByHand::new(&channel, parking.ticket(), Some(3));
    waiting.queue_sender();

    assert_eq!(channel.try_recv(), Ok(1));
    assert_eq!(channel.len(), 2);
    parking.wait();
    assert_eq!(waiting.finish(), (Outcome::Exchanged, None));
    assert_eq!((channel.try_recv(), channel.try_recv()), (Ok(2), Ok(3)));
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    let channel = Channel::new(Some(0));
    let waiting = |count| {
        while channel.lock().receivers.count() != count {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|threads| {
        let waiters: Vec<_> = (0..8)
            .map(|n| {
                waiting(n);
                threads.spawn(|| channel.recv(Limit::NONE))
            })
            .collect();
        waiting(8);
        (0..8).for_each(|n| channel.try_send(n).unwrap());
        for (n, waiter) in waiters.into_iter().enumerate() {
            assert_eq!(waiter.join().unwrap(), Ok(n));
        }
    });
}
