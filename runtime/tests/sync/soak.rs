//! Goroutines of two runtimes, of either mode, and plain threads, on the same locks at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadle::sync::{Barrier, Condvar, Mutex, OnceLock, RwLock, Semaphore, WaitGroup};

use crate::support::{Random, watchdog};

const TASKS: usize = 4;
const PLACES: usize = 3;
const ROUNDS: usize = 400;

#[derive(Default)]
struct World {
    mutex: Mutex<usize>,
    changed: Condvar,
    lock: RwLock<[usize; 2]>,
    cells: [OnceLock<usize>; 16],
    made: AtomicUsize,
    inside: AtomicUsize,
}

struct Shared {
    world: World,
    semaphore: Semaphore,
    barrier: Barrier,
    group: WaitGroup,
}

/// One task: random calls of everything. Each round adds one under the mutex, whatever else it does.
fn work(shared: &Shared, mut random: Random) {
    let World { mutex, changed, lock, cells, made, inside } = &shared.world;
    for _ in 0..ROUNDS {
        let short = Duration::from_micros(random.below(200));
        match random.below(8) {
            0 => *mutex.lock() += 1,
            1 => {
                *mutex.lock() += 1;
                changed.notify_one();
            }
            2 => {
                let (mut count, _) = changed.wait_timeout(mutex.lock(), short);
                *count += 1;
            }
            3 => {
                if let Some(mut count) = mutex.lock_timeout(short) {
                    *count += 1;
                } else {
                    *mutex.lock() += 1;
                }
            }
            4 => {
                let pair = lock.read();
                if random.below(16) == 0 {
                    threadle::yield_now();
                }
                assert_eq!(pair[0], pair[1]);
                *mutex.lock() += 1;
            }
            5 => {
                if let Some(mut pair) = lock.write_timeout(short) {
                    pair[0] += 1;
                    if random.below(16) == 0 {
                        threadle::yield_now();
                    }
                    pair[1] += 1;
                }
                *mutex.lock() += 1;
            }
            6 => {
                let cell = &cells[random.below(cells.len() as u64) as usize];
                cell.get_or_init(|| {
                    threadle::yield_now();
                    made.fetch_add(1, Relaxed)
                });
                *mutex.lock() += 1;
            }
            _ => {
                let n = 1 + random.below(3) as usize;
                if let Some(_permits) = shared.semaphore.acquire_timeout(n, short * 10) {
                    assert!(inside.fetch_add(n, Relaxed) + n <= 3);
                    if random.below(16) == 0 {
                        threadle::yield_now();
                    }
                    inside.fetch_sub(n, Relaxed);
                }
                *mutex.lock() += 1;
            }
        }
    }
    shared.barrier.wait();
    shared.group.done();
}

#[test]
fn two_runtimes_and_plain_threads() {
    let _watchdog = watchdog("sync soak");
    let mut random = Random::new("sync soak");
    let shared = Arc::new(Shared {
        world: World::default(),
        semaphore: Semaphore::new(3),
        barrier: Barrier::new(TASKS * PLACES),
        group: WaitGroup::new(),
    });
    shared.group.add(TASKS * PLACES);
    let mut seeds: Vec<Vec<Random>> = (0..PLACES).map(|_| (0..TASKS).map(|_| random.fork()).collect()).collect();
    let spawn = |shared: &Arc<Shared>, seeds: Vec<Random>| {
        for seed in seeds {
            let shared = Arc::clone(shared);
            drop(threadle::go(move || work(&shared, seed)));
        }
        shared.group.wait();
    };
    let (bound, migrating) = (seeds.remove(0), seeds.remove(0));
    std::thread::scope(|threads| {
        for seed in seeds.remove(0) {
            threads.spawn(|| work(&shared, seed));
        }
        let builder = threadle::Builder::new().procs(2);
        let own = builder.clone();
        threads.spawn(|| own.run(|| spawn(&shared, bound)).expect("it starts"));
        // SAFETY: `work` holds locks of this crate and a generator over its switching calls, and names no thread-local.
        threads.spawn(|| unsafe { builder.run_migrating(|| spawn(&shared, migrating)) }.expect("it starts"));
    });
    let World { mutex, lock, cells, made, .. } = &shared.world;
    assert_eq!(*mutex.lock(), TASKS * PLACES * ROUNDS);
    assert_eq!(lock.read()[0], lock.read()[1]);
    assert_eq!(cells.iter().filter(|cell| cell.get().is_some()).count(), made.load(Relaxed));
    assert_eq!(shared.semaphore.available(), 3);
}
