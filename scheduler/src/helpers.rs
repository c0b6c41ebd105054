//! Threads that run blocking calls for goroutines of bound mode (`blocking`).

use crate::m::current;
use crate::park::Ticket;
use crate::runtime::Scheduler;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A helper nobody needed for so long ends.
const LONG: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<(Job, Option<Ticket>)>,
    idle: usize,
    threads: usize,
    stopping: bool,
    handles: Vec<JoinHandle<()>>,
}

/// The helpers of one runtime.
#[derive(Default)]
pub(crate) struct Helpers {
    state: Mutex<State>,
    work: Condvar,
    ended: Condvar,
}

impl Helpers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a helper call `job` and then wake the ticket, if there is one. Gives the job back where there is no thread for it.
    ///
    /// # Safety
    /// What `job` borrows stays until the ticket was woken; without a ticket it borrows nothing.
    pub(crate) unsafe fn run<'a>(
        &self,
        scheduler: &'static Scheduler,
        job: impl FnOnce() + Send + 'a,
        ticket: Option<Ticket>,
    ) -> Result<(), Box<dyn FnOnce() + Send + 'a>> {
        let job: Box<dyn FnOnce() + Send + 'a> = Box::new(job);
        let mut state = self.lock();
        if state.idle <= state.jobs.len() {
            // Everybody idle has a job coming already.
            if !scheduler.may_start_thread() {
                return Err(job);
            }
            let name = format!("{}-helper", scheduler.config().thread_name);
            match std::thread::Builder::new().name(name).spawn(move || scheduler.helpers().live(scheduler)) {
                Ok(handle) => {
                    state.threads += 1;
                    state.handles.retain(|handle| !handle.is_finished());
                    state.handles.push(handle);
                }
                Err(_) => {
                    scheduler.thread_gone();
                    return Err(job);
                }
            }
        }
        // SAFETY: only the lifetime changes; the caller keeps what the job borrows until the ticket is woken, after the job's last act.
        let job = unsafe { std::mem::transmute::<Box<dyn FnOnce() + Send + 'a>, Job>(job) };
        state.jobs.push_back((job, ticket));
        self.work.notify_one();
        Ok(())
    }

    /// Whether a call is under way, or will be.
    pub(crate) fn busy(&self) -> bool {
        let state = self.lock();
        state.threads > state.idle || !state.jobs.is_empty()
    }

    /// How many there are.
    pub(crate) fn threads(&self) -> usize {
        self.lock().threads
    }

    fn live(&self, scheduler: &'static Scheduler) {
        let mut state = self.lock();
        loop {
            if let Some((job, ticket)) = state.jobs.pop_front() {
                drop(state);
                current::working_for(scheduler, job);
                if let Some(ticket) = ticket {
                    ticket.wake();
                }
                state = self.lock();
                continue;
            }
            if state.stopping {
                break;
            }
            state.idle += 1;
            drop(state);
            scheduler.came_to_rest();
            state = self.lock();
            if !state.jobs.is_empty() || state.stopping {
                state.idle -= 1;
                continue;
            }
            let (next, waited) = self.work.wait_timeout(state, LONG).unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        drop(state);
        scheduler.thread_gone();
        self.ended.notify_all();
    }

    /// Ends the idle ones and waits for the others, at most until the deadline. How many are left in their calls.
    pub(crate) fn stop(&self, deadline: Instant) -> usize {
        let mut state = self.lock();
        state.stopping = true;
        self.work.notify_all();
        while state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return state.threads;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        for handle in handles {
            // A helper's panic would be a bug of ours and was reported by the hook; calls' panics are caught.
            let _ended = handle.join();
        }
        0
    }
}
