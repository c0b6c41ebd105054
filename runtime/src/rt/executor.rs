//! Futures on goroutines.

use std::future::Future;

/// Runs each future on a goroutine of its own. Must be used inside a runtime: `execute` panics outside, as [`go`](crate::go) does, and does
/// not switch.
///
/// ```
/// use hyper::rt::Executor as _;
/// threadle::run(|| {
///     let (sender, receiver) = threadle::chan::bounded(1);
///     threadle::rt::Executor.execute(async move { sender.send(1).unwrap() });
///     assert_eq!(receiver.recv(), Ok(1));
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(crate::go(move || crate::block_on(future)));
    }
}
