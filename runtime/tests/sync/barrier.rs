//! `Barrier`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::sync::Barrier;

use crate::support::{Task, everywhere};

#[test]
fn nobody_leaves_before_all_have_come_and_one_leads() {
    everywhere("barrier", |place| {
        const PARTIES: usize = 5;
        const MEETINGS: usize = 200;
        let shared = Arc::new((Barrier::new(PARTIES), AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..PARTIES)
            .map(|_| {
                let shared = Arc::clone(&shared);
                place.spawn(move || {
                    let (barrier, come) = &*shared;
                    let mut led = 0;
                    for meeting in 1..=MEETINGS {
                        come.fetch_add(1, Ordering::Relaxed);
                        led += usize::from(barrier.wait().is_leader());
                        let come = come.load(Ordering::Relaxed);
                        // The others may have come again, but not twice.
                        assert!((meeting * PARTIES..(meeting + 1) * PARTIES).contains(&come));
                    }
                    led
                })
            })
            .collect();
        assert_eq!(tasks.into_iter().map(Task::join).sum::<usize>(), MEETINGS);
    });
}

/// It is as if it had never come.
#[test]
fn who_gives_up_is_not_counted() {
    everywhere("barrier deadline", |place| {
        let barrier = Arc::new(Barrier::new(2));
        assert!(barrier.wait_timeout(Duration::from_millis(1)).is_none());
        assert!(barrier.wait_deadline(Instant::now()).is_none());
        let other = {
            let barrier = Arc::clone(&barrier);
            place.spawn(move || barrier.wait().is_leader())
        };
        let leads = barrier.wait_timeout(Duration::MAX).expect("the other comes").is_leader();
        assert!(leads != other.join());
        assert_eq!(format!("{barrier:?}"), "Barrier { parties: 2, arrived: 0 }");
    });
}

/// Deadlines that meet the last one to come: either all of a meeting have met, or the one that gave up can come again.
#[test]
fn a_deadline_meets_the_last_one_to_come() {
    everywhere("barrier race", |place| {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = Arc::clone(&barrier);
            place.spawn(move || (0..300).for_each(|_| _ = barrier.wait()))
        };
        for n in 0..300 {
            while barrier.wait_timeout(Duration::from_micros(n % 20)).is_none() {}
        }
        other.join();
    });
}

#[test]
fn one_or_none_meet_alone() {
    assert!(Barrier::new(0).wait().is_leader() && Barrier::new(1).wait().is_leader());
}
