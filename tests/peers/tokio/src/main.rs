//! The peers' programs as one writes them with tokio: `peer-tokio PROGRAM workers=2 KEY=NUMBER ..`.

mod accept;
mod blocking;
mod bounded;
mod connections;
mod echo;
mod fib;
mod hogs;
mod http;
mod mutex;
mod parked;
mod ping_pong;
mod read;
mod select;
mod skynet;
mod sleeps;
mod spawn;
mod ticker;
mod timer;
mod waiters;
mod yields;

use std::future::Future;
use std::io;
use std::process::ExitCode;

use peer_measure::{Request, absent, version};

fn main() -> ExitCode {
    match Request::from_arguments().and_then(answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("peer-tokio: {why}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: Request) -> Result<(), String> {
    match request.program() {
        "accept" => run(accept::run, request),
        "blocking" => run(blocking::run, request),
        "bounded" => run(bounded::run, request),
        "connections" => run(connections::run, request),
        "echo" => run(echo::run, request),
        "fib" => run(fib::run, request),
        "hogs" => run(hogs::run, request),
        "http" => run(http::run, request),
        "mutex" => run(mutex::run, request),
        "parked" => run(parked::run, request),
        "ping-pong" => run(ping_pong::run, request),
        "read" => run(read::run, request),
        "select" => run(select::run, request),
        "serve" => run(connections::serve, request),
        "skynet" => run(skynet::run, request),
        "sleeps" => run(sleeps::run, request),
        "spawn" => run(spawn::run, request),
        "ticker" => run(ticker::run, request),
        "timer" => run(timer::run, request),
        "version" => {
            version("tokio 1.54.1, hyper 1.12.0");
            Ok(())
        }
        "waiters" => run(waiters::run, request),
        "yield" => run(yields::run, request),
        _ => {
            absent("there is no such program for tokio");
            Ok(())
        }
    }
}

/// The program is a task on a worker, as are all it spawns: the thread that called `block_on` reaches them by way of the shared queue only.
fn run<F, R>(program: F, request: Request) -> Result<(), String>
where
    F: FnOnce(Request) -> R,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(request.workers()).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let program = runtime.spawn(program(request));
    runtime.block_on(program).map_err(io::Error::other).flatten().map_err(|error| error.to_string())
}
