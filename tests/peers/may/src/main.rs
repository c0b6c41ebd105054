//! The peers' programs as one writes them with may: `peer-may PROGRAM workers=2 KEY=NUMBER ..`.

mod accept;
mod blocking;
mod bounded;
mod connections;
mod echo;
mod fib;
mod hogs;
mod mutex;
mod parked;
mod ping_pong;
mod skynet;
mod sleeps;
mod spawn;
mod ticker;
mod waiters;
mod yields;

use std::io;
use std::process::ExitCode;

use may::go;
use peer_measure::{Request, absent, version};

type Program = fn(&Request) -> io::Result<()>;

const PROGRAMS: &[(&str, Program)] = &[
    ("accept", accept::run),
    ("blocking", blocking::run),
    ("bounded", bounded::run),
    ("connections", connections::run),
    ("echo", echo::run),
    ("fib", fib::run),
    ("hogs", hogs::run),
    ("mutex", mutex::run),
    ("parked", parked::run),
    ("ping-pong", ping_pong::run),
    ("serve", connections::serve),
    ("skynet", skynet::run),
    ("sleeps", sleeps::run),
    ("spawn", spawn::run),
    ("ticker", ticker::run),
    ("waiters", waiters::run),
    ("yield", yields::run),
];

/// What it does not have, and why there is no way round it.
const ABSENT: &[(&str, &str)] = &[
    ("http", "it runs no futures, and hyper is made of them"),
    ("read", "it has no announced calls: a call that blocks holds its worker"),
    ("select", "its select! runs the receive of every arm, and drops what arms that did not win have received"),
    ("timer", "it has no timers, only sleeps"),
];

fn main() -> ExitCode {
    match Request::from_arguments().and_then(answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("peer-may: {why}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: Request) -> Result<(), String> {
    if request.program() == "version" {
        version("may 0.3.51");
        return Ok(());
    }
    if let Some((_, why)) = ABSENT.iter().find(|(name, _)| *name == request.program()) {
        absent(why);
        return Ok(());
    }
    let Some((_, program)) = PROGRAMS.iter().find(|(name, _)| *name == request.program()) else {
        absent("there is no such program for may");
        return Ok(());
    };
    may::config().set_workers(request.workers());
    let program = go!(move || program(&request));
    program.join().map_err(|_| "the program panicked".to_owned())?.map_err(|error| error.to_string())
}
