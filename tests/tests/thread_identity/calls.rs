//! The public calls, by whether they switch: here those about goroutines themselves, and pools of them; each module has its own.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use threadle::pool::Pool;
use threadle::{
    GoBuilder, JoinHandle, block_on, blocking, chan, checkpoint, context, dump, go, lock_os_thread, metrics, no_switch,
    num_goroutines, procs, scope, time, unlock_os_thread, yield_now,
};

use super::spin;

mod bridge;
mod channels;
mod locks;
pub(crate) mod outside;
mod times;

/// A call that never switches, ready to be made.
pub(crate) struct Prepared {
    pub(crate) call: Box<dyn FnOnce()>,
    /// Waits for what the call has set going.
    pub(crate) after: Box<dyn FnOnce()>,
}

/// Its name, how many goroutines it makes ready (none of which switches), and how it is prepared, which may switch.
pub(crate) type NonSwitching = (&'static str, u64, fn() -> Prepared);

pub(crate) type Call = (&'static str, fn());

impl Prepared {
    /// With something more to do after the call.
    fn and_then(self, more: impl FnOnce() + 'static) -> Prepared {
        let Prepared { call, after } = self;
        let after = Box::new(move || {
            after();
            more();
        });
        Prepared { call, after }
    }
}

fn alone(call: impl FnOnce() + 'static) -> Prepared {
    Prepared { call: Box::new(call), after: Box::new(|| ()) }
}

/// Of a waiter, and a call that ends its wait.
fn wakes<T: Send + 'static>(waiter: JoinHandle<T>, call: impl FnOnce() + 'static) -> Prepared {
    Prepared { call: Box::new(call), after: Box::new(|| drop(waiter.join().expect("it only waits"))) }
}

/// A goroutine that has parked in `wait`.
fn parked<T: Send + 'static>(reason: &str, wait: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let waiter = go(wait);
    let line = format!("goroutine {} [{reason}", waiter.id());
    loop {
        // Not a yield: dumps are long, and those of eight callers would leave the waiter no time.
        time::sleep(Duration::from_millis(1));
        let mut text = Vec::new();
        dump(&mut text).expect("a Vec takes it");
        if String::from_utf8_lossy(&text).contains(&line) {
            return waiter;
        }
    }
}

/// A pool whose only worker has a job until the gate is dropped.
fn occupied(queue: usize) -> (Pool, chan::Sender<()>) {
    let pool = Pool::new(1, queue);
    let (gate, wait) = chan::bounded(0);
    pool.submit(move || assert!(wait.recv().is_err())).expect("it is open");
    while pool.stats().running == 0 {
        yield_now();
    }
    (pool, gate)
}

pub(crate) fn non_switching() -> impl Iterator<Item = &'static NonSwitching> {
    [
        NON_SWITCHING,
        channels::NON_SWITCHING,
        locks::NON_SWITCHING,
        times::NON_SWITCHING,
        outside::NON_SWITCHING,
        bridge::NON_SWITCHING,
    ]
    .into_iter()
    .flatten()
}

pub(crate) fn switching() -> impl Iterator<Item = &'static Call> {
    [SWITCHING, channels::SWITCHING, locks::SWITCHING, times::SWITCHING, outside::SWITCHING, bridge::SWITCHING]
        .into_iter()
        .flatten()
}

