//! Waiting with a context for the end of something: of a goroutine, a job, an initialiser, a child process.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{FAR, MILLI, gives_up, of};
use crate::support::{everywhere, in_runtimes};
use threadle::chan;
use threadle::context::Context;
use threadle::pool::Pool;
use threadle::process::{Command, Stdio};
use threadle::sync::{Once, OnceLock};
use threadle::{JoinHandle, go};

#[test]
fn goroutines() {
    in_runtimes("join_with", |place| {
        let (gate, wait) = chan::bounded::<()>(0);
        let handles = || -> Vec<JoinHandle<bool>> {
            let one = |_| {
                let wait = wait.clone();
                go(move || wait.recv().is_err())
            };
            (0..3).map(one).collect()
        };
        let waiting = Arc::new(StdMutex::new(handles()));
        {
            let waiting = Arc::clone(&waiting);
            gives_up(place, "JoinHandle::join_with", move |context| {
                let handle = waiting.lock().unwrap().pop().expect("no more than three at a time");
                let given_up = handle.join_with(context).unwrap_err();
                let why = given_up.context().clone();
                waiting.lock().unwrap().push(given_up.into_handle());
                why
            });
        }
        // Given up again and again, and joined in the end: by a wait that has to wait, or as a future.
        let (context, _cancel) = Context::background().with_timeout(FAR);
        let mut waiting = std::mem::take(&mut *waiting.lock().unwrap());
        assert_eq!(waiting.len(), 3);
        let (last, future) = (waiting.pop().unwrap(), waiting.pop().unwrap());
        let joiner = place.spawn(move || last.join_with(&context).unwrap().unwrap());
        threadle::time::sleep(MILLI);
        drop(gate);
        assert!(joiner.join());
        assert!(threadle::block_on(future).unwrap());
        assert!(waiting.pop().unwrap().join_with(&Context::background()).unwrap().unwrap());
        // How it ended is told apart from that the wait did.
        let panics = go(|| {
            if true {
                panic!("on purpose, in a goroutine that is joined")
            }
        });
        assert!(panics.join_with(&Context::background()).unwrap().unwrap_err().is_panic());
    });
}

#[test]
fn goroutines_of_a_scope() {
    in_runtimes("scoped join_with", |_| {
        let (context, cancel) = Context::background().with_cancel();
        let ended = AtomicUsize::new(0);
        threadle::scope(|s| {
            let worker = s.go(|| {
                assert!(context.done().recv().is_err());
                ended.fetch_add(1, Ordering::SeqCst);
            });
            let (short, _) = Context::background().with_timeout(MILLI);
            let given_up = worker.join_with(&short).unwrap_err();
            assert!(given_up.context().is_timeout());
            cancel.cancel();
            given_up.into_handle().join_with(&Context::background()).unwrap().unwrap();
            assert_eq!(ended.load(Ordering::SeqCst), 1);
        });
    });
}

#[test]
fn pools() {
    in_runtimes("pool", |place| {
        let (gate, wait) = chan::bounded::<()>(0);
        let pool = Pool::new(1, 1);
        let jobs: Vec<_> = (0..2)
            .map(|_| {
                let wait = wait.clone();
                pool.go(move || wait.recv().is_err()).unwrap()
            })
            .collect();
        {
            let pool = pool.clone();
            gives_up(place, "Pool::submit_with", move |context| {
                pool.submit_with(context, || unreachable!("it was refused")).unwrap_err().context().unwrap().clone()
            });
        }
        {
            let pool = pool.clone();
            gives_up(place, "Pool::go_with", move |context| {
                pool.go_with(context, || ()).unwrap_err().context().unwrap().clone()
            });
        }
        {
            let pool = pool.clone();
            gives_up(place, "Pool::reserve_with", move |context| {
                pool.reserve_with(context).unwrap_err().context().unwrap().clone()
            });
        }
        let jobs = Arc::new(StdMutex::new(jobs));
        {
            // No more than two wait at a time: the third of `gives_up` waits in the channel for a handle, or for the end.
            let (free, handles) = chan::unbounded();
            jobs.lock().unwrap().drain(..).for_each(|job| free.send(job).unwrap());
            let jobs = (free, handles);
            let kept = jobs.clone();
            gives_up(place, "JobHandle::join_with", move |context| match jobs.1.recv_with(context) {
                Ok(handle) => {
                    let given_up = handle.join_with(context).unwrap_err();
                    let why = given_up.context().clone();
                    jobs.0.send(given_up.into_handle()).unwrap();
                    why
                }
                Err(error) => error.context().unwrap().clone(),
            });
            drop(gate);
            let background = Context::background();
            for _ in 0..2 {
                assert!(kept.1.recv().unwrap().join_with(&background).unwrap().unwrap());
            }
        }
        // Nothing that gave up has a place, or ran.
        pool.go_with(&Context::background(), || ()).unwrap().join().unwrap();
        let (ending, _cancel) = Context::background().with_timeout(FAR);
        assert!(pool.shutdown_with(&ending).is_complete());
        assert_eq!(pool.stats().finished, 3);
        assert!(pool.submit_with(&ending, || ()).unwrap_err().is_closed());
    });
}

