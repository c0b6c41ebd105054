//! Costs of the locks: `cargo bench -p threadle --bench locks`. Each line is the median of several rounds, in both modes; a run takes some twenty
//! seconds. Without `--bench` (as under `cargo test --benches`) everything runs once and small, to see that it works.
//!
//! To be compared with std's line above each group, taken in the same run. Eight goroutines on two Ps are to cost no more than one alone, and the
//! least served of them is to have half of the mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use threadle::sync::{Mutex, RwLock, Semaphore, WaitGroup};

/// How much of everything.
#[derive(Clone, Copy)]
struct Scale {
    operations: u64,
    rounds: usize,
    contention: Duration,
}

fn main() {
    let scale = if std::env::args().any(|argument| argument == "--bench") {
        Scale { operations: 4_000_000, rounds: 5, contention: Duration::from_secs(2) }
    } else {
        Scale { operations: 1_000, rounds: 1, contention: Duration::from_millis(1) }
    };
    let builder = threadle::Builder::new().procs(2);
    println!("bound");
    builder.clone().run(|| all(scale)).expect("the runtime starts");
    println!("migrating");
    // SAFETY: what `all` holds over switching calls are locks of this crate, `Arc`s and numbers, and it names no thread-local.
    unsafe { builder.run_migrating(|| all(scale)) }.expect("the runtime starts");
}

fn all(scale: Scale) {
    let std = std::sync::Mutex::new(0u64);
    alone(scale, "std::sync::Mutex, lock and unlock", || *std.lock().expect("nobody panics") += 1);
    let mutex = Mutex::new(0u64);
    alone(scale, "Mutex, lock and unlock", || *mutex.lock() += 1);
    let lock = RwLock::new(0u64);
    alone(scale, "RwLock, read", || assert!(*lock.read() < u64::MAX));
    alone(scale, "RwLock, write", || *lock.write() += 1);
    let semaphore = Semaphore::new(1);
    alone(scale, "Semaphore, one of one", || drop(semaphore.acquire(1)));
    let mutex = Mutex::new(0u64);
    contended(scale, "Mutex, 8 goroutines", move || *mutex.lock() += 1);
    let lock = RwLock::new(0u64);
    contended(scale, "RwLock, 8 writers", move || *lock.write() += 1);
    let semaphore = Semaphore::new(1);
    contended(scale, "Semaphore, 8 goroutines", move || drop(semaphore.acquire(1)));
}

/// Nobody else wants it.
fn alone(scale: Scale, name: &str, mut once: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..scale.rounds)
        .map(|_| {
            let start = Instant::now();
            (0..scale.operations).for_each(|_| once());
            start.elapsed().as_nanos() as f64 / scale.operations as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("  {name:<40} {:>8.1} ns", rounds[rounds.len() / 2]);
}

/// Eight want it as often as they can.
fn contended(scale: Scale, name: &str, once: impl Fn() + Send + Sync + 'static) {
    const TASKS: u64 = 8;
    let (once, stop) = (Arc::new(once), Arc::new(AtomicBool::new(false)));
    let served: Arc<[AtomicU64; TASKS as usize]> = Arc::default();
    let (group, start) = (WaitGroup::new(), Instant::now());
    for task in 0..TASKS as usize {
        let (once, stop, served) = (Arc::clone(&once), Arc::clone(&stop), Arc::clone(&served));
        drop(group.go(move || {
            while !stop.load(Relaxed) {
                once();
                served[task].fetch_add(1, Relaxed);
            }
        }));
    }
    threadle::time::sleep(scale.contention);
    stop.store(true, Relaxed);
    group.wait();
    let elapsed = start.elapsed().as_nanos() as f64;
    let counts = served.each_ref().map(|served| served.load(Relaxed));
    let (sum, least) = (counts.iter().sum::<u64>().max(1), counts.into_iter().min().unwrap_or(0));
    let share = (least * TASKS) as f64 / sum as f64;
    println!("  {name:<40} {:>8.1} ns   the least served had {share:.2} of the mean", elapsed / sum as f64);
}
