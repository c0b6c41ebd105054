//! The whole service, started and stopped inside a running runtime.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use threadle::JoinHandle;
use threadle::chan::{self, Receiver, RecvTimeoutError};
use threadle::net::TcpListener;
use threadle::pool::{Pool, PoolBuilder};

use crate::config::Config;
use crate::console;
use crate::counters::{Counters, Totals};
use crate::http::accept;
use crate::http::handler::Handler;
use crate::pipeline::batch::Limits;
use crate::pipeline::dispatcher::Dispatcher;
use crate::pipeline::queue::Queue;
use crate::pipeline::uploader::Uploader;
use crate::stop::Stop;
use crate::store::key::KeyMaker;
use crate::store::retry::Policy;
use crate::store::{self, Store};

/// A running service. Dropping it lets it run on until the runtime ends.
#[derive(Debug)]
pub struct Service {
    handler: Arc<Handler>,
    listener: TcpListener,
    address: SocketAddr,
    acceptor: JoinHandle<()>,
    /// Disconnected once no connection is left.
    connections: Receiver<()>,
    /// Disconnected once the dispatcher has ended.
    dispatcher: Receiver<()>,
    pool: Pool,
}

/// What [`Service::stop`] found.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// All counters.
    pub totals: Totals,
    /// Whether everything had ended before the drain time was over.
    pub in_time: bool,
}

impl Service {
    /// Opens the store, binds the address and starts accepting.
    ///
    /// # Errors
    ///
    /// Those of [`store::open`] and of binding.
    pub fn start(config: Config) -> io::Result<Self> {
        let store = threadle::blocking(|| store::open(&config))?;
        Self::start_with(config, store)
    }

    /// The same with a store of the caller's.
    ///
    /// # Errors
    ///
    /// Those of binding.
    pub fn start_with(config: Config, store: Arc<dyn Store>) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen.as_str())?;
        let address = listener.local_addr()?;
        let stop = Stop::new();
        let counters = Arc::new(Counters::default());
        let (queue, jobs) = Queue::new(config.queue, config.overload, config.queue_wait);

        let pool = PoolBuilder::new(config.workers.max(1), 0).name("uploads").build();
        let uploader = Uploader {
            store,
            keys: KeyMaker::new(),
            policy: Policy::new(config.store_attempts),
            stop: stop.clone(),
            counters: Arc::clone(&counters),
        };
        let gathering = Dispatcher {
            jobs,
            pool: pool.clone(),
            uploader: Arc::new(uploader),
            limits: Limits { payloads: config.batch_payloads.max(1), bytes: config.batch_bytes },
            linger: config.linger,
        };
        let (running, dispatcher) = chan::bounded(1);
        threadle::go(move || {
            gathering.run();
            drop(running);
        });

        let handler = Arc::new(Handler { config, queue, counters, stop });
        let (alive, connections) = chan::bounded(1);
        let acceptor = {
            let (handler, listener) = (Arc::clone(&handler), listener.clone());
            threadle::go(move || accept::accept(&listener, &handler, &alive))
        };
        Ok(Self { handler, listener, address, acceptor, connections, dispatcher, pool })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The counters now.
    pub fn totals(&self) -> Totals {
        self.handler.counters.totals()
    }

    /// Stops: accepts no more, cuts half-sent requests, answers those that are
    /// being handled, stores all that was queued. Takes at most the drain time
    /// of the settings.
    pub fn stop(self) -> Stopped {
        let cutoff = self.handler.stop.announce(self.handler.config.drain);
        if let Err(error) = self.listener.close() {
            console::log(format_args!("ingest: closing the listener: {error}"));
        }
        if self.acceptor.join().is_err() {
            console::log(format_args!("ingest: the acceptor had panicked"));
        }
        // Only now: whoever finds its connection closed finds the listener closed, too.
        self.handler.stop.order();
        let answered = ended(&self.connections, cutoff);
        // Nobody is left to queue anything, or nobody is waited for any longer.
        self.handler.queue.close();
        let dispatched = ended(&self.dispatcher, cutoff);
        let uploads = self.pool.shutdown_deadline(cutoff);
        if uploads.running > 0 {
            console::log(format_args!("ingest: {} uploads under way are not waited for any longer", uploads.running));
        }
        let counters = &self.handler.counters;
        counters.give_up();
        Stopped { totals: counters.totals(), in_time: answered && dispatched && uploads.is_complete() }
    }
}

/// Waits until no clone of the other end is left.
fn ended(alive: &Receiver<()>, cutoff: Instant) -> bool {
    match alive.recv_deadline(cutoff) {
        Err(RecvTimeoutError::Disconnected) => true,
        Ok(()) | Err(RecvTimeoutError::Timeout) => false,
    }
}
