//! Models of the channel: values against deadlines and against the end of the channel. Each value has one owner at the end, and nobody is left
//! waiting. Every lock and park is loom's; the code is that of the channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};
use std::time::Instant;

use loom::thread;

use super::*;
use crate::base::doomed;
use crate::base::fault::{Fault, check, step, with_fault};

/// A value, counted while it lives.
struct Token(Arc<Count>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

struct World {
    channel: Channel<Token>,
    alive: Arc<Count>,
}

impl World {
    fn new(capacity: usize) -> Arc<World> {
        Arc::new(World { channel: Channel::new(Some(capacity)), alive: Arc::default() })
    }

    fn token(&self) -> Token {
        self.alive.fetch_add(1, Relaxed);
        Token(Arc::clone(&self.alive))
    }

    /// Runs `f` on a thread of its own.
    fn spawn<T: 'static>(self: &Arc<Self>, f: impl FnOnce(&World) -> T + 'static) -> thread::JoinHandle<T> {
        let world = Arc::clone(self);
        thread::spawn(move || {
            step();
            f(&world)
        })
    }

    fn send(&self) -> bool {
        self.channel.send(self.token(), Limit::NONE).is_ok()
    }

    fn recv(&self) -> Option<Token> {
        self.channel.recv(Limit::NONE).ok()
    }

    /// Receives, or gives up at a deadline: loom tries both.
    fn recv_in_time(&self) -> Option<Token> {
        self.channel.recv(Limit::at(Instant::now())).ok()
    }

    /// At the end nothing waits, and only `buffered` values are left.
    fn assert_settled(&self, buffered: usize) {
        assert_eq!(self.alive.load(Relaxed), buffered, "a value has no owner");
        let state = self.channel.lock();
        assert_eq!(state.buffer.len(), buffered, "a value was lost");
        assert!(state.receivers.is_empty() && state.senders.is_empty(), "somebody waits");
    }
}

/// Two senders, and as many receives.
fn exchange(capacity: usize) {
    check(2, move || {
        let world = World::new(capacity);
        let senders = [world.spawn(World::send), world.spawn(World::send)];
        assert!(world.recv().is_some() && world.recv().is_some());
        assert!(senders.into_iter().all(|sender| sender.join().unwrap()));
        world.assert_settled(0);
    });
}

#[test]
fn loom_chan_rendezvous() {
    exchange(0);
}

#[test]
fn loom_chan_bounded() {
    exchange(1);
}

/// A value that comes when the receiver's time is over goes to the buffer.
fn deadline() {
    check(3, || {
        let world = World::new(1);
        let receiver = world.spawn(|world| world.recv_in_time().is_some());
        assert!(world.send());
        let received = receiver.join().unwrap();
        world.assert_settled(usize::from(!received));
    });
}

#[test]
fn loom_chan_deadline() {
    deadline();
}

#[test]
#[should_panic(expected = "a value")]
fn loom_chan_broken_loses_it_with_the_gone() {
    with_fault(Fault::ChanLosesItWithTheGone, deadline);
}

/// A value that comes when the first receiver's time is over goes to the second.
#[test]
fn loom_chan_deadline_and_another() {
    check(2, || {
        let world = World::new(0);
        let hasty = world.spawn(|world| world.recv_in_time().is_some());
        let patient = world.spawn(|world| world.recv().is_some());
        assert!(world.send());
        if hasty.join().unwrap() {
            assert!(world.send());
        }
        assert!(patient.join().unwrap());
        world.assert_settled(0);
    });
}

/// A receiver is served, and its runtime ends before it runs: the value goes to another who waits, or who comes later.
fn served_and_gone(another_waits: bool) {
    check(2, move || {
        let world = World::new(0);
        let late = world.spawn(|world| doomed(|| world.recv().is_some()));
        let patient = another_waits.then(|| {
            while world.channel.lock().receivers.is_empty() {
                thread::yield_now();
            }
            world.spawn(|world| world.recv().is_some())
        });
        assert!(world.send());
        // A value that it did not have to wait for is its own.
        let kept = late.join().unwrap().is_some();
        let received = match patient {
            Some(patient) => patient.join().unwrap(),
            None => world.channel.try_recv().is_ok(),
        };
        assert_ne!(kept, received, "a value has no owner");
        world.assert_settled(0);
    });
}

#[test]
fn loom_chan_served_and_gone() {
    served_and_gone(false);
}

#[test]
fn loom_chan_served_and_gone_and_another() {
    served_and_gone(true);
}

#[test]
#[should_panic(expected = "a value has no owner")]
fn loom_chan_broken_nothing_is_passed_on() {
    with_fault(Fault::NothingIsPassedOn, || served_and_gone(false));
}

