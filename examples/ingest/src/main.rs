//! The `ingest` command. What it does is in the library; see the README.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use ingest::config::Config;
use ingest::console;
use ingest::service::Service;
use threadle::signal::{self, Signal};

fn main() -> ExitCode {
    let outcome = match cli::Cli::parse().command {
        cli::Command::Serve(arguments) => {
            let runtime = arguments.runtime;
            let config = arguments.config();
            start(runtime, move || serve(config))
        }
        #[cfg(feature = "demo")]
        cli::Command::Demo(arguments) => {
            let runtime = arguments.runtime;
            let plan = arguments.plan();
            start(runtime, move || ingest::demo::run(&plan))
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console::log(format_args!("ingest: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs `main` in the mode asked for. `Ok(false)` means that payloads were lost.
fn start(runtime: cli::Runtime, main: impl FnOnce() -> io::Result<bool> + Send) -> io::Result<bool> {
    let builder = threadle::Builder::new();
    if runtime.migrating {
        // SAFETY: `--migrating` asks for it. ingest keeps the caller's promise: its goroutines hold no thread-bound
        // value over a switching call (std locks are released within a statement, hyper and OpenDAL are only polled,
        // and nothing migrates inside a poll), and no function of it reads one thread-local on both sides of one.
        unsafe { builder.run_migrating(main) }?
    } else {
        builder.run(main)?
    }
}

/// `ingest serve`: until a signal comes.
fn serve(config: Config) -> io::Result<bool> {
    let signals = signal::notify(&[Signal::TERMINATE, Signal::INTERRUPT])?;
    let (store, drain) = (config.store.clone(), config.drain);
    let service = Service::start(config)?;
    console::log(format_args!("ingest: listening on {}, storing to {store}", service.address()));
    if signals.recv().is_err() {
        console::log(format_args!("ingest: no more signals can come; stopping"));
    }
    let stopped = service.stop();
    let late = if stopped.in_time { String::new() } else { format!("; not finished within {drain:?}") };
    console::print(format_args!("ingest: {}{late}", stopped.totals));
    Ok(stopped.totals.dropped == 0)
}
