//! `Once` and `OnceLock`.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::sync::{Once, OnceLock};
use threadle::time::sleep;

use crate::support::{Census, Counted, Task, everywhere};

#[test]
fn it_happens_once_and_everybody_sees_it() {
    everywhere("once", |place| {
        for round in 0..100 {
            let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
            let tasks: Vec<_> = (0..6)
                .map(|n| {
                    let shared = Arc::clone(&shared);
                    place.spawn(move || {
                        let (once, calls) = &*shared;
                        if n == 5 {
                            once.wait();
                        } else {
                            once.call_once(|| {
                                if round % 10 == 0 {
                                    sleep(Duration::from_micros(100));
                                }
                                calls.fetch_add(1, Ordering::Relaxed);
                            });
                        }
                        assert!(once.is_completed());
                        calls.load(Ordering::Relaxed)
                    })
                })
                .collect();
            tasks.into_iter().for_each(|task| assert_eq!(task.join(), 1));
        }
    });
}

/// The caller gets the panic; of those who waited one is the next, and those who only wait go on waiting.
#[test]
fn an_initialiser_that_panics_has_not_happened() {
    everywhere("once panics", |place| {
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        let waiter = {
            let shared = Arc::clone(&shared);
            place.spawn(move || {
                shared.0.wait();
                shared.1.load(Ordering::Relaxed)
            })
        };
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let shared = Arc::clone(&shared);
                place.spawn(move || {
                    let (once, calls) = &*shared;
                    catch_unwind(AssertUnwindSafe(|| {
                        once.call_once(|| {
                            sleep(Duration::from_micros(200));
                            if calls.fetch_add(1, Ordering::Relaxed) < 3 {
                                // As a panic, without the message on stderr.
                                resume_unwind(Box::new("this panic belongs to the test"));
                            }
                        });
                    }))
                    .is_err()
                })
            })
            .collect();
        assert_eq!(tasks.into_iter().map(Task::join).filter(|panicked| *panicked).count(), 3);
        assert_eq!(waiter.join(), 4);
        shared.0.call_once(|| unreachable!("it has happened"));
    });
}

#[test]
fn waits_for_it_have_deadlines() {
    let once = Once::default();
    assert!(!once.wait_timeout(Duration::from_millis(1)));
    assert!(!once.wait_deadline(Instant::now()));
    assert_eq!(format!("{once:?}"), "Once { state: new }");
    once.call_once(|| assert_eq!(format!("{once:?}"), "Once { state: running }"));
    assert!(once.wait_timeout(Duration::ZERO) && once.wait_deadline(Instant::now()));
    assert_eq!(format!("{once:?}"), "Once { state: done }");
}

#[test]
fn one_value_is_made_and_all_get_it() {
    everywhere("once lock", |place| {
        let (cell, census) = (Arc::new(OnceLock::<Counted>::new()), Census::default());
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (cell, census) = (Arc::clone(&cell), census.clone());
                place.spawn(move || match n % 4 {
                    0 => cell.wait().id,
                    1 => cell.get_or_init(|| census.make()).id,
                    2 => match cell.set(census.make()) {
                        Ok(()) => cell.get().expect("it was set").id,
                        Err(mine) => cell.wait().id + usize::from(cell.wait().id == mine.id),
                    },
                    _ => cell
                        .get_or_try_init(|| {
                            sleep(Duration::from_micros(100));
                            if n == 3 { Err(()) } else { Ok(census.make()) }
                        })
                        .map_or_else(|()| cell.wait().id, |value| value.id),
                })
            })
            .collect();
        let ids: Vec<_> = tasks.into_iter().map(Task::join).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
        assert_eq!(census.dropped(), census.made() - 1);
        drop(cell);
        assert_eq!(census.dropped(), census.made());
    });
}

#[test]
fn a_value_fails_panics_is_taken_and_made_again() {
    let mut cell = OnceLock::new();
    assert_eq!(cell.get_or_try_init(|| Err::<u8, _>("not yet")), Err("not yet"));
    assert!(catch_unwind(AssertUnwindSafe(|| *cell.get_or_init(|| resume_unwind(Box::new(()))))).is_err());
    assert_eq!((cell.get(), format!("{cell:?}")), (None, "OnceLock(<empty>)".into()));
    assert!(cell.wait_timeout(Duration::from_millis(1)).is_none() && cell.wait_deadline(Instant::now()).is_none());
    assert_eq!(cell.set(1), Ok(()));
    assert_eq!((cell.set(2), cell.clone()), (Err(2), OnceLock::from(1)));
    assert_eq!(cell.get_mut(), Some(&mut 1));
    assert_eq!((cell.take(), cell.take(), format!("{:?}", OnceLock::from(1))), (Some(1), None, "OnceLock(1)".into()));
    assert_eq!(*cell.get_or_init(|| 3), 3);
    assert_eq!(cell.into_inner(), Some(3));
}

#[test]
fn what_cannot_be_shared_is_not() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<OnceLock<Cell<u8>>>();
    sync::<OnceLock<u8>>();
    sync::<Once>();
}
