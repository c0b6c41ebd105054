#![cfg_attr(not(loom), doc = include_str!("../README.md"))]
#![cfg_attr(loom, doc = "What loom models of the runtime.")]
#![cfg_attr(loom, allow(dead_code, unreachable_pub, unused_imports, reason = "what a model does not use"))]

mod base;
#[cfg(not(loom))]
mod block_on;
#[cfg(not(loom))]
pub mod chan;
/// What loom models of the channels: all that waits.
#[cfg(loom)]
mod chan {
    mod core;
    mod error;
    mod exchange;
    mod iter;
    mod lock;
    mod receiver;
    mod select;
    mod sender;
    mod source;
    mod state;

    pub(crate) use self::core::Unsent;
    pub(crate) use error::{SendTimeoutError, TrySendError};
    pub(crate) use receiver::Receiver;
    pub(crate) use sender::Sender;

    pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        pair(Some(capacity))
    }

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        pair(None)
    }

    fn pair<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
        let channel = std::sync::Arc::new(self::core::Channel::new(capacity));
        (Sender::new(channel.clone()), Receiver::new(receiver::Flavor::Channel(channel)))
    }
}
#[cfg(not(loom))]
pub mod context;
#[cfg(not(loom))]
mod entry;
#[cfg(not(loom))]
pub mod fs;
#[cfg(not(loom))]
pub mod io;
#[cfg(not(loom))]
pub mod local;
#[cfg(not(loom))]
pub mod net;
#[cfg(not(loom))]
mod polled;
#[cfg(not(loom))]
pub mod pool;
/// What loom models of the pool: how a job is accepted, and how that ends.
#[cfg(loom)]
mod pool {
    mod gate;
}
#[cfg(not(loom))]
pub mod process;
#[cfg(doctest)]
mod refused;
#[cfg(all(not(loom), any(feature = "hyper", feature = "futures-io")))]
pub mod rt;
#[cfg(not(loom))]
mod scope;
#[cfg(not(loom))]
pub mod signal;
#[cfg(not(loom))]
pub mod sync;
/// What loom models of the locks: everything but the data they guard.
#[cfg(loom)]
mod sync {
    mod looking;
    mod raw_condvar;
    mod raw_mutex;
    mod raw_once;
    mod raw_rwlock;
    mod raw_semaphore;
}
#[cfg(not(loom))]
pub mod testing;
#[cfg(not(loom))]
pub mod time;
#[cfg(all(not(loom), feature = "tls"))]
pub mod tls;
mod wait;
mod waiters;

#[cfg(all(loom, test))]
#[path = "chan/alarm_loom.rs"]
mod loom_alarm;
#[cfg(all(loom, test))]
#[path = "context/family_loom.rs"]
mod loom_family;
#[cfg(all(loom, test))]
#[path = "time/latent_loom.rs"]
mod loom_latent;
#[cfg(all(loom, test))]
#[path = "block_on/loom_notice.rs"]
mod loom_notice;
#[cfg(all(loom, test))]
#[path = "time/plan_loom.rs"]
mod loom_plan;
#[cfg(all(loom, test))]
#[path = "tls/split_loom.rs"]
mod loom_split;

#[cfg(not(loom))]
pub use block_on::block_on;
#[cfg(not(loom))]
pub use entry::{
    Builder, GoBuilder, JoinError, JoinHandle, blocking, checkpoint, dump, go, lock_os_thread, metrics, no_switch,
    num_goroutines, procs, run, run_migrating, unlock_os_thread, yield_now,
};
#[cfg(not(loom))]
pub use scope::{Scope, ScopedJoinHandle, scope};
#[cfg(not(loom))]
pub use threadle_scheduler::{Deadlock, Metrics};
