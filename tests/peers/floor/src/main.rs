//! The peers' programs without a scheduler: what the system calls alone cost. `peer-floor echo workers=2 KEY=NUMBER ..`.

mod accept;
mod echo;
mod epoll;

use std::process::ExitCode;

use peer_measure::{Request, absent, version};

fn main() -> ExitCode {
    match Request::from_arguments().and_then(|request| answer(&request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("peer-floor: {why}");
            ExitCode::FAILURE
        }
    }
}

fn answer(request: &Request) -> Result<(), String> {
    match request.program() {
        "accept" => accept::run(request).map_err(|error| error.to_string()),
        "echo" => echo::run(request).map_err(|error| error.to_string()),
        "version" => {
            version("epoll by hand");
            Ok(())
        }
        _ => {
            absent("its system calls are not what it costs");
            Ok(())
        }
    }
}
