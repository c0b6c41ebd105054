//! `RwLock`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use threadle::sync::{MappedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use threadle::time::sleep;

use crate::support::{Random, Task, everywhere, watchdog};

/// All of them are inside at once: each waits there for the others.
#[test]
fn readers_read_at_once() {
    everywhere("parallel readers", |place| {
        for readers in [1, 3, 12] {
            let (lock, inside) = (Arc::new(RwLock::new(7)), Arc::new(AtomicUsize::new(0)));
            let tasks: Vec<_> = (0..readers)
                .map(|_| {
                    let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
                    place.spawn(move || {
                        let guard = lock.read();
                        inside.fetch_add(1, Ordering::SeqCst);
                        place.until(|| inside.load(Ordering::SeqCst) == readers);
                        *guard
                    })
                })
                .collect();
            tasks.into_iter().for_each(|task| assert_eq!(task.join(), 7));
        }
    });
}

/// Go's hammer: a reader counts 1, a writer 10 000, and each knows what it may see.
#[test]
fn a_writer_is_alone_and_readers_are_among_themselves() {
    const WRITER: usize = 10_000;
    let seeds = std::sync::Mutex::new(Random::new("rwlock hammer"));
    everywhere("rwlock hammer", |place| {
        let shared = Arc::new((RwLock::new(0u64), AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (shared, mut random) = (Arc::clone(&shared), seeds.lock().expect("no panic").fork());
                place.spawn(move || {
                    let (lock, activity) = &*shared;
                    let mut written = 0;
                    for _ in 0..1_500 {
                        let linger = random.below(40) == 0;
                        let timeout = Duration::from_micros(random.below(300));
                        match random.below(8) {
                            0 | 1 => {
                                let guard = match random.below(3) {
                                    0 => lock.try_write(),
                                    1 => lock.write_timeout(timeout),
                                    _ => Some(lock.write()),
                                };
                                let Some(mut guard) = guard else { continue };
                                assert_eq!(activity.fetch_add(WRITER, Ordering::Relaxed), 0);
                                *guard += 1;
                                written += 1;
                                if linger {
                                    threadle::yield_now();
                                }
                                assert_eq!(activity.fetch_sub(WRITER, Ordering::Relaxed), WRITER);
                                if random.below(2) == 0 {
                                    let before = *guard;
                                    assert_eq!(*RwLockWriteGuard::downgrade(guard), before);
                                }
                            }
                            _ => {
                                let guard = match random.below(3) {
                                    0 => lock.try_read(),
                                    1 => lock.read_timeout(timeout),
                                    _ => Some(lock.read()),
                                };
                                let Some(guard) = guard else { continue };
                                assert!(activity.fetch_add(1, Ordering::Relaxed) < WRITER);
                                let seen = *guard;
                                if linger {
                                    threadle::yield_now();
                                }
                                assert_eq!(*guard, seen);
                                assert!(activity.fetch_sub(1, Ordering::Relaxed) <= 8);
                            }
                        }
                    }
                    written
                })
            })
            .collect();
        let written: u64 = tasks.into_iter().map(Task::join).sum();
        assert_eq!(*shared.0.read(), written);
    });
}

#[test]
fn a_waiting_writer_comes_before_later_readers_and_after_it_they_all_come() {
    everywhere("writer first", |place| {
        let lock = Arc::new(RwLock::new(Vec::new()));
        let first = lock.read();
        let writer = {
            let lock = Arc::clone(&lock);
            place.spawn(move || lock.write().push("writer"))
        };
        // As long as nobody waits, a reader gets in.
        place.until(|| lock.try_read().is_none());
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let lock = Arc::clone(&lock);
                place.spawn(move || lock.read().len())
            })
            .collect();
        assert!(lock.read_timeout(Duration::from_millis(1)).is_none());
        assert!(first.is_empty());
        drop(first);
        writer.join();
        readers.into_iter().for_each(|reader| assert_eq!(reader.join(), 1));
    });
}

/// Readers that never all leave at once do not keep a writer out, and writers that follow on each other do not keep a reader out.
#[test]
fn neither_side_starves() {
    everywhere("rwlock starvation", |place| {
        let shared = Arc::new((RwLock::new(0), AtomicBool::new(false)));
        let greedy: Vec<_> = (0..4)
            .map(|n| {
                let shared = Arc::clone(&shared);
                place.spawn(move || {
                    while !shared.1.load(Ordering::Relaxed) {
                        if n < 2 {
                            let _guard = shared.0.read();
                            sleep(Duration::from_micros(50));
                        } else {
                            *shared.0.write() += 1;
                        }
                    }
                })
            })
            .collect();
        // Ends only if it is served each time; the watchdog sees to it.
        for _ in 0..30 {
            drop(shared.0.read());
            drop(shared.0.write());
        }
        shared.1.store(true, Ordering::Relaxed);
        greedy.into_iter().for_each(Task::join);
    });
}

/// A writer whose time is over has never been there.
#[test]
fn a_writer_that_gives_up_blocks_nobody() {
    everywhere("writer gives up", |place| {
        let lock = Arc::new(RwLock::new(0));
        let first = lock.read();
        let (behind, writer) = {
            let (one, other) = (Arc::clone(&lock), Arc::clone(&lock));
            let writer = place.spawn(move || other.write_timeout(Duration::from_millis(20)).is_none());
            (place.spawn(move || *one.read()), writer)
        };
        assert!(lock.write_deadline(Instant::now()).is_none());
        assert!(writer.join());
        assert_eq!(behind.join(), 0);
        drop(lock.read_deadline(Instant::now()).expect("no writer waits any more"));
        drop(first);
        *lock.write_deadline(Instant::now()).expect("it is free") += 1;
    });
}

#[test]
fn guards_may_be_dropped_elsewhere_and_panics_unlock() {
    let _watchdog = watchdog("rwlock guards");
    let lock = RwLock::new(0);
    std::thread::scope(|threads| {
        let (one, other) = (lock.read(), lock.read());
        let writer = threads.spawn(|| *lock.write() += 1);
        threads.spawn(move || drop(one));
        threads.spawn(move || drop(other));
        writer.join().expect("it only writes");
        let writer = lock.write();
        threads.spawn(move || drop(writer));
        assert_eq!(*lock.read(), 1);
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        *lock.write() = 2;
        let _writer = lock.write();
        panic!("while it is held");
    }));
    assert!(panicked.is_err());
    assert_eq!(*lock.try_read().expect("the panic has unlocked it"), 2);
}

#[test]
fn parts_shapes_and_bounds() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<RwLockReadGuard<'_, u8>>();
    sync::<RwLockReadGuard<'_, u8>>();
    send::<RwLockWriteGuard<'_, std::cell::Cell<u8>>>();
    sync::<RwLockWriteGuard<'_, u8>>();
    send::<MappedRwLockWriteGuard<'_, std::cell::Cell<u8>>>();

    let mut lock = RwLock::from((1, String::from("a")));
    lock.get_mut().0 = 2;
    let name = RwLockReadGuard::map(lock.read(), |data| data.1.as_str());
    assert_eq!(format!("{name} {name:?} {lock:?}"), "a \"a\" RwLock { data: (2, \"a\") }");
    assert!(RwLockReadGuard::filter_map(name, |name| name.get(7..)).is_err());
    RwLockWriteGuard::map(lock.write(), |data| &mut data.1).push('b');
    let writer = lock.write();
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked> }");
    drop(writer);
    assert_eq!(lock.into_inner().1, "ab");
    assert_eq!(RwLock::<u8>::default().into_inner(), 0);
}
