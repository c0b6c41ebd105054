//! Waiters whose runtime ends are passed over, by whatever they waited on.

use std::sync::Arc;
use std::time::Duration;

use threadle::sync::{Barrier, Condvar, Mutex, Once, OnceLock, RwLock, Semaphore, WaitGroup};
use threadle::time::sleep;

use crate::support::watchdog;

/// Runs a runtime that ends while `waits` waits in it, as `dump` calls it.
fn abandon(reason: &'static str, waits: impl FnOnce() + Send + 'static) {
    threadle::run(move || {
        let waiter = threadle::go(waits);
        let line = format!("goroutine {} [{reason}", waiter.id());
        loop {
            let mut text = Vec::new();
            threadle::dump(&mut text).expect("a Vec takes it");
            if String::from_utf8_lossy(&text).contains(&line) {
                return;
            }
            sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn of_a_mutex() {
    let _watchdog = watchdog("ends: mutex");
    let mutex = Arc::new(Mutex::new(0));
    let guard = mutex.lock();
    let own = Arc::clone(&mutex);
    abandon("sync.Mutex.lock", move || *own.lock() += 1);
    drop(guard);
    assert_eq!(*mutex.lock(), 0, "it was abandoned while it waited");
}

#[test]
fn of_a_lock() {
    let _watchdog = watchdog("ends: rwlock");
    let lock = Arc::new(RwLock::new(0));
    let reader = lock.read();
    let own = Arc::clone(&lock);
    // It waits with the right to write in its hands, and takes it along.
    abandon("sync.RwLock.write", move || *own.write() += 1);
    assert!(lock.write_timeout(Duration::from_millis(1)).is_none(), "there is a reader");
    std::thread::scope(|threads| {
        // This one comes to the list after the one that is gone, which alone would keep it out.
        threads.spawn(|| assert_eq!(*lock.read(), 0));
    });
    let own = Arc::clone(&lock);
    abandon("sync.RwLock.write", move || *own.write() += 1);
    let live = std::thread::scope(|threads| {
        let live = threads.spawn(|| *lock.write() += 2);
        drop(reader);
        live.join()
    });
    live.expect("it only writes");
    let writer = lock.write();
    let own = Arc::clone(&lock);
    abandon("sync.RwLock.read", move || assert_eq!(*own.read(), 7));
    drop(writer);
    assert_eq!(*lock.try_write().expect("nobody is inside"), 2);
}

#[test]
fn of_a_condvar() {
    let _watchdog = watchdog("ends: condvar");
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let own = Arc::clone(&shared);
    abandon("sync.Condvar.wait", move || drop(own.1.wait(own.0.lock())));
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| drop(shared.1.wait_while(shared.0.lock(), |ready| !*ready)));
        *shared.0.lock() = true;
        // One is enough, whichever of the two has waited longer.
        shared.1.notify_one();
        waiter.join().expect("it only waits");
    });
}

#[test]
fn of_a_semaphore() {
    let _watchdog = watchdog("ends: semaphore");
    let semaphore = Arc::new(Semaphore::new(1));
    let one = semaphore.acquire(1);
    let own = Arc::clone(&semaphore);
    abandon("sync.Semaphore.acquire", move || drop(own.acquire(2)));
    drop(one);
    // It wanted more than there is: it is not in the way of this one.
    assert_eq!(semaphore.acquire(1).permits(), 1);
    let all = semaphore.acquire(1);
    let own = Arc::clone(&semaphore);
    abandon("sync.Semaphore.acquire", move || drop(own.acquire(1)));
    drop(all);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn of_what_is_waited_for_by_many() {
    let _watchdog = watchdog("ends: the rest");
    let group = WaitGroup::new();
    group.add(1);
    let own = group.clone();
    abandon("sync.WaitGroup.wait", move || own.wait());
    group.done();
    group.wait();

    let barrier = Arc::new(Barrier::new(2));
    let own = Arc::clone(&barrier);
    abandon("sync.Barrier.wait", move || _ = own.wait());
    assert!(barrier.wait().is_leader(), "who has come has come");

    let (once, cell) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
    let own = Arc::clone(&once);
    abandon("sync.Once.call_once", move || own.wait());
    once.call_once(|| ());
    once.wait();
    let own = Arc::clone(&cell);
    abandon("sync.Once.call_once", move || assert_eq!(own.wait(), &0));
    assert_eq!(cell.get_or_init(|| 1), &1);
}
