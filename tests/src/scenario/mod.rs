//! Small programs that measure. A test runs one under a bound that tells right from broken on any machine; `figures` prints what they
//! measure beside the bound that a quiet machine keeps.

mod blocking;
mod capacity;
mod contention;
mod detach;
mod echo;
mod hogs;
mod lateness;
mod locked;
mod pair;
mod rest;
mod shutdown;
mod stale;
mod storm;
mod time;
mod tree;

pub use blocking::{Overlap, block_here, overlap};
pub use capacity::{Footprint, park_many, park_many_here};
pub use contention::{Contended, mean_to_least_served};
pub use detach::{detach_many, threads_of_fresh_goroutines};
pub use echo::{Exchange, echo, echo_clients, echo_server};
pub use hogs::{hold_up_main, sleep_among_hogs, sleep_among_hogs_here};
pub use lateness::Lateness;
pub use locked::{spawn_locked, talk_to_a_locked_one};
pub use pair::{
    Peers, crossings, fresh_peer_of_a_computing_goroutine, ping_pong, ping_pong_here,
    woken_peer_of_a_computing_goroutine,
};
pub use rest::{rest, switches_at_rest};
pub use shutdown::{Shutdown, end_with_hogs};
pub use stale::{Access, stale_thread_locals};
pub use storm::sleep_in_a_storm;
pub use time::{Use, cancel_children, reset_and_stop};
pub use tree::{fib, fib_here, skynet, skynet_here};
