use std::future::pending;
use std::io;

use peer_measure::{Request, Server, raise_descriptor_limit};
use tokio::task::block_in_place;

use crate::echo::{exchange, server};

/// The server is a second process, so that each side has a process' descriptors for itself.
pub async fn run(request: Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    let server = block_in_place(|| Server::start(&request, "serve"))?;
    exchange(&request, server.address()).await?;
    block_in_place(|| drop(server));
    Ok(())
}

/// The second process.
pub async fn serve(_: Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    Server::serves(server().await?)?;
    pending().await
}