/// The same, where it was served with a promise: whoever keeps that finds another receiver, now or later.
#[test]
fn loom_chan_promised_and_gone() {
    check(3, || {
        let world = World::new(0);
        let late = world.spawn(|world| doomed(|| world.recv().is_some()));
        let sender = world.spawn(|world| {
            let reservation = loop {
                match world.channel.try_reserve() {
                    Some(reservation) => break reservation,
                    None => thread::yield_now(),
                }
            };
            world.channel.fulfil(reservation, world.token(), true).is_ok()
        });
        if late.join().unwrap().is_none() {
            assert!(world.recv().is_some());
        }
        assert!(sender.join().unwrap());
        world.assert_settled(0);
        assert!(world.channel.lock().nothing_promised(), "a promise outlives its receiver");
    });
}

/// Those who wait when the channel is closed are told; what was sent is received.
fn close() {
    check(2, || {
        let world = World::new(0);
        let receivers = [world.spawn(|world| world.recv().is_some()), world.spawn(|world| world.recv().is_some())];
        let sent = world.channel.try_send(world.token()).is_ok();
        assert!(world.channel.close());
        let received = receivers.into_iter().map(|receiver| receiver.join().unwrap());
        assert_eq!(received.filter(|&received| received).count(), usize::from(sent));
        assert!(!world.send() && !world.channel.close());
        world.assert_settled(0);
    });
}

#[test]
fn loom_chan_close() {
    close();
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_chan_broken_closes_for_one() {
    with_fault(Fault::ChanClosesForOne, close);
}

/// A sender that waits while the channel is closed and another receives.
#[test]
fn loom_chan_close_and_send() {
    check(2, || {
        let world = World::new(0);
        let sender = world.spawn(World::send);
        let receiver = world.spawn(|world| world.recv().is_some());
        world.channel.close();
        assert_eq!(sender.join().unwrap(), receiver.join().unwrap());
        world.assert_settled(0);
    });
}

/// Two senders wait, and are told one by one that the channel is closed, while somebody receives: nobody is refused whose successor is served.
fn close_in_turn() {
    check(2, || {
        let world = World::new(0);
        let waits = |count: usize| {
            while world.channel.lock().senders.count() < count {
                thread::yield_now();
            }
        };
        let first = world.spawn(World::send);
        waits(1);
        let second = world.spawn(World::send);
        waits(2);
        let closer = world.spawn(|world| world.channel.close());
        let received = world.channel.try_recv().is_ok();
        assert!(closer.join().unwrap());
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (received, false), "a sender was passed over");
        world.assert_settled(0);
    });
}

#[test]
fn loom_chan_close_in_turn() {
    close_in_turn();
}

#[test]
#[should_panic(expected = "a sender was passed over")]
fn loom_chan_broken_takes_from_the_closed() {
    with_fault(Fault::ChanTakesFromTheClosed, close_in_turn);
}

/// A `select` that sends has been chosen; its value comes while the receiver's time passes and the channel is closed.
/// `waits`: for another receiver, where the first has given up; else the value comes back.
fn promise(closes: bool, waits: bool) {
    check(3, move || {
        let world = World::new(0);
        let receiver = world.spawn(|world| {
            // Its deadline, or the close, may take the promise back.
            world.recv_in_time().is_some() || world.recv().is_some()
        });
        let reservation = loop {
            match world.channel.try_reserve() {
                Some(reservation) => break reservation,
                None => thread::yield_now(),
            }
        };
        if closes {
            world.channel.close();
        }
        let sent = world.channel.fulfil(reservation, world.token(), waits).is_ok();
        if !sent {
            // Nobody else comes to whom the receiver could turn.
            world.channel.close();
        }
        assert_eq!(receiver.join().unwrap(), sent);
        assert!(closes || sent || !waits, "it did not wait for another receiver");
        world.assert_settled(0);
        assert!(world.channel.lock().nothing_promised(), "a promise outlives its receiver");
    });
}

#[test]
fn loom_chan_promise_kept() {
    promise(false, true);
}

#[test]
fn loom_chan_promise_and_close() {
    promise(true, true);
}

#[test]
fn loom_chan_promise_that_must_not_wait() {
    promise(false, false);
}

#[test]
fn loom_chan_promise_that_must_not_wait_and_close() {
    promise(true, false);
}

/// What the first version of `settle` did, and this model found.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_chan_broken_promise_forgone_late() {
    with_fault(Fault::PromiseForgoneLate, || promise(false, true));
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_chan_broken_promise_kept_silently() {
    with_fault(Fault::PromiseKeptSilently, || promise(false, true));
}

/// Withdrawn, the receiver begins anew, and finds another sender.
#[test]
fn loom_chan_promise_withdrawn() {
    check(3, || {
        let world = World::new(0);
        let receiver = world.spawn(|world| world.recv().is_some());
        let sender = world.spawn(|world| {
            if let Some(reservation) = world.channel.try_reserve() {
                world.channel.withdraw(&reservation);
            }
        });
        assert!(world.send());
        sender.join().unwrap();
        assert!(receiver.join().unwrap());
        world.assert_settled(0);
    });
}
