//! The calls of `sync`, by whether they switch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use threadle::sync::{
    Barrier, Condvar, MappedMutexGuard, Mutex, MutexGuard, Once, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard,
    Semaphore, WaitGroup,
};
use threadle::{chan, context, go, yield_now};

use super::{Call, NonSwitching, alone, parked, wakes};

const SHORT: Duration = Duration::from_micros(50);

fn soon() -> Instant {
    Instant::now() + SHORT
}

/// What guards borrow must outlive the function that made it.
fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A guard that outlives the function that took it.
static CONTENDED: Mutex<u64> = Mutex::new(0);

pub(super) const NON_SWITCHING: &[NonSwitching] = &[
    ("Mutex::try_lock, unlock, get_mut, into_inner", 0, || {
        alone(|| {
            let mut mutex = Mutex::new(1);
            drop(mutex.try_lock().expect("it is free"));
            *mutex.get_mut() += 1;
            assert_eq!(mutex.into_inner(), 2);
        })
    }),
    ("unlock of a mutex another waits for", 1, || {
        let guard = CONTENDED.lock();
        wakes(parked("sync.Mutex.lock", || *CONTENDED.lock() += 1), move || drop(guard))
    }),
    ("WaitGroup::add, done", 0, || {
        alone(|| {
            let group = WaitGroup::new();
            group.add(1);
            group.done();
        })
    }),
    ("WaitGroup::done that others wait for", 1, || {
        let group = WaitGroup::new();
        group.add(1);
        let waiting = group.clone();
        wakes(parked("sync.WaitGroup.wait", move || waiting.wait()), move || group.done())
    }),
    ("WaitGroup::go", 1, || alone(|| drop(WaitGroup::new().go(|| ())))),
    ("RwLock::try_read, try_write, downgrade, unlock, get_mut, into_inner", 0, || {
        alone(|| {
            let mut lock = RwLock::new(1);
            drop(lock.try_read().expect("it is free"));
            drop(RwLockWriteGuard::downgrade(lock.try_write().expect("it is free")));
            *lock.get_mut() += 1;
            assert_eq!(lock.into_inner(), 2);
        })
    }),
    ("parts of guards", 0, || {
        alone(|| {
            let (mutex, lock) = (Mutex::new((1, 2)), RwLock::new((3, 4)));
            let pair = MutexGuard::map(mutex.try_lock().expect("it is free"), |pair| pair);
            drop(MappedMutexGuard::map(pair, |pair| &mut pair.1));
            drop(RwLockReadGuard::map(lock.try_read().expect("it is free"), |pair| &pair.0));
            drop(RwLockWriteGuard::map(lock.try_write().expect("it is free"), |pair| &mut pair.0));
        })
    }),
    ("a writer's end under one that reads", 1, || {
        let lock: &'static RwLock<u8> = leaked(RwLock::new(1));
        let writer = lock.write();
        wakes(parked("sync.RwLock.read", || drop(lock.read())), move || drop(writer))
    }),
    ("a reader's end under one that writes", 1, || {
        let lock: &'static RwLock<u8> = leaked(RwLock::new(1));
        let reader = lock.read();
        wakes(parked("sync.RwLock.write", || drop(lock.write())), move || drop(reader))
    }),
    ("Condvar::notify_one, notify_all", 0, || {
        alone(|| {
            let changed = Condvar::new();
            changed.notify_one();
            changed.notify_all();
        })
    }),
    ("notify_one to one that waits", 1, || {
        let (mutex, changed): &'static (Mutex<()>, Condvar) = leaked(Default::default());
        wakes(parked("sync.Condvar.wait", || drop(changed.wait(mutex.lock()))), || changed.notify_one())
    }),
    ("notify_all to one that waits", 1, || {
        let (mutex, changed): &'static (Mutex<()>, Condvar) = leaked(Default::default());
        wakes(parked("sync.Condvar.wait", || drop(changed.wait(mutex.lock()))), || changed.notify_all())
    }),
    ("Semaphore::try_acquire, try_acquire_owned, add, available, split, forget", 0, || {
        alone(|| {
            let semaphore = Arc::new(Semaphore::new(2));
            let mut permits = semaphore.try_acquire(2).expect("they are free");
            permits.split(1).expect("it has two").forget();
            assert!(semaphore.clone().try_acquire_owned(1).is_none());
            semaphore.add(1);
            assert_eq!(semaphore.available(), 1);
        })
    }),
    ("Semaphore::add to one that waits", 1, || {
        let semaphore: &'static Semaphore = leaked(Semaphore::new(0));
        wakes(parked("sync.Semaphore.acquire", || drop(semaphore.acquire(1))), || semaphore.add(1))
    }),
    ("a permit's end under one that waits", 1, || {
        let semaphore: &'static Semaphore = leaked(Semaphore::new(1));
        let permit = semaphore.acquire(1);
        wakes(parked("sync.Semaphore.acquire", || drop(semaphore.acquire(1))), move || drop(permit))
    }),
    ("Once::is_completed, OnceLock::get, get_mut, take, into_inner", 0, || {
        alone(|| {
            assert!(!Once::new().is_completed());
            let mut cell = OnceLock::from(1);
            assert_eq!((cell.get().copied(), cell.get_mut().copied(), cell.take()), (Some(1), Some(1), Some(1)));
            assert_eq!(cell.into_inner(), None);
        })
    }),
];

