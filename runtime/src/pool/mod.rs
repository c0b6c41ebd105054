//! A pool of workers: so many jobs run at once, so many wait, and who has one too many waits or is told.
//!
//! A goroutine is cheap enough to start one for each thing there is to do, and mostly that is right. A pool is for where the *number* matters:
//! uploads to a store that takes 32 at a time, queries to a database with 10 connections, and a queue before them that may not grow without
//! end. It is the last design of the [article](http://marcio.io/2015/07/handling-1-million-requests-per-minute-with-golang/) on a million
//! requests a minute (job queue, dispatcher, workers) as a type.
//!
//! ```
//! use std::time::Duration;
//! use threadle::pool::Pool;
//!
//! threadle::run(|| {
//!     let pool = Pool::new(4, 16); // 4 run, 16 more wait
//!     let squares: Vec<_> = (1..=10).map(|n| pool.go(move || n * n).unwrap()).collect();
//!     assert_eq!(squares.into_iter().map(|handle| handle.join().unwrap()).sum::<i32>(), 385);
//!     let drained = pool.shutdown_timeout(Duration::from_secs(10));
//!     assert!(drained.is_complete());
//! });
//! ```
//!
//! # How it works
//!
//! There are `workers + queue` *places*. A job takes one before it is accepted and has it until it has run, so that this is how many there can
//! be. Places are a channel of that capacity: to send is to take one, to receive gives one back, and waiting in turn, time-outs, and being told
//! that the pool is closed come with the channel. A job that has its place goes into a second channel, which therefore always has room, and
//! which the workers receive from.
//!
//! The article has a channel of channels: a free worker sends its own job channel into the pool channel, and the dispatcher takes one out and
//! sends the job there. Here both are found *inside* the second channel. A worker that waits in `recv` is in that channel's list of receivers,
//! which is the pool channel; the slot in its stack frame, into which a sender puts the value directly, is its own job channel. The dispatcher's
//! work is done by whoever submits, which spares a switch for each job. What the dispatcher could do besides, wait for a free worker *before* it
//! decides what the job is, is [`reserve`](Pool::reserve): the [`Slot`] that it gives is the worker taken out of the pool.
//!
//! # Closing: no job between two stools
//!
//! | submitting | shutting down |
//! |---|---|
//! | 1. takes a place; refused once places are closed | 1. closes the places: who waits for one has the job back |
//! | 2. **sends the job**; refused once jobs are closed: job and place go back | 2. **closes the jobs** |
//! | | 3. waits until every worker has ended, which they do when jobs are closed *and* empty |
//! | | 4. the deadline first: takes what is left out of the channel, drops and counts it |
//!
//! The two steps in bold are taken under the channel's lock, so that one comes first. The send first: the job is there when a worker or step 4
//! looks, and exactly one of them receives it. The close first: the send is refused, and whoever submits knows. Were 2 after 4, a job could be
//! accepted behind the sweep: begun after the shutdown has returned, or, where every worker hangs, never, and not counted either way. The
//! models of `gate_loom.rs` are over this, that mistake among them. A [`Slot`] taken before step 1 is no exception: it is used in step 2.
//!
//! # When there is nobody left to run it
//!
//! Workers end in three ways: dismissed, as above; without having begun, when no stack can be had for them (a line on stderr says so); and
//! abandoned, like every goroutine, when the runtime that made the pool ends. The last two come without a word of the worker's own, and of an
//! abandoned one no `Drop` ever tells, for its stack is left as it is. So each worker's `JoinHandle` is polled as the future that it also is,
//! with a waker (`crew.rs`) that whoever ends the worker calls: its M, the monitor's helper, or the thread that called `run`. With the
//! last of them the pool is closed and swept as by a shutdown whose time is over. From then on jobs come back to whoever submits them,
//! those that waited are dropped and counted, a [`JobHandle`] of one that was left in the middle says [so](JobError::is_abandoned), and a
//! shutdown, also on a plain thread that outlives the runtime, returns and tells of them.
//!
//! A sweep by the last worker's end and one by a shutdown may meet: each job is received by one of them.
//!
//! # What it does not do
//!
//! Workers are started with the pool and live as long as it does; one that found no stack is not replaced, and the others go on. In bound mode
//! a worker stays on the thread it started on, so that a job that computes for long without a [`checkpoint`](crate::checkpoint) holds up
//! the workers that share the thread. The end of the runtime does not wait for jobs: shut a pool down before `main` returns. A job that submits
//! to its own pool waits for a place that it may have itself: use [`try_submit`](Pool::try_submit) there.
//!
//! Rejected: *a goroutine started for each job behind a semaphore* costs more than a worker that waits already, and cannot be reserved before the
//! job is known. *A dispatcher goroutine* costs a switch a job. *One queue a worker*, filled by turns: a long job holds up those behind it
//! while other workers are idle.

