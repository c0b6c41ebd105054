//! Models of a descriptor of which the kernel is told when somebody first waits on it.
//!
//! Each protocol comes with a variant that lacks the step the proof rests on, and must fail.

use super::*;
use loom::thread;

/// What the kernel has of one socket. System calls change it in one step each.
struct Kernel {
    units: usize,
    ended: bool,
    watched: bool,
    /// An event that no poll has taken yet.
    report: Option<Event>,
}

impl Kernel {
    /// What a poll is to find: an event of the present level, if there is anything.
    fn reports(&mut self) {
        if self.ended {
            self.report = Some(Event::Last);
        } else if self.units > 0 {
            self.report = Some(Event::Ready);
        }
    }
}

struct Stream {
    side: Side<usize>,
    count: Arc<WaiterCount>,
    kernel: Mutex<Kernel>,
    /// What telling the kernel of a descriptor does.
    watch: fn(&mut Kernel),
}

impl Stream {
    fn new(watch: fn(&mut Kernel), units: usize) -> Arc<Self> {
        let side = Side::new();
        side.reopen();
        let kernel = Mutex::new(Kernel { units, ended: false, watched: false, report: None });
        Arc::new(Stream { side, count: Arc::new(WaiterCount::new()), kernel, watch })
    }

    fn send(&self, and_end: bool) {
        let mut kernel = lock(&self.kernel);
        kernel.units += 1;
        kernel.ended = and_end;
        if kernel.watched {
            kernel.reports();
        }
    }

    /// True: somebody was woken.
    fn poll(&self) -> bool {
        let report = lock(&self.kernel).report.take();
        let mut ready = Ready::new();
        if let Some(event) = report {
            assert!(self.side.deliver(event, self.side.generation(), &self.count, &mut ready));
        }
        ready.drain().count() > 0
    }

    /// Reads until it has had `wanted` and the end, if one comes. False: it parked before.
    fn read(&self, had: &mut usize, wanted: usize, and_end: bool, place: &mut Option<Place>) -> bool {
        loop {
            let seen = self.side.look();
            if !seen.is_exhausted() {
                let (units, ended) = {
                    let mut kernel = lock(&self.kernel);
                    (std::mem::take(&mut kernel.units), kernel.ended)
                };
                *had += units;
                if units > 0 {
                    self.side.exhaust(seen);
                }
                if *had == wanted && (!and_end || (ended && units == 0)) {
                    return true;
                }
                if units > 0 {
                    continue;
                }
            }
            let mut kernel = lock(&self.kernel);
            if !kernel.watched {
                (self.watch)(&mut kernel);
            }
            drop(kernel);
            match self.side.wait(seen, place, 0, &self.count) {
                Wait::Retry => {}
                Wait::Park => return false,
                answer => unreachable!("nobody closes: {answer:?}"),
            }
        }
    }
}

fn tell(kernel: &mut Kernel) {
    kernel.watched = true;
    kernel.reports();
}

/// Mutation: as if the kernel told of changes alone.
fn tell_of_later_ones(kernel: &mut Kernel) {
    kernel.watched = true;
}

/// A reader against one part more than there is, or a part with which the end comes; and a poll that may be too early for the first report.
fn late(watch: fn(&mut Kernel), and_end: bool) {
    loom::model(move || {
        let wanted = if and_end { 1 } else { 2 };
        let stream = Stream::new(watch, wanted - 1);
        let peer = thread::spawn({
            let stream = Arc::clone(&stream);
            move || {
                stream.send(and_end);
                stream.poll()
            }
        });
        let (mut had, mut place) = (0, None);
        let mut done = stream.read(&mut had, wanted, and_end, &mut place);
        let mut woken = peer.join().expect("the peer ends");
        // The next poll, and the one after it.
        for _ in 0..2 {
            if !done {
                assert!(woken || stream.poll(), "parked, and nobody wakes it");
                woken = false;
                done = stream.read(&mut had, wanted, and_end, &mut place);
            }
        }
        assert!(done, "woken for nothing, twice");
        assert_eq!((had, stream.count.load()), (wanted, 0));
    });
}

#[test]
fn loom_told_late_misses_nothing() {
    late(tell, false);
}

#[test]
fn loom_told_late_misses_no_end() {
    late(tell, true);
}

#[test]
#[should_panic(expected = "parked, and nobody wakes it")]
fn loom_told_late_of_what_is_to_come() {
    late(tell_of_later_ones, false);
}

#[test]
#[should_panic(expected = "parked, and nobody wakes it")]
fn loom_told_late_of_an_end_to_come() {
    late(tell_of_later_ones, true);
}
