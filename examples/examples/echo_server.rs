//! One goroutine a connection, in plain blocking code: a server that echoes, and a hundred clients.
//!
//! ```text
//! $ cargo run -p threadle-examples --example echo_server
//! 100 clients were echoed
//! ```

use std::io::{self, Read, Write};
use threadle::net::{TcpListener, TcpStream};

const CLIENTS: usize = 100;

fn main() -> io::Result<()> {
    threadle::run(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = threadle::go(move || -> io::Result<()> {
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept()?;
                drop(threadle::go(move || echo(&stream)));
            }
            Ok(())
        });
        let clients: Vec<_> = (0..CLIENTS).map(|number| threadle::go(move || client(address, number))).collect();
        let mut echoed = 0;
        for client in clients {
            client.join().map_err(io::Error::other)??;
            echoed += 1;
        }
        server.join().map_err(io::Error::other)??;
        println!("{echoed} clients were echoed");
        Ok(())
    })
}

fn echo(mut stream: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

fn client(address: std::net::SocketAddr, number: usize) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    let text = format!("client {number}");
    (&stream).write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    (&stream).read_exact(&mut answer)?;
    if answer == text.as_bytes() { Ok(()) } else { Err(io::Error::other(format!("{text} was answered {answer:?}"))) }
}