#[test]
fn a_shutdown_that_runs_out_of_time_counts_what_it_left() {
    in_runtimes("shutdown_with", |_| {
        let (gate, wait) = chan::bounded::<()>(0);
        let (started, running) = chan::bounded(1);
        let pool = Pool::new(1, 1);
        pool.submit(move || {
            started.send(()).unwrap();
            assert!(wait.recv().is_err());
        })
        .unwrap();
        running.recv().unwrap();
        let queued = pool.go(|| ()).unwrap();
        let (ending, cancel) = Context::background().with_cancel();
        cancel.cancel();
        let drained = pool.shutdown_with(&ending);
        assert_eq!((drained.running, drained.dropped), (1, 1));
        assert!(queued.join().unwrap_err().is_dropped());
        drop(gate);
        assert!(pool.shutdown_with(&Context::background()).running == 0);
    });
}

#[test]
fn initialisers() {
    everywhere("initialisers", |place| {
        let (gate, wait) = chan::bounded::<()>(0);
        let (began, begun) = chan::bounded(1);
        let once = Arc::new(Once::new());
        let initialiser = {
            let once = Arc::clone(&once);
            place.spawn(move || {
                once.call_once(|| {
                    began.send(()).unwrap();
                    assert!(wait.recv().is_err());
                });
            })
        };
        begun.recv().unwrap();
        {
            let once = Arc::clone(&once);
            gives_up(place, "Once::call_once_with", move |context| {
                once.call_once_with(context, || unreachable!("one is under way")).unwrap_err()
            });
        }
        let waiter = {
            let once = Arc::clone(&once);
            place.spawn(move || once.call_once_with(&Context::background(), || unreachable!("one is under way")))
        };
        drop(gate);
        initialiser.join();
        waiter.join().unwrap();
        once.call_once_with(&Context::background(), || unreachable!("it has happened")).unwrap();
    });
}

#[test]
fn initialisers_of_a_cell() {
    everywhere("initialisers of a cell", |place| {
        let (gate, wait) = chan::bounded::<()>(0);
        let (began, begun) = chan::bounded(1);
        let cell = Arc::new(OnceLock::<u8>::new());
        let initialiser = {
            let cell = Arc::clone(&cell);
            place.spawn(move || {
                let failed = cell.get_or_try_init(|| {
                    began.send(()).unwrap();
                    wait.recv().map(|()| 0)
                });
                assert!(failed.is_err());
            })
        };
        begun.recv().unwrap();
        {
            let cell = Arc::clone(&cell);
            gives_up(place, "OnceLock::get_or_init_with", move |context| {
                cell.get_or_init_with(context, || unreachable!("one is under way")).unwrap_err()
            });
        }
        // It fails, and one that still waits is the next.
        let next = {
            let cell = Arc::clone(&cell);
            place.spawn(move || *cell.get_or_try_init_with(&Context::background(), || "8".parse()).unwrap().unwrap())
        };
        drop(gate);
        initialiser.join();
        assert_eq!(next.join(), 8);
    });
}

/// From plain threads too, outside any runtime: there the children are watched by a runtime of the process's own.
#[test]
fn children() {
    everywhere("children", |place| {
        gives_up(place, "Child::wait_with", |context| {
            let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
            let error = child.wait_with(context).unwrap_err();
            assert!(child.try_wait().unwrap().is_none(), "it runs on");
            child.kill().unwrap();
            assert!(!child.wait_with(&Context::background()).unwrap().success());
            of(&error)
        });
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let (patience, _cancel) = Context::background().with_timeout(FAR);
        assert!(child.wait_with(&patience).unwrap().success(), "its input was not closed");
    });
}
