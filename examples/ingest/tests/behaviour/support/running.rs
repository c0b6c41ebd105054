//! The service in this process, in a runtime on a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ingest::config::{Config, StoreUrl};
use ingest::service::{Service, Stopped};
use ingest::store::Store;
use threadle::chan::{self, Sender};

use super::client::Client;

/// A running service.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Sender<()>,
    thread: thread::JoinHandle<Stopped>,
}

/// Settings for tests with a store of their own: small, and nothing waits long.
pub(crate) fn config() -> Config {
    Config {
        listen: "127.0.0.1:0".to_owned(),
        workers: 4,
        linger: Duration::from_millis(1),
        drain: Duration::from_secs(60),
        ..Config::new(StoreUrl::Dir("unused".into()))
    }
}

impl Running {
    /// Starts the service with the store that the settings name.
    pub(crate) fn start(config: Config) -> Self {
        Self::start_by(move || Service::start(config).expect("the service"))
    }

    /// Starts it with a store of the test's.
    pub(crate) fn with(config: Config, store: &Arc<impl Store + 'static>) -> Self {
        let store = Arc::clone(store);
        Self::start_by(move || Service::start_with(config, store).expect("the service"))
    }

    fn start_by(start: impl FnOnce() -> Service + Send + 'static) -> Self {
        let (stop, ordered) = chan::bounded(1);
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            threadle::run(|| {
                let service = start();
                tell.send(service.address()).expect("the test listens");
                assert!(ordered.recv().is_err(), "nothing is ever sent");
                service.stop()
            })
        });
        let address = told.recv().expect("a started service");
        Self { address, stop, thread }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Begins to stop it.
    pub(crate) fn order_stop(&self) {
        self.stop.close();
    }

    /// Stops it, and waits until it has.
    pub(crate) fn stop(self) -> Stopped {
        self.order_stop();
        self.thread.join().expect("the service ended well")
    }
}
