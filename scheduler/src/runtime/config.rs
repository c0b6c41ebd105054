//! What a runtime is started with.

use crate::quiet::deadlock::Deadlock;
use crate::stack;
use std::time::Duration;

/// Whether a started goroutine may change its thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It is resumed only on the thread it started on: safe.
    Bound,
    /// Any thread may resume it, as in Go: the caller answers for thread-locals.
    Migrating,
}

/// What a runtime is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// See [`Mode`].
    pub mode: Mode,
    /// How many goroutines run at once; 0: `THREADLE_PROCS`, or as many CPUs as this process may use.
    pub procs: usize,
    /// Bytes of a goroutine's stack.
    pub stack_size: usize,
    /// The most threads at a time.
    pub max_threads: usize,
    /// Threads are called this, a dash and a number.
    pub thread_name: String,
    /// How long the end of main waits for other goroutines.
    pub drain: Duration,
    /// What is done when nothing can ever run again.
    pub deadlock: Deadlock,
}

impl Config {
    /// The defaults.
    pub fn new(mode: Mode) -> Config {
        Config {
            mode,
            procs: 0,
            stack_size: stack::DEFAULT_SIZE,
            max_threads: crate::limits::threads::DEFAULT_THREADS,
            thread_name: String::from("threadle"),
            drain: Duration::ZERO,
            deadlock: Deadlock::default(),
        }
    }

    /// The number of Ps, from the environment or the machine where it was not given.
    pub(super) fn resolve_procs(&self) -> (usize, bool) {
        if self.procs > 0 {
            return (self.procs.min(MAX_PROCS), false);
        }
        match std::env::var("THREADLE_PROCS") {
            Err(_) => {}
            Ok(text) => match text.trim().parse::<usize>() {
                Ok(procs) if procs > 0 => return (procs.min(MAX_PROCS), false),
                _ => crate::say::say!(
                    "threadle: THREADLE_PROCS={text:?} is not a positive number; using the CPUs at hand"
                ),
            },
        }
        (crate::limits::cpu::available_procs().clamp(1, MAX_PROCS), true)
    }
}

/// No machine of today needs more; the arrays stay small.
const MAX_PROCS: usize = 1024;

/// `THREADLE_TRACE=sched=1000`: a line about the scheduler every so many milliseconds.
pub(super) fn trace_interval() -> Option<Duration> {
    let text = std::env::var("THREADLE_TRACE").ok()?;
    let mut interval = None;
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("sched", ms)) if ms.parse::<u64>().is_ok_and(|ms| ms > 0) => {
                interval = ms.parse().ok().map(Duration::from_millis);
            }
            _ => crate::say::say!("threadle: THREADLE_TRACE: {part:?} is not understood; known: sched=MILLISECONDS"),
        }
    }
    interval
}
