//! `ingest demo`: a real S3 server, the service and a load generator in one
//! process, and at the end the proof that nothing acknowledged was lost.

pub mod client;
pub mod latency;
pub mod load;
pub mod readback;
pub mod report;
pub mod s3_server;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, StoreUrl};
use crate::console;
use crate::service::Service;
use crate::store;
use crate::store::s3::{S3Store, Settings};

use latency::{Latencies, Timed};
use load::Load;
use report::{Puts, Report};
use s3_server::S3Server;

/// What is lost is to be the service's fault, not that of a machine whose disk is slow: it has this long to store what it has accepted.
const DRAIN: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Settings of the service; the endpoint is filled in.
    pub config: Config,
    /// How long to send.
    pub duration: Duration,
    /// Requests a second.
    pub rate: u64,
    /// Connections they are spread over.
    pub connections: u64,
    /// End with one JSON object.
    pub json: bool,
}

/// Runs the demo on the current goroutine. Says whether every request was
/// acknowledged, and everything acknowledged was found in the store.
///
/// # Errors
///
/// Where the server, the service or the read-back could not do their work.
pub fn run(plan: &Plan) -> io::Result<bool> {
    let StoreUrl::S3 { bucket, prefix } = plan.config.store.clone() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the demo stores to S3"));
    };
    let folder = tempfile::tempdir()?;
    let server = S3Server::start(folder.path(), &bucket)?;
    let endpoint = server.endpoint();

    let config = Config {
        s3_endpoint: Some(endpoint.clone()),
        s3_keys: Some(server.keys()),
        drain: DRAIN,
        ..plan.config.clone()
    };
    let (workers, ack) = (config.workers, config.ack);
    let puts = Latencies::new();
    let store = Timed { store: threadle::blocking(|| store::open(&config))?, puts: puts.clone() };
    let service = Service::start_with(config, Arc::new(store))?;
    let total = (plan.rate as f64 * plan.duration.as_secs_f64()).round() as u64;
    console::log(format_args!(
        "demo: {total} requests at {} a second over {} connections; {workers} workers, answered when {ack:?}; S3 at {endpoint}",
        plan.rate, plan.connections,
    ));

    let load = Load { target: service.address(), total, rate: plan.rate, connections: plan.connections };
    let sent = load.run();
    let stopped = service.stop();
    let puts = Puts { called: puts.percentiles(), served: server.puts().percentiles() };

    console::log(format_args!("demo: reading the store back"));
    let settings = Settings {
        bucket: &bucket,
        prefix: &prefix,
        endpoint: Some(&endpoint),
        keys: Some(&server.keys()),
        timeout: plan.config.store_timeout,
    };
    let store = S3Store::open(&settings)?;
    let found = readback::read(&store, total)?;
    let report = Report::new(&sent, &found, puts);
    console::print(format_args!("{report}"));
    if !stopped.in_time {
        console::print(format_args!("the service was not done within its drain time"));
    }
    if plan.json {
        console::print(format_args!("{}", report.json()));
    }
    Ok(report.all_went_well() && stopped.totals.dropped == 0)
}
