//! Calls without end, made by the workers of a pool.

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use super::Timer;
use super::timer::calls_until;
use crate::pool::Pool;

/// As [`every`](super::every), on a worker of `pool`: what there is of such calls shares its workers with the rest of the pool's jobs, and waits
/// for its turn behind them.
///
/// `f` never runs twice at a time, nor is it queued twice. A call that comes due while it waits or runs begins when it is back, and those
/// missed behind it are skipped. When `f` panics, or the pool is closed, `f` is dropped and the calls end. A call that waits in the pool when the
/// timer is stopped is made still. The timer holds a handle to the pool.
///
/// Switches: no.
///
/// # Panics
/// If `period` is zero; outside a runtime, as [`go`](crate::go) does.
///
/// ```
/// use std::time::Duration;
/// use threadle::{chan, pool::Pool, time};
///
/// threadle::run(|| {
///     let pool = Pool::new(2, 8);
///     let (sender, sweeps) = chan::unbounded();
///     let sweeper = time::every_on(&pool, Duration::from_millis(1), move || sender.send("swept").unwrap_or(()));
///     assert_eq!(sweeps.iter().take(3).count(), 3);
///     sweeper.stop();
///     assert!(pool.shutdown().is_complete());
/// });
/// ```
#[track_caller]
pub fn every_on(pool: &Pool, period: Duration, f: impl FnMut() + Send + 'static) -> Timer {
    let (pool, mut idle) = (pool.clone(), Some(f));
    // The timer's own goroutine waits for the job, and so for the pool: the timer does not call again before it is back.
    calls_until(period, move || {
        let Some(mut f) = idle.take() else { return Break(()) };
        let job = move || {
            f();
            f
        };
        match pool.go(job).map(crate::pool::JobHandle::join) {
            Ok(Ok(f)) => {
                idle = Some(f);
                Continue(())
            }
            // It panicked, which the pool has counted, or the pool is closed.
            Ok(Err(_)) | Err(_) => Break(()),
        }
    })
}

/// As [`every_on`], for calls that may run beside each other: a slow one does not keep the next from beginning at its time, as long as the pool has
/// a place for it. A panic is counted by the pool and ends nothing but its call.
///
/// Switches: no.
///
/// # Panics
/// As [`every_on`].
///
/// ```
/// use std::time::Duration;
/// use threadle::{chan, pool::Pool, time};
///
/// threadle::run(|| {
///     let pool = Pool::new(2, 0);
///     let (sender, meeting) = chan::bounded(0);
///     // Each call waits for another one.
///     let probe = time::every_on_overlapping(&pool, Duration::from_millis(1), move || {
///         if meeting.try_recv().is_err() {
///             sender.send(()).unwrap_or(());
///         }
///     });
///     while pool.stats().finished < 2 {
///         threadle::yield_now();
///     }
///     probe.stop();
/// });
/// ```
#[track_caller]
pub fn every_on_overlapping(pool: &Pool, period: Duration, f: impl Fn() + Send + Sync + 'static) -> Timer {
    let (pool, f) = (pool.clone(), Arc::new(f));
    calls_until(period, move || {
        let f = Arc::clone(&f);
        if pool.submit(move || f()).is_ok() { Continue(()) } else { Break(()) }
    })
}
