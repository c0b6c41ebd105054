//! Models of what a timer shares with its receivers once there are any, with variants that must fail. Run by `ci/loom.sh`.

#[path = "latent.rs"]
mod latent;

use latent::Latent;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::thread;

/// No message is to come.
const NEVER: u64 = u64::MAX >> 1;

/// Stands in for the alarm: its word, which has a model of its own, and what it was made with.
struct Alarm {
    at: AtomicU64,
    made: loom::cell::UnsafeCell<u64>,
}

impl Alarm {
    fn new(at: u64) -> Alarm {
        Alarm { at: AtomicU64::new(at), made: loom::cell::UnsafeCell::new(at) }
    }

    fn set(&self, at: u64) -> u64 {
        // SAFETY: nobody writes it once it is made; loom looks whether that was before.
        self.made.with(|made| unsafe { *made });
        self.at.swap(at, AcqRel)
    }

    fn take(&self) -> bool {
        self.at.compare_exchange(5, NEVER, AcqRel, Relaxed).is_ok()
    }
}

fn set(latent: &Latent<Alarm>, at: u64) -> u64 {
    latent.set(at).unwrap_or_else(|alarm| alarm.set(at))
}

/// Due at 5: received by the first to ask for a receiver, or stopped before.
#[test]
fn stopped_or_received() {
    loom::model(|| {
        let timer = Arc::new(Latent::new(5));
        let receiver = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || timer.share(Alarm::new).take())
        };
        let before = set(&timer, NEVER);
        let after = timer.share(Alarm::new).take();
        let received = receiver.join().unwrap();
        assert!(!after, "received what was stopped");
        assert!(received != (before == 5), "received: {received}, and stop says {}", before != NEVER);
    });
}

/// Two ask for a receiver at once: they share.
#[test]
fn two_receivers_share() {
    loom::model(|| {
        let timer = Arc::new(Latent::new(5));
        let receiver = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || timer.share(Alarm::new).take())
        };
        let ours = timer.share(Alarm::new).take();
        assert!(ours != receiver.join().unwrap(), "received by both or by none");
    });
}

/// Two resets beside the first receiver: the last of them is what it waits for.
#[test]
fn no_reset_is_lost() {
    loom::model(|| {
        let timer = Arc::new(Latent::new(5));
        let [receiver, other] = [7, 8].map(|at| {
            let timer = Arc::clone(&timer);
            thread::spawn(move || match at {
                7 => timer.share(Alarm::new).at.load(Acquire),
                at => set(&timer, at),
            })
        });
        let before = set(&timer, 6);
        let other = other.join().unwrap();
        receiver.join().unwrap();
        let last = timer.share(Alarm::new).at.load(Acquire);
        assert!(matches!((before, other, last), (5, 6, 8) | (8, 5, 6)), "{before} {other} {last}");
    });
}

/// As `stopped_or_received`, where what is shared is made and then stored.
#[test]
#[should_panic(expected = "stop")]
fn without_the_cas_what_was_stopped_comes_back() {
    loom::model(|| {
        let word = Arc::new(AtomicU64::new(5));
        let shared = Arc::new(AtomicU64::new(NEVER));
        let receiver = {
            let (word, shared) = (Arc::clone(&word), Arc::clone(&shared));
            thread::spawn(move || {
                let at = word.load(Acquire);
                shared.store(at, Relaxed);
                word.store(0, Release);
            })
        };
        let before = word.swap(NEVER, AcqRel);
        receiver.join().unwrap();
        assert!(before == 0 || shared.load(Relaxed) == NEVER, "stop was lost");
    });
}
