//! What submitters and workers share, and the worker's loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::Drained;
use super::gate::{Gate, Refusal};
use super::job::{Ran, Work};
use super::slot::Slot;
use crate::chan::{self, Receiver, Sender, Unreceived};
use crate::wait::Limit;

pub(super) struct Shared {
    workers: usize,
    gate: Gate<Box<dyn Work>>,
    counts: Counts,
    /// Every worker has returned: nothing runs. Written before `over` is closed.
    returned: AtomicBool,
    end: Sender<()>,
    /// Closed by `end` once every worker has ended, and what they left was dropped and counted.
    over: Receiver<()>,
}

/// Relaxed throughout: they are read for people. Who joins a job or a shutdown is ordered after them by the channels.
#[derive(Default)]
struct Counts {
    /// Counted before the job is sent, and taken back if it is refused: it is never less than what follows.
    accepted: AtomicUsize,
    running: AtomicUsize,
    finished: AtomicUsize,
    panicked: AtomicUsize,
    dropped: AtomicUsize,
}

/// Figures of a pool; see [`Pool::stats`](super::Pool::stats).
///
/// ```
/// threadle::run(|| {
///     let pool = threadle::pool::Pool::new(2, 8);
///     pool.go(|| ()).unwrap().join().unwrap();
///     pool.shutdown();
///     let stats = pool.stats();
///     assert_eq!((stats.workers, stats.queued, stats.running), (2, 0, 0));
///     assert_eq!((stats.finished, stats.panicked, stats.dropped), (1, 0, 0));
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Workers, the most jobs that run at once.
    pub workers: usize,
    /// Jobs that wait for a worker.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that have ended, those that panicked included.
    pub finished: usize,
    /// Jobs that have ended by a panic.
    pub panicked: usize,
    /// Jobs that were accepted and dropped without having run.
    pub dropped: usize,
}

impl Shared {
    pub(super) fn new(workers: usize, queue: usize) -> Shared {
        let (end, over) = chan::bounded(0);
        let gate = Gate::new(workers.saturating_add(queue));
        Shared { workers, gate, counts: Counts::default(), returned: AtomicBool::new(false), end, over }
    }

    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    /// Closed when there is no worker left.
    pub(super) fn over(&self) -> &Receiver<()> {
        &self.over
    }

    /// Waits within a limit for the end of every worker. Whether it came. Switches.
    #[track_caller]
    pub(super) fn wait_for_end(&self, limit: Limit<'_>) -> bool {
        self.over.recv_within(limit) == Err(Unreceived::Closed)
    }

    /// There is no worker any more. `returned`: nor does a job run that one of them left behind. Does not switch.
    pub(super) fn all_have_ended(&self, returned: bool) {
        self.returned.store(returned, Relaxed);
        self.gate.end(|job| self.drop_unrun(job));
        self.end.close();
    }

    /// Takes a place, waiting for one within a limit. Switches.
    #[track_caller]
    pub(super) fn reserve(&self, limit: Limit<'_>) -> Result<Slot<'_>, Refusal> {
        self.gate.take(limit).map(|()| Slot::new(self))
    }

    /// Takes a place if one is free. Does not switch.
    pub(super) fn try_reserve(&self) -> Result<Slot<'_>, Refusal> {
        self.gate.try_take().map(|()| Slot::new(self))
    }

    /// See the gate.
    pub(super) fn give_back(&self) {
        self.gate.give_back();
    }

    /// See the gate.
    pub(super) fn accept(&self, job: Box<dyn Work>) -> Result<(), Box<dyn Work>> {
        self.counts.accepted.fetch_add(1, Relaxed);
        self.gate.accept(job).inspect_err(|_| {
            self.counts.accepted.fetch_sub(1, Relaxed);
        })
    }

    pub(super) fn close(&self) {
        self.gate.close();
    }

    /// After `close`: drops what no worker has begun.
    pub(super) fn drop_queued(&self) {
        self.gate.sweep(|job| self.drop_unrun(job));
    }

    fn drop_unrun(&self, job: Box<dyn Work>) {
        // Counted first: who joins the job learns by its drop, and may look.
        self.counts.dropped.fetch_add(1, Relaxed);
        quietly(|| drop(job));
    }

    /// After `close`, and either the end of every worker or `drop_queued`: what was left undone.
    pub(super) fn drained(&self) -> Drained {
        let Counts { accepted, finished, dropped, .. } = &self.counts;
        let (finished, dropped) = (finished.load(Relaxed), dropped.load(Relaxed));
        let running = if self.end.is_closed() && self.returned.load(Relaxed) {
            0
        } else {
            // Not `running`: a worker that has just received its job, or another sweep, has not counted it yet.
            accepted.load(Relaxed).saturating_sub(finished + dropped)
        };
        Drained { dropped, running }
    }

    fn run(&self, job: Box<dyn Work>) {
        self.counts.running.fetch_add(1, Relaxed);
        quietly(|| job.run(&|ran| self.done(ran)));
    }

    /// Called by the job once it has run, before it tells anybody: who has joined it finds it counted and its place free.
    fn done(&self, ran: Ran) {
        self.counts.running.fetch_sub(1, Relaxed);
        self.counts.finished.fetch_add(1, Relaxed);
        if ran == Ran::Panicked {
            self.counts.panicked.fetch_add(1, Relaxed);
        }
        self.give_back();
    }

    pub(super) fn stats(&self) -> Stats {
        let Counts { running, finished, panicked, dropped, .. } = &self.counts;
        Stats {
            workers: self.workers,
            queued: self.gate.waiting(),
            running: running.load(Relaxed),
            finished: finished.load(Relaxed),
            panicked: panicked.load(Relaxed),
            dropped: dropped.load(Relaxed),
        }
    }
}

/// A worker's goroutine: until the pool is closed and its queue empty.
pub(super) fn work(shared: &Shared) {
    while let Some(job) = shared.gate.next() {
        shared.run(job);
    }
}

/// Runs what may run foreign `Drop`s, of jobs, results and panics. A panic in there has been reported by the hook and concerns nobody here.
fn quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        // Not dropped: that might panic again, and nobody wants it.
        std::mem::forget(payload);
    }
}
