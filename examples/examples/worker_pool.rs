//! A bounded queue in front of four workers: who submits waits while it is full.
//!
//! ```text
//! $ cargo run -p threadle-examples --example worker_pool
//! 100 jobs, sum of squares 328350
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use threadle::{chan, sync::WaitGroup};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    threadle::run(|| {
        let (queue, jobs) = chan::bounded::<u64>(8);
        let sum = Arc::new(AtomicU64::new(0));
        let workers = WaitGroup::new();
        for _ in 0..4 {
            let (jobs, sum) = (jobs.clone(), Arc::clone(&sum));
            drop(workers.go(move || {
                for job in jobs {
                    sum.fetch_add(job * job, Relaxed);
                }
            }));
        }
        for job in 0..100 {
            queue.send(job)?;
        }
        drop(queue);
        workers.wait();
        println!("100 jobs, sum of squares {}", sum.load(Relaxed));
        Ok(())
    })
}
