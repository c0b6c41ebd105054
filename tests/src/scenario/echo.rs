use std::io::{Read, Write};
use std::time::{Duration, Instant};

use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, chan, go};

use crate::Mode;

/// Bytes of a message.
const MESSAGE: usize = 64;

/// A server with a goroutine a connection and a client with as many, in one runtime of two processors: how long `round_trips` of them
/// take, all connections together, from when all are connected.
pub fn echo(mode: Mode, connections: usize, round_trips: usize) -> Duration {
    mode.run(Builder::new().procs(2), move || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let server = go(move || {
            for _ in 0..connections {
                let (stream, _) = listener.accept().expect("a client connects");
                go(move || answer(&stream));
            }
        });
        let (connected, all_connected) = chan::bounded(connections);
        let (begin, begun) = chan::bounded::<()>(0);
        let each = round_trips / connections;
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                let (connected, begun) = (connected.clone(), begun.clone());
                go(move || {
                    let stream = TcpStream::connect(address).expect("it listens");
                    stream.set_nodelay(true).expect("it is a TCP socket");
                    connected.send(()).expect("there is room");
                    begun.recv().expect_err("it is closed when all are connected");
                    ask(&stream, each);
                })
            })
            .collect();
        server.join().expect("all connect");
        for _ in 0..connections {
            all_connected.recv().expect("each client says so");
        }
        let started = Instant::now();
        drop(begin);
        for client in clients {
            client.join().expect("it is answered");
        }
        started.elapsed()
    })
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
