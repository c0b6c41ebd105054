use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use peer_measure::Span;
use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, chan, go};

use crate::Mode;

/// Bytes of a message.
const MESSAGE: usize = 64;

/// A server and its clients ([`echo_server`], [`echo_clients`]) in one runtime of two processors: how long the round trips take.
pub fn echo(mode: Mode, connections: usize, round_trips: usize) -> Duration {
    mode.run(Builder::new().procs(2), move || {
        echo_clients(echo_server().expect("a port is free"), connections, round_trips).elapsed
    })
}
/// Starts a server, with a goroutine a connection, in the calling runtime; it serves until that ends. Returns where it listens.
///
/// # Errors
///
/// If no port is free.
pub fn echo_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    go(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a client connects");
            go(move || answer(&stream));
        }
    });
    Ok(address)
}

/// What [`echo_clients`] saw.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// From when all are connected until the last answer.
    pub elapsed: Duration,
    /// What the process computed meanwhile, in user code and in the kernel.
    pub cpu: Duration,
}

/// `connections` clients, goroutines of the calling runtime, make `round_trips` in all.
///
/// # Panics
///
/// If one cannot connect, or is not answered.
pub fn echo_clients(server: SocketAddr, connections: usize, round_trips: usize) -> Exchange {
    let (connected, all_connected) = chan::bounded(connections);
    let (begin, begun) = chan::bounded::<()>(0);
    let each = round_trips / connections;
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let (connected, begun) = (connected.clone(), begun.clone());
            go(move || {
                let stream = TcpStream::connect(server).expect("it listens");
                stream.set_nodelay(true).expect("it is a TCP socket");
                connected.send(()).expect("there is room");
                begun.recv().expect_err("it is closed when all are connected");
                ask(&stream, each);
            })
        })
        .collect();
    for _ in 0..connections {
        all_connected.recv().expect("each client says so");
    }
    let span = Span::begin();
    drop(begin);
    for client in clients {
        client.join().expect("it is answered");
    }
    Exchange { elapsed: span.elapsed(), cpu: span.cpu() }
}

fn answer(mut stream: &TcpStream) {
    stream.set_nodelay(true).expect("it is a TCP socket");
    let mut message = [0; MESSAGE];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message).expect("the client reads");
    }
}

fn ask(mut stream: &TcpStream, times: usize) {
    let mut message = [7; MESSAGE];
    for _ in 0..times {
        stream.write_all(&message).expect("the server reads");
        stream.read_exact(&mut message).expect("the server answers");
    }
}
