use std::time::{Duration, Instant};

use threadle::Builder;
use threadle::context::Context;
use threadle::time::Timer;

use crate::Mode;

const FAR: Duration = Duration::from_secs(3600);

/// A context with `children` is cancelled: how long that takes. Of every two children one has a deadline of its own.
pub fn cancel_children(mode: Mode, children: usize) -> Duration {
    mode.run(Builder::new().procs(2), move || {
        let (parent, cancel) = Context::background().with_cancel();
        let children: Vec<_> = (0..children)
            .map(|n| if n % 2 == 0 { parent.with_cancel().0 } else { parent.with_timeout(FAR).0 })
            .collect();
        let begun = Instant::now();
        cancel.cancel();
        let taken = begun.elapsed();
        assert!(children.iter().all(Context::is_done));
        taken
    })
}

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// It is received from.
    Received,
    /// It calls a function.
    Calls,
}

/// A timer is reset to the far future and stopped, `rounds` times, while `standing` others that call are armed: how long each takes.
pub fn reset_and_stop(mode: Mode, used: Use, standing: usize, rounds: u32) -> Duration {
    mode.run(Builder::new().procs(2), move || {
        let standing: Vec<_> = (0..standing as u64)
            .map(|n| Timer::after_func(FAR + Duration::from_millis(n), || unreachable!("an hour early")))
            .collect();
        let timer = match used {
            Use::Received => Timer::after(FAR),
            Use::Calls => Timer::after_func(FAR, || unreachable!("an hour early")),
        };
        let begun = Instant::now();
        for _ in 0..rounds {
            timer.reset(FAR);
            timer.stop();
        }
        let taken = begun.elapsed();
        assert!(standing.iter().all(Timer::stop));
        taken / rounds
    })
}
