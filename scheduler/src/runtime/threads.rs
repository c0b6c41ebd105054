//! The threads of a runtime: which of them there are, and who makes them.
//!
//! A thread inherits from the one that makes it: namespaces, user and group ids as the kernel sees them, CPU affinity, scheduling policy,
//! signal mask, resource control. A goroutine that has its thread to itself has it in order to change such things, and nobody else's thread
//! may come of it: an M that was made in passing by a goroutine in a network namespace of its own would run everybody's goroutines in there.
//! Nor does a plain thread that wakes a goroutine, or the code of an announced call, promise anything of its thread.
//!
//! So threads are made by those that are as the thread was which called `run`: by that one, at the start; by the Ms that serve everybody,
//! whose goroutines have no business to change their thread; and by the monitor. Everybody else leaves an **order** with the monitor
//! and wakes it. (Go keeps a "template thread" for the same purpose, from the first `LockOSThread` on; the monitor is there anyway, runs no
//! code but ours, and looks after threads that could not be made already.)
//!
//! An order is for a P, which is neither idle nor held meanwhile, as if its M were about to start; or for a locked goroutine, which lies in
//! no other queue. The monitor carries it out as the one who left it would have done, also where no thread is to be had. What is ordered
//! when the monitor has stopped is taken by the shutdown.

use super::Scheduler;
use crate::g::G;
use crate::idle::Released;
use crate::m::{M, current, start_thread};
use std::io;
use std::sync::atomic::Ordering::*;
use std::thread::JoinHandle;

/// A thread that somebody wants who must not make it. See the module.
#[derive(Debug)]
pub(crate) enum Order {
    /// For a P that the orderer took. `searches`: and for the count of a searching M.
    P { p: u32, searches: bool },
    /// For a locked goroutine, and nobody else.
    Locked(&'static G),
}

impl Scheduler {
    /// The monitor's part.
    pub(crate) fn carry_out(&'static self, order: Order) {
        match order {
            Order::P { p, searches } => self.start_m_or_keep(p, searches),
            Order::Locked(g) => self.start_locked(g),
        }
    }

    /// Makes an M with a thread for a P. Where there is no thread to be had the P idles; the monitor tries again while there is work.
    pub(super) fn start_m_or_keep(&'static self, p: u32, searches: bool) {
        if !current::may_make_threads(self) {
            return self.monitor.order(Order::P { p, searches });
        }
        // Where one was refused just now the monitor asks again, at its own pace, and nobody else does.
        if self.monitor.asks_for_a_thread() || self.start_m(p, searches).is_err() {
            match self.idle.release(p, searches) {
                Released::To(m) => m.assign(p, false),
                Released::Idles => self.monitor.thread_wanted(),
            }
        }
    }

    pub(super) fn start_m(&'static self, p: u32, searches: bool) -> io::Result<()> {
        if !self.may_start_thread() {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                format!("the limit of {} threads is reached", self.max_threads),
            ));
        }
        let m = self.new_m(false);
        m.assign(p, searches);
        start_thread(self, m).inspect_err(|_| {
            m.unassign();
            self.ms().spare.push(m);
            self.thread_gone();
        })
    }

    /// A locked goroutine gets a thread of its own, which serves nobody else.
    pub(crate) fn start_locked(&'static self, g: &'static G) {
        if !current::may_make_threads(self) {
            return self.monitor.order(Order::Locked(g));
        }
        let m = self.new_m(true);
        g.set_home(m);
        m.owned.store(1, Relaxed);
        m.inbox.push(g);
        let started = self.may_start_thread() && start_thread(self, m).inspect_err(|_| self.thread_gone()).is_ok();
        if !started {
            // It waits like one that has no stack: the monitor tries again, and after a second it ends with an error.
            let _g = m.inbox.take();
            m.owned.store(0, Relaxed);
            g.clear_home();
            self.ms().spare.push(m);
            self.wait_for_thread(g);
        }
    }

    fn new_m(&'static self, exclusive: bool) -> &'static M {
        let mut ms = self.ms();
        let m = match ms.spare.pop() {
            Some(m) => m,
            None => {
                let id = ms.next_id;
                ms.next_id += 1;
                Box::leak(Box::new(M::new(id, self)))
            }
        };
        m.set_exclusive(exclusive);
        m
    }

    /// Counts a thread that is about to be made. False: the limit is reached.
    pub(crate) fn may_start_thread(&self) -> bool {
        !self.stopping()
            && self.threads.fetch_update(AcqRel, Relaxed, |n| (n < self.max_threads).then_some(n + 1)).is_ok()
    }

    pub(crate) fn thread_gone(&self) {
        self.threads.fetch_sub(1, AcqRel);
        drop(self.ms());
        self.changed.notify_all();
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.load(Relaxed)
    }

    pub(crate) fn max_threads(&self) -> usize {
        self.max_threads
    }

    /// More Ms than Ps sleep: one that was not needed for long may end.
    pub(crate) fn has_spare_threads(&self) -> bool {
        self.threads() > self.procs as usize + 1
    }

    /// Makes the M's thread. Under the lock, so that a thread that ends at once finds itself among the living.
    pub(crate) fn start_thread_of(
        &self,
        m: &'static M,
        start: impl FnOnce() -> io::Result<JoinHandle<()>>,
    ) -> io::Result<()> {
        let mut ms = self.ms();
        let handle = start()?;
        ms.handles.push((m.id, handle));
        ms.alive.push(m);
        Ok(())
    }

    /// The M's thread has done its last for the runtime.
    pub(crate) fn thread_ends(&self, m: &'static M) {
        let mut ms = self.ms();
        ms.alive.retain(|other| !std::ptr::eq(*other, m));
        ms.spare.push(m);
        if !self.stopping() {
            // Nobody will join it; the shutdown joins those that end because of it.
            ms.handles.retain(|(id, _)| *id != m.id);
        }
        drop(ms);
        self.thread_gone();
    }

    /// The M's thread stays, with what abandoned goroutines may have borrowed of it.
    pub(crate) fn m_sleeps_for_good(&self, m: &M) {
        let mut ms = self.ms();
        self.left_threads.fetch_add(1, AcqRel);
        ms.alive.retain(|other| !std::ptr::eq(*other, m));
        ms.handles.retain(|(id, _)| *id != m.id);
        drop(ms);
        self.changed.notify_all();
    }
}
