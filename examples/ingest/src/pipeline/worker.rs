//! A worker: registers its own job channel in the pool, uploads one batch at a time.

use std::sync::Arc;

use threadle::chan::{self, Sender};

use super::batch::Batch;
use super::dispatcher::FreeWorker;
use super::job::{Outcome, settle};
use crate::console;
use crate::counters::Counters;
use crate::stop::Stop;
use crate::store::Store;
use crate::store::key::KeyMaker;
use crate::store::retry::{Policy, put_with_retries};

/// What every worker shares.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Where free workers register.
    pub pool: Sender<FreeWorker>,
    /// Where objects go.
    pub store: Arc<dyn Store>,
    /// Names them.
    pub keys: Arc<KeyMaker>,
    /// How often to try.
    pub policy: Policy,
    /// Ends retries when the drain time is over.
    pub stop: Stop,
    /// Counts what was stored.
    pub counters: Arc<Counters>,
}

impl Worker {
    /// A worker's goroutine: ends when the pool or its own channel is closed.
    pub fn run(self) {
        let (own, batches) = chan::bounded(1);
        while self.pool.send(own.clone()).is_ok() {
            match batches.recv() {
                Ok(batch) => self.upload(batch),
                Err(_) => return,
            }
        }
    }

    fn upload(&self, batch: Batch) {
        let Batch { text, payloads, waiting, promised, .. } = batch;
        let key = self.keys.next();
        let bytes = text.len();
        let policy = if promised {
            // These clients have been told that their payloads are kept.
            self.policy.without_end()
        } else {
            self.policy
        };
        let result = put_with_retries(&*self.store, &key, text.into(), policy, &self.stop, &self.counters);
        match result {
            Ok(()) => {
                self.counters.stored(payloads, bytes);
                settle(waiting, Outcome::Stored);
            }
            Err(error) => {
                console::log(format_args!("ingest: {payloads} payloads not stored as {key}: {error}"));
                if promised {
                    self.counters.dropped(payloads);
                }
                settle(waiting, Outcome::Failed);
            }
        }
    }
}
