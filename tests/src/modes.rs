//! One body, two modes: [`threadle::testing`]'s ways, with the promise of migrating mode given once for all bodies of this crate.

use std::fmt;

use threadle::Builder;
use threadle::testing::{self, Run};

/// The mode a body runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A started goroutine stays on its thread.
    Bound,
    /// A started goroutine moves to whichever thread is free.
    Migrating,
}

impl Mode {
    /// Both of them.
    pub const BOTH: [Mode; 2] = [Mode::Bound, Mode::Migrating];

    /// The mode's name in one word, as [`Mode::from_name`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Bound => "bound",
            Mode::Migrating => "migrating",
        }
    }

    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Mode> {
        Mode::BOTH.into_iter().find(|mode| mode.name() == name)
    }

    /// Runs `main` as goroutine 1 of a runtime of this mode.
    ///
    /// Bodies of this crate keep the promise of migrating mode: over a switching call they hold nothing that belongs to a thread,
    /// and thread-locals they read only through functions of std that are not inlined. The few that are about breaking it call
    /// [`Builder::run_migrating`] themselves and say why it is right there.
    ///
    /// # Panics
    ///
    /// Where `main` panics, and where the runtime cannot start.
    pub fn run<T: Send>(self, builder: Builder, main: impl FnOnce() -> T + Send) -> T {
        match self {
            Mode::Bound => builder.run(main),
            // SAFETY: the promise that this function's page states for every body of this crate: no thread-bound value is held over
            // a switching call, no thread-local is touched on both sides of one within one function.
            Mode::Migrating => unsafe { builder.run_migrating(main) },
        }
        .expect("the runtime starts")
    }
}

impl From<testing::Mode> for Mode {
    fn from(mode: testing::Mode) -> Mode {
        match mode {
            testing::Mode::Bound => Mode::Bound,
            testing::Mode::Migrating => Mode::Migrating,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Runs `body` as goroutine 1, in either mode, on `procs` processors, under a watchdog of a minute.
///
/// # Panics
///
/// Where `body` does.
pub fn both_modes(procs: usize, body: impl Fn(Mode) + Send + Sync) {
    // SAFETY: the promise that `Mode::run` states for every body of this crate.
    unsafe { Run::new().procs(procs).both_modes(|mode| body(mode.into())) }
}

/// Runs `body` as goroutine 1, in either mode, on `procs` processors, in virtual time, under a watchdog of a minute of the real one.
///
/// # Panics
///
/// Where `body` does, and in a deadlock.
pub fn both_modes_in_virtual_time<T: Send + 'static>(procs: usize, body: impl Fn(Mode) -> T + Send + Clone + 'static) {
    for mode in Mode::BOTH {
        println!("mode: {mode}");
        let run = Run::new().procs(procs);
        let body = body.clone();
        match mode {
            Mode::Bound => run.virtual_time(move || body(mode)),
            // SAFETY: the promise that `Mode::run` states for every body of this crate.
            Mode::Migrating => unsafe { run.virtual_time_migrating(move || body(mode)) },
        };
    }
}
