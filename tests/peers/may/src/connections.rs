use std::io;
use std::time::Duration;

use may::coroutine;
use peer_measure::{Request, Server, raise_descriptor_limit};

use crate::echo::{exchange, server};

/// The server is a second process, so that each side has a process' descriptors for itself.
pub fn run(request: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    let server = Server::start(request, "serve")?;
    exchange(request, server.address());
    Ok(())
}

/// The second process.
pub fn serve(_: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    Server::serves(server()?)?;
    loop {
        coroutine::sleep(Duration::from_secs(3600));
    }
}
