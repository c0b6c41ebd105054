//! tokio's runtime and ours in one process: work handed over both ways, by many at once, in both modes; and what becomes of panics and of work that
//! nobody wants any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use threadle::pool::Pool;
use threadle::testing::Run;
use threadle::{block_on, chan, go};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

fn tokio_runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be made")
}

/// `body` in both modes, under a watchdog, with a runtime of tokio's beside.
fn beside(body: impl Fn(&Handle) + Send + Sync) {
    let tokio = tokio_runtime();
    let handle = tokio.handle();
    // SAFETY: the bodies hold nothing that is bound to its thread over a switching call (tokio's runtime is never entered over one; what they share
    // is `Arc`, atomics and channels), and name no thread-local.
    unsafe { Run::new().procs(2).both_modes(|_| body(handle)) }
}

#[test]
fn goroutines_await_tasks_that_use_tokios_reactor() {
    beside(|tokio| {
        let listener = {
            let _entered = tokio.enter();
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            listener.set_nonblocking(true).expect("it is a socket");
            tokio::net::TcpListener::from_std(listener).expect("it is registered")
        };
        let address = listener.local_addr().expect("it listens");
        let server = tokio.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let askers: Vec<_> = (0..50_u32)
            .map(|number| {
                let tokio = tokio.clone();
                go(move || {
                    let task = tokio.spawn(async move {
                        let mut stream = tokio::net::TcpStream::connect(address).await?;
                        stream.write_u32(number).await?;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        stream.read_u32().await
                    });
                    assert_eq!(block_on(task).expect("no panic").expect("it is echoed"), number);
                })
            })
            .collect();
        askers.into_iter().for_each(|asker| asker.join().expect("its checks hold"));
        server.abort();
        assert!(block_on(server).expect_err("it was aborted").is_cancelled());
    });
}

#[test]
fn tasks_await_goroutines() {
    beside(|tokio| {
        let pool = Arc::new(Pool::new(4, 1000));
        let tasks: Vec<_> = (0..200_u64)
            .map(|number| {
                let pool = Arc::clone(&pool);
                tokio.spawn(async move {
                    let (answer, asked) = oneshot::channel();
                    let job = move || {
                        // Waits where only a goroutine may without holding up a worker of tokio's.
                        threadle::time::sleep(Duration::from_micros(200));
                        answer.send(number * number).expect("the task waits");
                    };
                    assert!(pool.try_submit(job).is_ok(), "there are places for all");
                    asked.await.expect("the job answers")
                })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(block_on(task).expect("no panic"), (number * number) as u64);
        }
        assert!(pool.shutdown_timeout(Duration::from_secs(60)).is_complete());
    });
}

/// A handle of ours is a future for tokio, too: whoever started the goroutine may hand it on.
#[test]
fn a_join_handle_is_awaited_by_a_task() {
    beside(|tokio| {
        let (release, wait) = chan::bounded::<()>(0);
        let handle = go(move || wait.recv().is_err());
        let task = tokio.spawn(handle);
        drop(release);
        assert!(block_on(task).expect("no panic in the task").expect("no panic in the goroutine"));

        let handle = go(|| {
            if true {
                panic!("the goroutine's own")
            }
        });
        let error = block_on(tokio.spawn(handle)).expect("no panic in the task").expect_err("it panicked");
        assert!(error.is_panic());
        let error = block_on(tokio.spawn(async {
            if true {
                panic!("the task's own")
            }
        }))
        .expect_err("it panicked");
        assert!(error.is_panic());
    });
}

/// Each side's channels between the two, bounded ways: a fast sender waits as its own kind waits.
#[test]
fn channels_of_tokios_meet_in_between() {
    const COUNT: u64 = 2_000;
    beside(|tokio| {
        let (there, mut arrived) = mpsc::channel::<u64>(4);
        let (back, returned) = mpsc::channel::<u64>(4);
        let task = tokio.spawn(async move {
            while let Some(number) = arrived.recv().await {
                back.send(number + 1).await.expect("a goroutine receives");
            }
        });
        let sender = go(move || (0..COUNT).for_each(|number| block_on(there.send(number)).expect("a task receives")));
        let receiver = go(move || {
            let mut returned = returned;
            for number in 0..COUNT {
                assert_eq!(block_on(returned.recv()), Some(number + 1));
            }
            assert_eq!(block_on(returned.recv()), None);
        });
        [sender, receiver].into_iter().for_each(|end| end.join().expect("its checks hold"));
        block_on(task).expect("no panic");
    });
}

/// Dropped within a wait, as async code drops futures: the other side notices and nobody hangs.
#[test]
fn a_future_that_is_dropped_gives_its_waiter_up() {
    beside(|tokio| {
        let woken = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let (answer, asked) = oneshot::channel::<()>();
            let woken = Arc::clone(&woken);
            let (stop, stopped) = oneshot::channel::<()>();
            let waiter = tokio.spawn(async move {
                tokio::select! {
                    _ = asked => {}
                    _ = stopped => {}
                }
            });
            stop.send(()).expect("it waits");
            block_on(waiter).expect("no panic");
            let late = go(move || woken.fetch_add(usize::from(answer.send(()).is_err()), Ordering::Relaxed));
            late.join().expect("it only sends");
        }
        assert_eq!(woken.load(Ordering::Relaxed), 50, "who asked had left each time");
    });
}
