//! What a worker does with a batch.

use std::sync::Arc;

use super::batch::Batch;
use super::job::{Outcome, settle};
use crate::console;
use crate::counters::Counters;
use crate::stop::Stop;
use crate::store::Store;
use crate::store::key::KeyMaker;
use crate::store::retry::{Policy, put_with_retries};

/// What every upload needs.
#[derive(Debug)]
pub struct Uploader {
    /// Where objects go.
    pub store: Arc<dyn Store>,
    /// Names them.
    pub keys: KeyMaker,
    /// How often to try.
    pub policy: Policy,
    /// Ends retries when the drain time is over.
    pub stop: Stop,
    /// Counts what was stored.
    pub counters: Arc<Counters>,
}

impl Uploader {
    /// Stores a batch as one object and tells those who wait for it. Switches goroutines.
    pub fn upload(&self, batch: Batch) {
        let Batch { text, payloads, waiting, promised, .. } = batch;
        let key = self.keys.next();
        let bytes = text.len();
        let policy = if promised > 0 {
            // These clients have been told that their payloads are kept.
            self.policy.without_end()
        } else {
            self.policy
        };
        let result = put_with_retries(&*self.store, &key, text.into(), policy, &self.stop, &self.counters);
        match result {
            Ok(()) => {
                self.counters.stored(payloads, bytes);
                self.counters.kept(promised);
                settle(waiting, Outcome::Stored);
            }
            Err(error) => {
                console::log(format_args!("ingest: {payloads} payloads not stored as {key}: {error}"));
                // What was promised stays owed, and is counted as dropped at the end.
                settle(waiting, Outcome::Failed);
            }
        }
    }
}