pub(super) const SWITCHING: &[Call] = &[
    ("lock_with", || {
        let mutex = Mutex::new(());
        let guard = mutex.lock_with(&context::Context::background()).expect("nobody has it");
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        assert!(mutex.lock_with(&context).is_err());
        drop(guard);
    }),
    ("Mutex::lock", || {
        let mutex = Arc::new(Mutex::new(1));
        let (locked, lock) = chan::bounded(1);
        let holder = go({
            let mutex = Arc::clone(&mutex);
            move || {
                let _guard = mutex.lock();
                locked.send(()).expect("there is room");
                yield_now();
            }
        });
        lock.recv().expect("it locks");
        assert_eq!(*mutex.lock(), 1);
        holder.join().expect("it only yields");
    }),
    ("WaitGroup::wait", || {
        let group = WaitGroup::new();
        group.go(yield_now);
        group.wait();
    }),
    ("Mutex::lock_timeout, lock_deadline", || {
        let mutex = Mutex::new(1);
        let _guard = mutex.lock();
        assert!(mutex.lock_timeout(SHORT).is_none() && mutex.lock_deadline(soon()).is_none());
    }),
    ("RwLock::read, write", || {
        let lock = Arc::new(RwLock::new(0));
        let writer = {
            let lock = Arc::clone(&lock);
            go(move || {
                let mut guard = lock.write();
                yield_now();
                *guard += 1;
            })
        };
        drop(lock.read());
        *lock.write() += 1;
        writer.join().expect("it only writes");
        assert_eq!(*lock.read(), 2);
    }),
    ("RwLock: time-outs", || {
        let lock = RwLock::new(0);
        let writer = lock.write();
        assert!(lock.read_timeout(SHORT).is_none() && lock.read_deadline(soon()).is_none());
        let _reader = RwLockWriteGuard::downgrade(writer);
        assert!(lock.write_timeout(SHORT).is_none() && lock.write_deadline(soon()).is_none());
    }),
    ("Condvar::wait, wait_while", || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let own = Arc::clone(&shared);
        let notifier = go(move || {
            *own.0.lock() += 1;
            own.1.notify_one();
        });
        drop(shared.1.wait_while(shared.0.lock(), |count| *count == 0));
        notifier.join().expect("it only notifies");
    }),
    ("Condvar: time-outs", || {
        let (mutex, changed) = (Mutex::new(0), Condvar::new());
        let (guard, result) = changed.wait_timeout(mutex.lock(), SHORT);
        assert!(result.timed_out());
        let (guard, result) = changed.wait_deadline(guard, soon());
        assert!(result.timed_out());
        let (guard, result) = changed.wait_timeout_while(guard, SHORT, |count| *count == 0);
        assert!(result.timed_out());
        assert!(changed.wait_deadline_while(guard, soon(), |count| *count == 0).1.timed_out());
    }),
    ("Semaphore::acquire, acquire_owned", || {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.clone().acquire_owned(1);
        let worker = go(move || {
            yield_now();
            drop(permit);
        });
        drop(semaphore.acquire(1));
        worker.join().expect("it only yields");
    }),
    ("Semaphore: time-outs", || {
        let semaphore = Semaphore::new(0);
        assert!(semaphore.acquire_timeout(1, SHORT).is_none() && semaphore.acquire_deadline(1, soon()).is_none());
    }),
    ("Barrier::wait", || {
        let barrier = Arc::new(Barrier::new(2));
        let own = Arc::clone(&barrier);
        let other = go(move || own.wait().is_leader());
        assert!(barrier.wait().is_leader() != other.join().expect("it only waits"));
        assert!(barrier.wait_timeout(SHORT).is_none() && barrier.wait_deadline(soon()).is_none());
    }),
    ("Once::call_once, call_once_with, wait", || {
        let once = Arc::new(Once::new());
        let own = Arc::clone(&once);
        let caller = go(move || own.call_once(yield_now));
        once.call_once(|| {
            yield_now();
        });
        once.wait();
        caller.join().expect("it only yields");
        assert!(!Once::new().wait_timeout(SHORT) && !Once::new().wait_deadline(soon()));
        Once::new().call_once_with(&context::Context::background(), yield_now).expect("it does not end");
    }),
    ("OnceLock::get_or_init, get_or_init_with, get_or_try_init, set, wait", || {
        let cell = Arc::new(OnceLock::new());
        let own = Arc::clone(&cell);
        let setter = go(move || own.set(1));
        let made = *cell.get_or_init(|| {
            yield_now();
            2
        });
        assert_eq!((cell.get_or_try_init(|| Err(())), *cell.wait()), (Ok(&made), made));
        setter.join().expect("it only sets").unwrap_or_else(|refused| assert_eq!((refused, made), (1, 2)));
        OnceLock::new().get_or_init_with(&context::Context::background(), yield_now).expect("it does not end");
        let empty = OnceLock::<u8>::new();
        assert!(empty.wait_timeout(SHORT).is_none() && empty.wait_deadline(soon()).is_none());
    }),
    ("WaitGroup: time-outs", || {
        let group = WaitGroup::new();
        group.add(1);
        assert!(!group.wait_timeout(SHORT) && !group.wait_deadline(soon()));
    }),
];
