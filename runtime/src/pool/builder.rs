//! How a pool is made.

use std::sync::Arc;

use super::crew::Crew;
use super::worker::{Shared, work};
use super::{Inner, Pool};
use crate::GoBuilder;

/// Options of a [`Pool`]; by value.
///
/// ```
/// use threadle::pool::PoolBuilder;
/// threadle::run(|| {
///     let pool = PoolBuilder::new(8, 64).name("thumbnails").stack_size(1 << 20).build();
///     assert_eq!(pool.stats().workers, 8);
/// });
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds something"]
pub struct PoolBuilder {
    workers: usize,
    queue: usize,
    goroutine: GoBuilder,
}

impl PoolBuilder {
    /// A pool of `workers` goroutines, and room for `queue` jobs to wait for one.
    ///
    /// ```
    /// use threadle::pool::PoolBuilder;
    /// threadle::run(|| assert_eq!(PoolBuilder::new(1, 0).build().stats().queued, 0));
    /// ```
    pub fn new(workers: usize, queue: usize) -> PoolBuilder {
        PoolBuilder { workers, queue, goroutine: GoBuilder::new() }
    }

    /// What the dump calls the workers.
    ///
    /// ```
    /// use threadle::pool::PoolBuilder;
    /// threadle::run(|| {
    ///     let pool = PoolBuilder::new(1, 0).name("mail").build();
    ///     pool.go(|| ()).unwrap().join().unwrap();
    ///     let mut text = Vec::new();
    ///     threadle::dump(&mut text).unwrap();
    ///     assert!(String::from_utf8(text).unwrap().contains("mail"));
    /// });
    /// ```
    pub fn name(mut self, name: impl Into<Arc<str>>) -> PoolBuilder {
        self.goroutine = self.goroutine.name(name);
        self
    }

    /// The workers' stacks in bytes, as [`GoBuilder::stack_size`].
    ///
    /// ```
    /// use threadle::pool::PoolBuilder;
    /// threadle::run(|| drop(PoolBuilder::new(1, 0).stack_size(8 << 20).build()));
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> PoolBuilder {
        self.goroutine = self.goroutine.stack_size(bytes);
        self
    }

    /// Starts the workers. Switches: no.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does, and without any worker.
    ///
    /// ```should_panic
    /// threadle::run(|| threadle::pool::PoolBuilder::new(0, 8).build());
    /// ```
    #[track_caller]
    pub fn build(self) -> Pool {
        let PoolBuilder { workers, queue, goroutine } = self;
        assert!(workers > 0, "a pool without workers runs nothing");
        let shared = Arc::new(Shared::new(workers, queue));
        let crew = Crew::new(Arc::clone(&shared));
        for _ in 0..workers {
            let shared = Arc::clone(&shared);
            crew.watch(goroutine.clone().go(move || work(&shared)));
        }
        Pool { inner: Arc::new(Inner { shared }) }
    }
}
