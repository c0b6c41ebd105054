//! The scheduler of the threadle runtime: goroutines (G) on threads (M) that hold processors (P), after Go's model.
//!
//! Programs depend on the `threadle` crate; this one is its engine and promises nothing of its own. The essay is `README.md` beside this
//! file; each part has its own at the top of its module.
//!
//! | module | holds |
//! |---|---|
//! | `g` | the goroutine: its state word, its body and result, its stack's context |
//! | `m` | the thread: its loop and search order, the lease on a P, its sleep |
//! | `p` | the processor: ring, runnext, timers, caches |
//! | `park` | tickets: how anything waits and is woken |
//! | `injector`, `idle` | the global queue; who has nothing to do, and who is woken |
//! | `monitor` | takes Ps from Ms that are away, and looks after what nobody else sees |
//! | `blocking`, `helpers` | announced calls |
//! | `locals` | goroutine-local storage |
//! | `locked` | goroutines that have a thread to themselves |
//! | `quiet` | when nothing can happen: the virtual clock, the deadlock report |
//! | `stack`, `limits` | stacks and their guards; what the machine allows |
//! | `runtime`, `spawn`, `observe` | start and shutdown; making goroutines; dump, metrics, trace |

// Clippy hears this here only: the thread-locals are in m/current.rs, park/thread.rs and locals/thread.rs, read by accessors that give out values.
#![allow(clippy::disallowed_macros, reason = "see m/current.rs")]

mod idle;
mod injector;
mod m;
mod p;
mod seats;
mod sync;

#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
mod g;
#[cfg(not(loom))]
mod helpers;
#[cfg(not(loom))]
mod limits;
#[cfg(not(loom))]
mod locals;
#[cfg(not(loom))]
mod locked;
#[cfg(not(loom))]
mod monitor;
#[cfg(not(loom))]
mod observe;
#[cfg(not(loom))]
mod park;
#[cfg(not(loom))]
mod poll;
#[cfg(not(loom))]
mod prefetch;
#[cfg(not(loom))]
mod quiet;
#[cfg(not(loom))]
mod ready;
#[cfg(not(loom))]
mod runtime;
#[cfg(not(loom))]
mod say;
#[cfg(not(loom))]
mod scope;
#[cfg(not(loom))]
mod spawn;
#[cfg(not(loom))]
mod stack;
#[cfg(not(loom))]
mod switching;
#[cfg(not(loom))]
mod timers;

/// What loom models of the runtime: its end.
#[cfg(loom)]
mod runtime {
    mod gate;
}

/// What loom models of the monitor: whom it sleeps through.
#[cfg(loom)]
mod monitor {
    mod alarm;
    mod doze;
}

/// What loom models of the goroutine: the words that others write.
#[cfg(loom)]
mod g {
    pub(crate) mod children;
    pub(crate) mod completion;
    pub(crate) mod state;
}

#[cfg(not(loom))]
mod exports {
    pub use crate::blocking::blocking;
    pub use crate::g::SpawnOptions;
    pub use crate::locals::{Destroy, Gone, Local, LocalId, local, put_local};
    pub use crate::locked::{lock_os_thread, unlock_os_thread};
    pub use crate::observe::{Metrics, dump, dump_those, live_goroutines, metrics};
    pub use crate::park::{Leaving, Parking, Reason, Ticket, Woken};
    pub use crate::prefetch::prefetch;
    pub use crate::quiet::clock::{now, settle};
    pub use crate::quiet::deadlock::Deadlock;
    pub use crate::runtime::{Config, Host, Mode, run, run_in_virtual_time};
    pub use crate::scope::Scope;
    pub use crate::spawn::{Ended, Join, spawn, spawn_scoped};
    pub use crate::switching::{checkpoint, in_place, no_switch, yield_now};
    pub use crate::timers::{Expire, TimerHandle, arm_timer};

    /// Instants in one word.
    pub mod clock {
        pub use crate::limits::clock::{to_instant, to_ns};
        pub use crate::quiet::clock::in_ns;
    }

    /// Descriptors and the poller, for the network types.
    pub mod io {
        pub use crate::m::connection_accepted;
        pub use crate::poll::{expect_runtime, is_in_runtime, register, register_lazily, wake_all};
        pub use threadle_netpoll::{
            Descriptor, Direction, Operation, Ready, TaskWaiter, Wait, closed_error, stopped_error,
        };
    }

    /// How many goroutines of the caller's runtime have not ended. 0 outside a runtime.
    pub fn num_goroutines() -> usize {
        crate::m::current::scheduler().map_or(0, |scheduler| scheduler.live())
    }

    /// How many goroutines of the caller's runtime may run at once; outside a runtime, how many a new one would run by default.
    pub fn procs() -> usize {
        crate::m::current::scheduler()
            .map_or_else(crate::limits::cpu::available_procs, |scheduler| scheduler.procs() as usize)
    }

    /// Whether another goroutine of the caller's runtime may be running this moment: on another P, which is neither idle nor looking for work. True
    /// outside a runtime. Nothing is known of goroutines without a P, of plain threads and other runtimes; a caller without a P is taken for
    /// one with. A hint, for who would wait a moment for what another is about to let go. Does not switch.
    pub fn others_run() -> bool {
        crate::m::current::scheduler().is_none_or(|scheduler| {
            let counts = scheduler.idle().counts();
            scheduler.procs() > counts.idle() + counts.searching() + 1
        })
    }

    /// The number of the goroutine that calls.
    pub fn current_id() -> Option<u64> {
        crate::m::current::goroutine().map(|g| g.id())
    }

    /// A pseudo-random number, from the thread the caller is on. 0 outside a runtime.
    pub fn random() -> u32 {
        crate::m::current::m().map_or(0, crate::m::M::random)
    }

    /// The mode of the runtime the caller works for.
    pub fn mode() -> Option<Mode> {
        crate::m::current::scheduler().map(|scheduler| scheduler.mode())
    }
}
#[cfg(not(loom))]
pub use exports::*;
