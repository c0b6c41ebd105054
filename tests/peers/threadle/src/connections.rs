use std::future::pending;
use std::io;

use peer_measure::{Request, Server, raise_descriptor_limit};
use threadle::{block_on, blocking};
use threadle_tests::scenario::echo_server;

use crate::echo::exchange;

/// The server is a second process, so that each side has a process' descriptors for itself.
pub(crate) fn run(request: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    let server = blocking(|| Server::start(request, "serve"))?;
    exchange(request, server.address());
    blocking(|| drop(server));
    Ok(())
}

/// The second process.
pub(crate) fn serve(_: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    Server::serves(echo_server()?)?;
    block_on(pending())
}