mod builder;
mod crew;
mod error;
mod gate;
mod handle;
mod job;
mod slot;
mod with;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use builder::PoolBuilder;
pub use error::{JobError, SubmitError};
pub use handle::JobHandle;
pub use slot::{NoSlot, Slot};
pub use worker::Stats;

use crate::wait::Limit;
use worker::Shared;

/// A pool of workers behind a bounded queue. Clones are handles to the same pool; when the last one is dropped the pool is
/// [closed](Self::close), and its workers end once they have run what was accepted.
///
/// Jobs may be submitted from any goroutine or thread, of whatever runtime; they run on goroutines of the runtime that made the pool.
///
/// ```
/// use threadle::pool::Pool;
/// threadle::run(|| {
///     let pool = Pool::new(2, 8);
///     pool.submit(|| println!("on a worker")).unwrap();
///     assert!(pool.shutdown().is_complete());
/// });
/// ```
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
}

/// What [`Pool::shutdown_timeout`] left undone.
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(1, 4);
///     (0..4).for_each(|_| pool.submit(threadle::yield_now).unwrap());
///     let drained = pool.shutdown();
///     assert_eq!((drained.dropped, drained.running), (0, 0));
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Jobs that were accepted and dropped without having run, since the pool began.
    pub dropped: usize,
    /// Jobs that were still running when the time was over, and run on; or that the end of their runtime stopped in the middle.
    pub running: usize,
}

impl Drained {
    /// Whether every job that was accepted has run to its end.
    ///
    /// ```
    /// threadle::run(|| assert!(threadle::pool::Pool::new(1, 0).shutdown().is_complete()));
    /// ```
    pub fn is_complete(&self) -> bool {
        self.dropped == 0 && self.running == 0
    }
}

impl Pool {
    /// A pool of `workers` goroutines, and room for `queue` jobs to wait for one. With 0 a job is accepted when a worker is free for it.
    /// [`PoolBuilder`] has more options.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does, and without any worker.
    ///
    /// ```
    /// use threadle::pool::Pool;
    /// threadle::run(|| {
    ///     let pool = Pool::new(3, 100);
    ///     assert_eq!(pool.stats().workers, 3);
    /// });
    /// ```
    #[track_caller]
    pub fn new(workers: usize, queue: usize) -> Pool {
        PoolBuilder::new(workers, queue).build()
    }

