use std::io::{self, Read, Write};
use std::net::SocketAddr;

use may::go;
use may::net::{TcpListener, TcpStream};
use may::sync::{Semphore, mpsc};
use peer_measure::{Request, Span, figure, raise_descriptor_limit};
use std::sync::Arc;

/// Bytes of a message.
const MESSAGE: usize = 64;

pub fn run(request: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    exchange(request, server()?);
    Ok(())
}

pub fn server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    go!(move || {
        loop {
            let (stream, _) = listener.accept().expect("a client connects");
            go!(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("it is a TCP socket");
    let mut message = [0; MESSAGE];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message).expect("the client reads");
    }
}

/// All connections together make their round trips; the time counts from when all are connected.
pub fn exchange(request: &Request, address: SocketAddr) {
    let connections: usize = request.number("connections");
    let each = request.number::<usize>("round_trips") / connections;
    let (connected, all_connected) = mpsc::channel();
    let begin = Arc::new(Semphore::new(0));
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let (connected, begin) = (connected.clone(), Arc::clone(&begin));
            go!(move || {
                let mut stream = TcpStream::connect(address).expect("it listens");
                stream.set_nodelay(true).expect("it is a TCP socket");
                connected.send(()).expect("somebody receives");
                begin.wait();
                let mut message = [7; MESSAGE];
                for _ in 0..each {
                    stream.write_all(&message).expect("the server reads");
                    stream.read_exact(&mut message).expect("the server answers");
                }
            })
        })
        .collect();
    for _ in 0..connections {
        all_connected.recv().expect("each client says so");
    }
    let span = Span::begin();
    (0..connections).for_each(|_| begin.post());
    for client in clients {
        client.join().expect("it is answered");
    }
    let made = (connections * each) as f64;
    figure("per_second", made / span.elapsed().as_secs_f64());
    figure("cpu_us", span.cpu().as_secs_f64() * 1e6 / made);
}