const NON_SWITCHING: &[NonSwitching] = &[
    ("go", 1, || alone(|| drop(go(|| ())))),
    ("GoBuilder::go", 1, || alone(|| drop(GoBuilder::new().name("built").stack_size(128 << 10).go(|| ())))),
    ("JoinHandle::is_finished, id", 1, || {
        alone(|| {
            let handle = go(|| ());
            handle.is_finished();
            assert!(handle.id() > 1);
        })
    }),
    ("JoinHandle::poll", 1, || {
        alone(|| {
            let mut handle = go(|| ());
            let _perhaps = Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        })
    }),
    ("lock_os_thread, unlock_os_thread", 0, || {
        // Bound, others may be at home here: then it is refused.
        alone(|| {
            if lock_os_thread().is_ok() {
                unlock_os_thread()
            }
        })
    }),
    ("num_goroutines", 0, || alone(|| assert!(num_goroutines() > 0))),
    ("procs", 0, || alone(|| assert!(procs() > 0))),
    ("LocalKey::with, try_with, set, get, take, replace", 0, || {
        threadle::local!(static LOCAL: Cell<u8> = const { Cell::new(0) });
        alone(|| {
            assert_eq!((LOCAL.with(Cell::get), LOCAL.try_with(Cell::get)), (0, Ok(0)));
            LOCAL.set(4);
            assert_eq!((LOCAL.replace(5), LOCAL.get(), LOCAL.take()), (4, 5, 5));
        })
    }),
    ("metrics", 0, || alone(|| drop(metrics()))),
    ("dump", 0, || alone(|| dump(&mut Vec::new()).expect("a Vec takes it"))),
    ("no_switch, checkpoint inside it", 0, || alone(|| no_switch(checkpoint))),
    ("Pool::try_submit, try_reserve, Slot::submit, Slot::go, stats, close", 0, || {
        // Its worker is occupied: one that is woken would wait again.
        let (pool, gate) = occupied(4);
        let call = move || {
            pool.try_submit(|| ()).expect("there is a place");
            let (first, second) = (pool.try_reserve().expect("a second"), pool.try_reserve().expect("a third"));
            first.submit(|| ()).expect("it is open");
            assert!(!second.go(|| ()).expect("it is open").is_finished());
            drop(pool.try_reserve());
            assert_eq!((pool.stats().running, pool.stats().queued), (1, 3));
            pool.close();
        };
        alone(call).and_then(move || drop(gate))
    }),
    ("time::every_on, every_on_overlapping, stop", 0, || {
        let (pool, gate) = occupied(0);
        let call = move || {
            assert!(time::every_on(&pool, Duration::from_secs(9), || ()).stop());
            assert!(time::every_on_overlapping(&pool, Duration::from_secs(9), || ()).stop());
        };
        alone(call).and_then(move || drop(gate))
    }),
    ("Pool::close under one that waits for a place", 1, || {
        let (pool, gate) = occupied(0);
        let waiting = pool.clone();
        let waiter = parked("chan send", move || assert!(waiting.submit(|| ()).is_err()));
        wakes(waiter, move || pool.close()).and_then(move || drop(gate))
    }),
];

/// Calls that may switch, so made that most of them do.
const SWITCHING: &[Call] = &[
    ("yield_now", || {
        yield_now();
    }),
    ("checkpoint", checkpoint),
    ("join", || go(yield_now).join().expect("it only yields")),
    ("Pool::submit, go, join, shutdown", || {
        let pool = Pool::new(1, 0);
        pool.submit(yield_now).expect("it is open");
        pool.go(yield_now).expect("it is open").join().expect("it only yields");
        assert!(pool.shutdown().is_complete());
    }),
    ("scope", || {
        let mut sums = [0; 2];
        scope(|s| {
            for sum in &mut sums {
                s.go(|| {
                    yield_now();
                    *sum += 1;
                });
            }
        });
        assert_eq!(sums, [1; 2]);
    }),
    ("scope without goroutines", || scope(|_| ())),
    ("JoinHandle::join_with; Pool::submit_with, go_with, reserve_with, shutdown_with, JobHandle::join_with", || {
        let context = context::Context::background();
        go(yield_now).join_with(&context).expect("it does not end").expect("it only yields");
        let pool = Pool::new(1, 0);
        pool.submit_with(&context, yield_now).expect("it is open");
        let job = pool.go_with(&context, yield_now).expect("it is open");
        job.join_with(&context).expect("it does not end").expect("it only yields");
        drop(pool.reserve_with(&context).expect("it is open"));
        assert!(pool.shutdown_with(&context).is_complete());
    }),
    ("ScopedJoinHandle::join", || {
        scope(|s| s.go(yield_now).join().expect("it only yields"));
    }),
    ("blocking", || blocking(|| ())),
    ("blocking, for longer", || blocking(|| spin(Duration::from_micros(100)))),
    ("block_on", || block_on(go(yield_now)).expect("it only yields")),
];
