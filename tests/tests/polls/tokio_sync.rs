//! tokio's synchronisation, which needs no runtime of tokio's: between goroutines, and between them and plain threads.

use std::sync::Arc;
use std::thread;

use threadle::{block_on, blocking, go, yield_now};
use threadle_tests::both_modes;
use tokio::sync::{Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};

/// A goroutine, or a plain thread.
enum Who {
    Goroutine(threadle::JoinHandle<()>),
    Thread(thread::JoinHandle<()>),
}

/// Every second one is a thread.
fn start(number: usize, body: impl FnOnce() + Send + 'static) -> Who {
    if number.is_multiple_of(2) { Who::Goroutine(go(body)) } else { Who::Thread(thread::spawn(body)) }
}

fn join(all: Vec<Who>) {
    for who in all {
        match who {
            Who::Goroutine(goroutine) => goroutine.join().expect("its checks hold"),
            Who::Thread(thread) => blocking(|| thread.join()).expect("its checks hold"),
        }
    }
}

#[test]
fn mutex_and_rw_lock_exclude() {
    both_modes(2, |_| {
        let mutex = Arc::new(Mutex::new(0));
        let lock = Arc::new(RwLock::new((0, 0)));
        let all = (0..6)
            .map(|number| {
                let (mutex, lock) = (Arc::clone(&mutex), Arc::clone(&lock));
                start(number, move || {
                    for _ in 0..100 {
                        block_on(async {
                            let mut guard = mutex.lock().await;
                            let before = *guard;
                            // Its guard may be held over an await, and so over a wait between two polls.
                            futures_yield().await;
                            *guard = before + 1;
                        });
                        block_on(async {
                            let mut pair = lock.write().await;
                            pair.0 += 1;
                            futures_yield().await;
                            pair.1 += 1;
                        });
                        let pair = block_on(async { *lock.read().await });
                        assert_eq!(pair.0, pair.1, "a reader came between");
                    }
                })
            })
            .collect();
        join(all);
        assert_eq!(block_on(async { (*mutex.lock().await, *lock.read().await) }), (600, (600, 600)));
    });
}

/// Pending once.
async fn futures_yield() {
    let mut pending = true;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut pending, false) {
            context.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
}

#[test]
fn channels_carry_each_value_once() {
    both_modes(2, |_| {
        let (send, mut receive) = mpsc::channel(3);
        let all: Vec<_> = (0..4_u64)
            .map(|number| {
                let send = send.clone();
                start(number as usize, move || {
                    for i in 0..200 {
                        block_on(send.send(number * 1_000 + i)).expect("somebody receives");
                    }
                })
            })
            .collect();
        drop(send);
        let mut received = block_on(async {
            let mut received = Vec::new();
            while let Some(value) = receive.recv().await {
                received.push(value);
            }
            received
        });
        join(all);
        received.sort_unstable();
        let expected: Vec<_> = (0..4).flat_map(|number| (0..200).map(move |i| number * 1_000 + i)).collect();
        assert_eq!(received, expected);

        for number in 0..20 {
            let (answer, asked) = oneshot::channel();
            let who = start(number, move || answer.send(number).expect("somebody asks"));
            assert_eq!(block_on(asked), Ok(number));
            join(vec![who]);
        }
    });
}

#[test]
fn what_is_told_to_many_reaches_each() {
    both_modes(2, |_| {
        let (tell, _) = broadcast::channel(64);
        let (set, _) = watch::channel(0);
        let all: Vec<_> = (0..4)
            .map(|number| {
                let (mut told, mut seen) = (tell.subscribe(), set.subscribe());
                start(number, move || {
                    for i in 0..50 {
                        assert_eq!(block_on(told.recv()), Ok(i));
                    }
                    block_on(seen.wait_for(|value| *value == 7)).expect("it is set");
                })
            })
            .collect();
        for i in 0..50 {
            tell.send(i).expect("they listen");
            yield_now();
        }
        set.send(7).expect("they look");
        join(all);
    });
}

#[test]
fn permits_notices_and_barriers() {
    both_modes(2, |_| {
        let semaphore = Arc::new(Semaphore::new(2));
        let barrier = Arc::new(Barrier::new(4));
        let (notice, ready) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let all: Vec<_> = (0..4)
            .map(|number| {
                let (semaphore, barrier) = (Arc::clone(&semaphore), Arc::clone(&barrier));
                let (notice, ready) = (Arc::clone(&notice), Arc::clone(&ready));
                start(number, move || {
                    for _ in 0..100 {
                        let permit = block_on(semaphore.acquire()).expect("it is open");
                        assert!(semaphore.available_permits() < 2);
                        yield_now();
                        drop(permit);
                    }
                    block_on(barrier.wait());
                    let noticed = notice.notified();
                    ready.add_permits(1);
                    block_on(noticed);
                })
            })
            .collect();
        drop(block_on(ready.acquire_many(4)).expect("it is open"));
        // Who was about to wait is noticed too: tokio counts from the making of the future.
        notice.notify_waiters();
        join(all);
    });
}
