//! Models of what an operation says about its direction besides "drained": that a transfer was short, and that it found nothing out.
//!
//! Each protocol comes with a variant that lacks the step the proof rests on, and must fail.

use super::*;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

type TestSide = Side<usize>;

/// A stream, its reader, who has a buffer for all there is, and how the reader notes that a transfer was short.
struct Stream {
    side: TestSide,
    count: Arc<WaiterCount>,
    units: AtomicUsize,
    ended: AtomicBool,
    exhaust: fn(&TestSide, Seen),
}

impl Stream {
    fn new(exhaust: fn(&TestSide, Seen)) -> Arc<Self> {
        let side = Side::new();
        side.reopen();
        Arc::new(Stream {
            side,
            count: Arc::new(WaiterCount::new()),
            units: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            exhaust,
        })
    }

    /// The kernel's edge. True: it wakes the reader.
    fn event(&self, event: Event) -> bool {
        let mut ready = Ready::new();
        assert!(self.side.deliver(event, self.side.generation(), &self.count, &mut ready));
        ready.drain().count() == 1
    }

    /// Reads until it is `through`, given how much it has and whether it has seen the end. False: it parked before.
    fn read(&self, had: &mut usize, place: &mut Option<Place>, through: impl Fn(usize, bool) -> bool) -> bool {
        loop {
            let seen = self.side.look();
            if !seen.is_exhausted() {
                // The end first: what was sent before it is there by then.
                let ended = self.ended.load(Ordering::Acquire);
                let units = self.units.swap(0, Ordering::AcqRel);
                *had += units;
                if units > 0 {
                    (self.exhaust)(&self.side, seen);
                }
                if through(*had, ended && units == 0) {
                    return true;
                }
                if units > 0 {
                    continue;
                }
            }
            match self.side.wait(seen, place, 0, &self.count) {
                Wait::Retry => {}
                Wait::Park => return false,
                answer => unreachable!("nobody closes: {answer:?}"),
            }
        }
    }
}

/// A reader against a peer; `through` says when the reader has all that the peer gives.
fn reader_against(exhaust: fn(&TestSide, Seen), peer: fn(&Stream) -> bool, through: fn(usize, bool) -> bool) {
    loom::model(move || {
        let stream = Stream::new(exhaust);
        let peer = thread::spawn({
            let stream = Arc::clone(&stream);
            move || peer(&stream)
        });
        let (mut had, mut place) = (0, None);
        let done = stream.read(&mut had, &mut place, through);
        let woken = peer.join().expect("the peer ends");
        if !done {
            assert!(woken, "parked, and nobody wakes it");
            assert!(stream.read(&mut had, &mut place, through), "parked, and nobody wakes it");
        }
        assert_eq!(had, 2);
    });
}

/// Mutation: as if nothing could have come since the look.
fn exhaust_without_recheck(side: &TestSide, _: Seen) {
    let _ = side.word.update(|word| word.exhausted(word));
}

/// Sends twice, each with an event of its own.
fn two_events(stream: &Stream) -> bool {
    (0..2).fold(false, |woken, _| {
        stream.units.fetch_add(1, Ordering::AcqRel);
        stream.event(Event::Ready) | woken
    })
}

#[test]
fn loom_short_transfer_waits_only_for_what_is_announced() {
    reader_against(Side::exhaust, two_events, |had, _| had == 2);
}

#[test]
#[should_panic(expected = "parked, and nobody wakes it")]
fn loom_short_transfer_noted_without_recheck() {
    reader_against(exhaust_without_recheck, two_events, |had, _| had == 2);
}

/// Sends and ends: the kernel makes one event of it.
fn one_event(stream: &Stream, event: Event) -> bool {
    stream.units.fetch_add(2, Ordering::AcqRel);
    stream.ended.store(true, Ordering::Release);
    stream.event(event)
}

#[test]
fn loom_short_transfer_before_an_end() {
    reader_against(Side::exhaust, |stream| one_event(stream, Event::Last), |_, ended| ended);
}

/// Mutation: the event does not say that it is also of the end.
#[test]
#[should_panic(expected = "parked, and nobody wakes it")]
fn loom_short_transfer_before_an_end_that_is_not_told() {
    reader_against(Side::exhaust, |stream| one_event(stream, Event::Ready), |_, ended| ended);
}

type Queue = fn(&TestSide, Seen, &mut Option<Place>, usize, &WaiterCount) -> Wait;

/// Two acceptors wait, two connections come with one event, and the first acceptor has no descriptor at first.
fn shortage(pause: Queue) {
    loom::model(move || {
        let stream = Stream::new(Side::exhaust);
        let mut places = [None, None];
        for (waiter, place) in places.iter_mut().enumerate() {
            assert_eq!(stream.side.wait(stream.side.look(), place, waiter, &stream.count), Wait::Park);
        }
        let poller = thread::spawn({
            let stream = Arc::clone(&stream);
            move || {
                let mut ready = Ready::new();
                stream.side.deliver(Event::Ready, stream.side.generation(), &stream.count, &mut ready);
                ready.drain().count()
            }
        });
        assert_eq!(poller.join().expect("the poller ends"), 1);
        let seen = stream.side.look();
        assert_eq!(pause(&stream.side, seen, &mut places[0], 0, &stream.count), Wait::Park);
        // By the clock it tries again, has its connection, and is through.
        let next = stream.side.finish(places[0].take().expect("it was queued"), &stream.count);
        assert_eq!(next.map_or(0, |mut ready| ready.drain().count()), 1, "nobody takes the second connection");
    });
}

#[test]
fn loom_pause_keeps_readiness_for_the_next() {
    shortage(Side::pause);
}

#[test]
#[should_panic(expected = "nobody takes the second connection")]
fn loom_pause_taken_for_drained() {
    shortage(Side::wait);
}
