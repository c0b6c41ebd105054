//! What a thread of one's own costs.

use std::time::{Duration, Instant};

use threadle::{Builder, GoBuilder, lock_os_thread};

use super::pair::to_and_fro;
use crate::Mode;

/// `rounds` goroutines with a thread of their own, spawned and joined one after the other: by main, or by one of their kind, which makes no
/// threads itself. How long that takes.
///
/// # Panics
///
/// If no thread can be made.
pub fn spawn_locked(mode: Mode, by_a_locked_one: bool, rounds: usize) -> Duration {
    let locked = || GoBuilder::new().locked();
    let measure = move || {
        let begun = Instant::now();
        for _ in 0..rounds {
            locked().go(|| ()).join().expect("it only returns");
        }
        begun.elapsed()
    };
    mode.run(Builder::new().procs(2), || {
        if by_a_locked_one { locked().go(measure).join().expect("it only spawns") } else { measure() }
    })
}

/// A goroutine that has locked its thread passes a token to another and back, `rounds` times over two rendezvous channels: how long that
/// takes.
///
/// # Panics
///
/// If the thread cannot be locked.
pub fn talk_to_a_locked_one(mode: Mode, rounds: usize) -> Duration {
    mode.run(Builder::new().procs(2), || {
        lock_os_thread().expect("main is alone on its thread");
        to_and_fro(rounds)
    })
}
