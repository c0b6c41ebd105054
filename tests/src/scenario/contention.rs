use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use threadle::sync::{Mutex, RwLock, Semaphore};
use threadle::{Builder, go, time, yield_now};

use crate::Mode;

const TASKS: usize = 8;

/// What is contended for.
#[derive(Clone, Copy, Debug)]
pub enum Contended {
    /// A mutex.
    Mutex,
    /// Two permits, each held over a turn of the others now and then.
    Semaphore,
    /// A lock that all want to write to.
    Writers,
}

/// Eight goroutines on two processors take it as often as they can, for two seconds: the mean number of times to the least of them.
pub fn mean_to_least_served(mode: Mode, contended: Contended) -> f64 {
    match contended {
        Contended::Mutex => {
            let mutex = Mutex::new(0u64);
            contend(mode, move || *mutex.lock() += 1)
        }
        Contended::Semaphore => {
            let (semaphore, count) = (Semaphore::new(2), AtomicU64::new(1));
            contend(mode, move || {
                let _permit = semaphore.acquire(1);
                if count.fetch_add(1, Relaxed).is_multiple_of(16) {
                    yield_now();
                }
            })
        }
        Contended::Writers => {
            let lock = RwLock::new(0u64);
            contend(mode, move || *lock.write() += 1)
        }
    }
}

fn contend(mode: Mode, once: impl Fn() + Send + Sync + 'static) -> f64 {
    mode.run(Builder::new().procs(2), move || {
        let (stop, once) = (Arc::new(AtomicBool::new(false)), Arc::new(once));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (stop, once) = (Arc::clone(&stop), Arc::clone(&once));
                go(move || {
                    let mut served = 0u32;
                    while !stop.load(Relaxed) {
                        once();
                        served += 1;
                    }
                    served
                })
            })
            .collect();
        time::sleep(Duration::from_secs(2));
        stop.store(true, Relaxed);
        let served: Vec<_> =
            tasks.into_iter().map(|task| f64::from(task.join().expect("it ends when it is told"))).collect();
        let least = served.iter().copied().fold(f64::INFINITY, f64::min);
        served.iter().sum::<f64>() / TASKS as f64 / least
    })
}
