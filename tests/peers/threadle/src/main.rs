//! The peers' programs as one writes them with threadle, in either mode: `peer-threadle PROGRAM mode=bound workers=2 KEY=NUMBER ..`.
//!
//! Where the figure is also one that the behaviour suites bound, the program is that scenario of `threadle-tests`.

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

use std::io;
use std::process::ExitCode;

use peer_measure::{Request, absent, version};
use threadle::Builder;
use threadle_tests::Mode;

/// A program: it runs as goroutine 1.
type Program = fn(&Request) -> io::Result<()>;

const PROGRAMS: &[(&str, Program)] = &[
    ("accept", accept::run),
    ("blocking", blocking::run),
    ("bounded", bounded::run),
    ("connections", connections::run),
    ("echo", echo::run),
    ("fib", fib::run),
    ("hogs", hogs::run),
    ("http", http::run),
    ("mutex", mutex::run),
    ("parked", parked::run),
    ("ping-pong", ping_pong::run),
    ("read", read::run),
    ("select", select::run),
    ("serve", connections::serve),
    ("skynet", skynet::run),
    ("sleeps", sleeps::run),
    ("spawn", spawn::run),
    ("ticker", ticker::run),
    ("timer", timer::run),
    ("waiters", waiters::run),
    ("yield", yields::run),
];

fn main() -> ExitCode {
    match Request::from_arguments().and_then(|request| answer(&request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("peer-threadle: {why}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: &Request) -> Result<(), String> {
    if request.program() == "version" {
        version(concat!("threadle ", env!("CARGO_PKG_VERSION")));
        return Ok(());
    }
    let mode = request.text("mode").and_then(Mode::from_name).ok_or("mode=bound or mode=migrating is missing")?;
    let Some((_, program)) = PROGRAMS.iter().find(|(name, _)| *name == request.program()) else {
        absent("there is no such program for threadle");
        return Ok(());
    };
    let builder = Builder::new().procs(request.workers());
    let ended = match mode {
        Mode::Bound => builder.run(|| program(request)),
        // SAFETY: the programs of this crate, and the scenarios they take from the behaviour suites, hold nothing that belongs to a thread
        // over a switching call, and touch no thread-local on both sides of one: what they print with std they print after their waits.
        Mode::Migrating => unsafe { builder.run_migrating(|| program(request)) },
    };
    ended.flatten().map_err(|error| error.to_string())
}
