//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ingest::config::{self, Config, StoreUrl};

/// Takes small JSON payloads over HTTP and keeps them in S3.
#[derive(Debug, Parser)]
#[command(name = "ingest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service until SIGTERM or SIGINT
    Serve(Serve),
    /// Run an S3 server, the service and a load generator in one process, and check that nothing was lost
    #[cfg(feature = "demo")]
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Where to keep objects: s3://BUCKET/PREFIX or dir:PATH
    #[arg(long, value_name = "URL")]
    store: StoreUrl,
    /// An S3 server other than AWS, as http://HOST:PORT [default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS]
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    #[command(flatten)]
    limits: Limits,
    /// How long shutdown may take to finish what was begun
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    drain: Duration,
    #[command(flatten)]
    pub(crate) runtime: Runtime,
}

#[derive(Debug, Args)]
struct Limits {
    /// Uploads under way at once
    #[arg(long, value_name = "N", env = "MAX_WORKERS", default_value_t = 32)]
    workers: usize,
    /// Jobs that wait for a worker at most
    #[arg(long, value_name = "N", env = "MAX_QUEUE", default_value_t = 4096)]
    queue: usize,
    /// Largest request body
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_body: usize,
    /// Most payloads in one object; 1 = one object a payload
    #[arg(long, value_name = "N", default_value_t = 1000)]
    batch_payloads: usize,
    /// Most bytes in one object
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    batch_bytes: usize,
    /// How long a batch waits for more payloads
    #[arg(long, value_name = "MS", default_value = "5", value_parser = milliseconds)]
    linger: Duration,
    /// When to answer 200: once the payloads are in the store, or once they are in the queue
    #[arg(long, default_value = "stored")]
    ack: Ack,
    /// What a full queue means: wait a second for a place, or 503 at once
    #[arg(long, default_value = "wait")]
    overload: Overload,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ack {
    Stored,
    Queued,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Overload {
    Wait,
    Shed,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Runtime {
    /// Let goroutines change threads (unsafe; see the runtime's README)
    #[arg(long)]
    pub(crate) migrating: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long to send
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds)]
    seconds: Duration,
    /// Requests a second, one payload each
    #[arg(long, value_name = "N", default_value_t = 16_667, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Connections they are spread over
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// End with one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    pub(crate) runtime: Runtime,
}

impl Serve {
    pub(crate) fn config(self) -> Config {
        let config = self.limits.apply_to(Config::new(self.store));
        Config { listen: self.listen, s3_endpoint: self.s3_endpoint, drain: self.drain, ..config }
    }
}

#[cfg(feature = "demo")]
impl Demo {
    pub(crate) fn plan(self) -> ingest::demo::Plan {
        // The store is the demo's own.
        let store = StoreUrl::S3 { bucket: "demo".to_owned(), prefix: "ingest".to_owned() };
        ingest::demo::Plan {
            config: Config { listen: "127.0.0.1:0".to_owned(), ..self.limits.apply_to(Config::new(store)) },
            duration: self.seconds,
            rate: self.rate,
            connections: self.connections,
            json: self.json,
        }
    }
}

impl Limits {
    fn apply_to(self, config: Config) -> Config {
        Config {
            workers: self.workers,
            queue: self.queue,
            max_body: self.max_body,
            batch_payloads: self.batch_payloads.max(1),
            batch_bytes: self.batch_bytes,
            linger: self.linger,
            ack: match self.ack {
                Ack::Stored => config::Ack::Stored,
                Ack::Queued => config::Ack::Queued,
            },
            overload: match self.overload {
                Overload::Wait => config::Overload::Wait,
                Overload::Shed => config::Overload::Shed,
            },
            ..config
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let milliseconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(milliseconds / 1e3).map_err(|error| error.to_string())
}
