//! The order to stop: given once, heard by every connection and worker.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::Shared;

/// Heard by all that hold a clone.
///
/// Connections are futures and wait for it as one; workers only ask for the
/// time by which they must be done.
#[derive(Clone, Debug)]
pub struct Stop {
    ordered: Shared<oneshot::Receiver<()>>,
    order: Arc<Order>,
}

#[derive(Debug)]
struct Order {
    sender: Mutex<Option<oneshot::Sender<()>>>,
    cutoff: OnceLock<Instant>,
}

impl Stop {
    /// Not ordered yet.
    pub fn new() -> Self {
        let (sender, receiver) = oneshot::channel();
        Self {
            ordered: receiver.shared(),
            order: Arc::new(Order { sender: Mutex::new(Some(sender)), cutoff: OnceLock::new() }),
        }
    }

    /// Announces the order: from now on the service counts as stopping, and all is to have ended `drain` from now.
    /// Later announcements change nothing.
    pub fn announce(&self, drain: Duration) -> Instant {
        *self.order.cutoff.get_or_init(|| Instant::now() + drain)
    }

    /// Gives the order to those who wait for it.
    pub fn order(&self) {
        let sender = self.order.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Cannot fail: this Stop holds a receiver.
            let _heard = sender.send(());
        }
    }

    /// Whether the order was announced.
    pub fn is_announced(&self) -> bool {
        self.order.cutoff.get().is_some()
    }

    /// By when all has to have ended, once the order was announced.
    pub fn cutoff(&self) -> Option<Instant> {
        self.order.cutoff.get().copied()
    }

    /// Resolves once the order was given.
    pub fn ordered(&self) -> impl Future<Output = ()> + Send + Unpin + use<> {
        self.ordered.clone().map(|_| ())
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
