use std::io;

use peer_measure::{Request, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A task a connection, each of which has a byte answered.
pub async fn run(_: Request) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Server::serves(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) {
    let mut byte = [0];
    stream.read_exact(&mut byte).await.expect("the client sends one");
    stream.write_all(&byte).await.expect("the client reads it");
}
