//! The model of the word between `block_on` and its wakers, with a variant that must fail. Run by `ci/loom.sh`.

#[path = "notice.rs"]
mod notice;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// Stands in for tickets: each park has a number, and waking a park that is not open any more does nothing.
#[derive(Default)]
struct Parks {
    open: Mutex<usize>,
    woken: Condvar,
}

impl Parks {
    fn open(&self) -> usize {
        let mut open = self.open.lock().unwrap();
        *open += 1;
        *open
    }

    fn wake(&self, ticket: usize) {
        let mut open = self.open.lock().unwrap();
        assert_eq!(*open, ticket, "a ticket of another park was in the cell");
        *open += 1;
        self.woken.notify_one();
    }

    fn wait(&self, ticket: usize) {
        let mut open = self.open.lock().unwrap();
        while *open == ticket {
            open = self.woken.wait(open).unwrap();
        }
    }

    fn close(&self) {
        *self.open.lock().unwrap() += 1;
    }
}

/// A future that is ready when `events` have happened, each on a thread that then wakes; polled as `block_on` does.
fn model(events: usize) {
    let notice = Arc::new(notice::Notice::<usize>::new());
    let parks = Arc::new(Parks::default());
    let happened = Arc::new(AtomicUsize::new(0));
    let wakers: Vec<_> = (0..events)
        .map(|_| {
            let (notice, parks, happened) = (Arc::clone(&notice), Arc::clone(&parks), Arc::clone(&happened));
            thread::spawn(move || {
                happened.fetch_add(1, Ordering::Relaxed);
                if let Some(ticket) = notice.notify() {
                    parks.wake(ticket);
                }
            })
        })
        .collect();
    loop {
        notice.begin_poll();
        if happened.load(Ordering::Relaxed) == events {
            break;
        }
        let ticket = parks.open();
        if notice.park(ticket) {
            parks.wait(ticket);
        } else {
            parks.close();
        }
    }
    wakers.into_iter().for_each(|waker| waker.join().unwrap());
}

#[test]
fn no_wake_is_lost_with_one_waker() {
    loom::model(|| model(1));
}

#[test]
fn no_wake_is_lost_with_two_wakers() {
    loom::model(|| model(2));
}

/// The same with "look, then store" where the word says CAS: the wake between the two is lost.
#[test]
#[should_panic(expected = "deadlock")]
fn without_the_cas_a_wake_is_lost() {
    loom::model(|| {
        let (notified, parked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let parks = Arc::new(Parks::default());
        let waker = {
            let (notified, parked, parks) = (Arc::clone(&notified), Arc::clone(&parked), Arc::clone(&parks));
            thread::spawn(move || {
                notified.store(true, Ordering::Release);
                if parked.load(Ordering::Acquire) {
                    parks.wake(1);
                }
            })
        };
        let ticket = parks.open();
        if !notified.load(Ordering::Acquire) {
            parked.store(true, Ordering::Release);
            parks.wait(ticket);
        }
        waker.join().unwrap();
    });
}