    /// Has a worker run `job`; waits for a place in the queue if there is none.
    ///
    /// A panic of the job is reported as any thread's is, and counted; the worker goes on.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The pool is or becomes closed. The job comes back in the error.
    ///
    /// ```
    /// use threadle::{chan, pool::Pool};
    /// threadle::run(|| {
    ///     let (sender, receiver) = chan::bounded(1);
    ///     let pool = Pool::new(1, 0);
    ///     pool.submit(move || sender.send(6 * 7).unwrap()).unwrap();
    ///     assert_eq!(receiver.recv(), Ok(42));
    /// });
    /// ```
    #[track_caller]
    pub fn submit<F>(&self, job: F) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        submit_in(self.reserve(), job)
    }

    /// Has a worker run `job` if there is a place for it.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// No place is free, or the pool is closed. The job comes back in the error.
    ///
    /// ```
    /// use threadle::{chan, pool::Pool};
    /// threadle::run(|| {
    ///     let (gate, wait) = chan::bounded::<()>(0);
    ///     let pool = Pool::new(1, 0);
    ///     pool.submit(move || assert!(wait.recv().is_err())).unwrap();
    ///     let refused = pool.try_submit(|| println!("too many")).unwrap_err();
    ///     assert!(refused.is_full());
    ///     drop(gate);
    ///     pool.submit(refused.into_inner()).unwrap(); // once the first is done
    ///     assert!(pool.shutdown().is_complete());
    /// });
    /// ```
    pub fn try_submit<F>(&self, job: F) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        submit_in(self.try_reserve(), job)
    }

    /// As [`submit`](Self::submit), waiting for a place at most `timeout`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over ([`is_full`](SubmitError::is_full)), or the pool is closed. The job comes back in the error.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, pool::Pool};
    /// threadle::run(|| {
    ///     let (_gate, wait) = chan::bounded::<()>(0);
    ///     let pool = Pool::new(1, 0);
    ///     pool.submit(move || assert!(wait.recv().is_err())).unwrap();
    ///     assert!(pool.submit_timeout(|| (), Duration::from_millis(1)).unwrap_err().is_full());
    /// });
    /// ```
    #[track_caller]
    pub fn submit_timeout<F>(&self, job: F, timeout: Duration) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        submit_in(self.reserve_timeout(timeout), job)
    }

    /// As [`submit`](Self::submit), waiting for a place until `deadline` at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`submit_timeout`](Self::submit_timeout).
    ///
    /// ```
    /// use std::time::Instant;
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     pool.submit_deadline(|| (), Instant::now()).unwrap(); // there is a place: nothing waits
    /// });
    /// ```
    #[track_caller]
    pub fn submit_deadline<F>(&self, job: F, deadline: Instant) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        submit_in(self.reserve_deadline(deadline), job)
    }

    /// As [`submit`](Self::submit), for a job whose result, or panic, is wanted: the handle's
    /// [`join`](JobHandle::join) has it. To submit it only if there is a place, or for some time only, use [`Slot::go`].
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The pool is or becomes closed. The job comes back in the error.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let handle = pool.go(|| 6 * 7).unwrap();
    ///     assert_eq!(handle.join().unwrap(), 42);
    /// });
    /// ```
    #[track_caller]
    pub fn go<F, T>(&self, job: F) -> Result<JobHandle<T>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.reserve() {
            Ok(slot) => slot.go(job),
            Err(NoSlot(why)) => Err(SubmitError::new(job, why)),
        }
    }

    /// Waits for a place and holds it: for a job that is made, or made larger, only when it can be run. With an empty queue (`queue` 0) a place
    /// is a free worker.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The pool is or becomes closed.
    ///
    /// ```
    /// use threadle::{chan, pool::Pool};
    /// threadle::run(|| {
    ///     let (sender, lines) = chan::unbounded();
    ///     let pool = Pool::new(1, 0);
    ///     sender.send("a").unwrap();
    ///     let slot = pool.reserve().unwrap();
    ///     sender.send("b").unwrap(); // came while we waited for a worker: one upload for both
    ///     let batch: Vec<&str> = lines.try_iter().collect();
    ///     slot.submit(move || assert_eq!(batch, ["a", "b"])).unwrap();
    ///     assert_eq!(pool.shutdown().dropped, 0);
    ///     assert_eq!(pool.stats().panicked, 0);
    /// });
    /// ```
    #[track_caller]
    pub fn reserve(&self) -> Result<Slot<'_>, NoSlot> {
        self.reserve_within(Limit::NONE)
    }

    /// Holds a place if one is free.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// No place is free, or the pool is closed.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let slot = pool.try_reserve().unwrap();
    ///     assert!(pool.try_reserve().unwrap_err().is_full());
    ///     drop(slot);
    ///     assert!(pool.try_reserve().is_ok());
    /// });
    /// ```
    pub fn try_reserve(&self) -> Result<Slot<'_>, NoSlot> {
        self.inner.shared.try_reserve().map_err(|refusal| NoSlot(refusal.into()))
    }

    /// As [`reserve`](Self::reserve), waiting at most `timeout`.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// The time is over ([`is_full`](NoSlot::is_full)), or the pool is closed.
    ///
    /// ```
    /// use std::time::Duration;
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 1);
    ///     assert!(pool.reserve_timeout(Duration::from_secs(1)).is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn reserve_timeout(&self, timeout: Duration) -> Result<Slot<'_>, NoSlot> {
        self.reserve_within(Limit::after(timeout))
    }

    /// As [`reserve`](Self::reserve), waiting until `deadline` at most.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`reserve_timeout`](Self::reserve_timeout).
    ///
    /// ```
    /// use std::time::Instant;
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let _slot = pool.reserve().unwrap();
    ///     assert!(pool.reserve_deadline(Instant::now()).is_err());
    /// });
    /// ```
    #[track_caller]
    pub fn reserve_deadline(&self, deadline: Instant) -> Result<Slot<'_>, NoSlot> {
        self.reserve_within(Limit::at(deadline))
    }

    #[track_caller]
    fn reserve_within(&self, limit: Limit<'_>) -> Result<Slot<'_>, NoSlot> {
        self.inner.shared.reserve(limit).map_err(|refusal| NoSlot(refusal.into()))
    }

    /// Accepts no more jobs: those that wait for a place come back to whoever submits them. What was accepted is run, and then the workers end.
    /// Closing again does nothing.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 4);
    ///     pool.submit(|| ()).unwrap();
    ///     pool.close();
    ///     assert!(pool.submit(|| ()).unwrap_err().is_closed());
    ///     assert_eq!(pool.shutdown().dropped, 0);
    /// });
    /// ```
    pub fn close(&self) {
        self.inner.shared.close();
    }

    /// [Closes](Self::close) the pool and waits until every accepted job has run. A job must not do that to its own pool: it would wait for
    /// itself.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(2, 10);
    ///     (0..10).for_each(|_| pool.submit(threadle::yield_now).unwrap());
    ///     assert!(pool.shutdown().is_complete());
    ///     assert_eq!(pool.stats().finished, 10);
    /// });
    /// ```
    #[track_caller]
    pub fn shutdown(&self) -> Drained {
        self.drain(Limit::NONE)
    }

    /// [Closes](Self::close) the pool and waits, at most `timeout`, until every accepted job has run. What is still queued then is dropped,
    /// and counted; what is running runs on.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, pool::Pool};
    /// threadle::run(|| {
    ///     let ((_gate, wait), (begins, begun)) = (chan::bounded::<()>(0), chan::bounded(0));
    ///     let pool = Pool::new(1, 2);
    ///     pool.submit(move || {
    ///         begins.send(()).unwrap();
    ///         assert!(wait.recv().is_err());
    ///     }).unwrap();
    ///     pool.submit(|| println!("never")).unwrap();
    ///     begun.recv().unwrap();
    ///     let drained = pool.shutdown_timeout(Duration::from_millis(10));
    ///     assert_eq!((drained.running, drained.dropped), (1, 1));
    /// });
    /// ```
    #[track_caller]
    pub fn shutdown_timeout(&self, timeout: Duration) -> Drained {
        self.drain(Limit::after(timeout))
    }

    /// As [`shutdown_timeout`](Self::shutdown_timeout), until an instant.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     assert!(pool.shutdown_deadline(Instant::now() + Duration::from_secs(5)).is_complete());
    /// });
    /// ```
    #[track_caller]
    pub fn shutdown_deadline(&self, deadline: Instant) -> Drained {
        self.drain(Limit::at(deadline))
    }

    #[track_caller]
    fn drain(&self, limit: Limit<'_>) -> Drained {
        let shared = &self.inner.shared;
        shared.close();
        if !shared.wait_for_end(limit) {
            shared.drop_queued();
        }
        shared.drained()
    }

    /// What the pool is doing and has done. Each figure is exact; together they are of about one moment.
    ///
    /// Switches: no.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let pool = threadle::pool::Pool::new(1, 0);
    ///     let failed = pool.go(|| if true { panic!("no") }).unwrap();
    ///     assert!(failed.join().unwrap_err().is_panic());
    ///     assert!(pool.go(|| true).unwrap().join().unwrap()); // the worker is there still
    ///     pool.shutdown();
    ///     assert_eq!((pool.stats().finished, pool.stats().panicked), (2, 1));
    /// });
    /// ```
    pub fn stats(&self) -> Stats {
        self.inner.shared.stats()
    }
}

#[track_caller]
fn submit_in<F>(slot: Result<Slot<'_>, NoSlot>, job: F) -> Result<(), SubmitError<F>>
where
    F: FnOnce() + Send + 'static,
{
    match slot {
        Ok(slot) => slot.submit(job),
        Err(NoSlot(why)) => Err(SubmitError::new(job, why)),
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("stats", &self.stats()).finish()
    }
}
