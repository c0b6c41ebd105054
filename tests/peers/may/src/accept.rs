use std::io::{self, Read, Write};

use may::go;
use may::net::{TcpListener, TcpStream};
use peer_measure::{Request, Server};

/// A coroutine a connection, each of which has a byte answered.
pub fn run(_: &Request) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Server::serves(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept()?;
        go!(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) {
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("the client sends one");
    stream.write_all(&byte).expect("the client reads it");
}
