//! Both ends of each connection on one thread, a loop round epoll, and of the system calls only those that cannot be left out: a message is
//! written once and read once, and nothing is read that is not there. No scheduler between sockets and threads can do better for long.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use peer_measure::{Request, Span, figure, raise_descriptor_limit};

use crate::epoll::Epoll;

/// Bytes of a message.
const MESSAGE: usize = 64;

/// A connection: the end that asks, and how often it is still to do so; the end that answers.
struct Connection {
    client: TcpStream,
    left: usize,
    server: TcpStream,
}

pub(crate) fn run(request: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    let connections: usize = request.number("connections");
    let each = request.number::<usize>("round_trips") / connections;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut shares: Vec<Vec<Connection>> = (0..request.workers()).map(|_| Vec::new()).collect();
    for number in 0..connections {
        let share = number % shares.len();
        shares[share].push(connect(&listener, each)?);
    }
    let span = Span::begin();
    thread::scope(|scope| {
        let loops: Vec<_> = shares.into_iter().map(|share| scope.spawn(|| serve(share))).collect();
        loops.into_iter().try_for_each(|done| done.join().expect("it does not panic"))
    })?;
    let made = (connections * each) as f64;
    figure("per_second", made / span.elapsed().as_secs_f64());
    figure("cpu_us", span.cpu().as_secs_f64() * 1e6 / made);
    Ok(())
}

fn connect(listener: &TcpListener, left: usize) -> io::Result<Connection> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok(Connection { client, left, server })
}

fn serve(mut connections: Vec<Connection>) -> io::Result<()> {
    let mut epoll = Epoll::new()?;
    let mut message = [7; MESSAGE];
    for (number, connection) in connections.iter_mut().enumerate() {
        epoll.add(connection.client.as_fd(), 2 * number)?;
        epoll.add(connection.server.as_fd(), 2 * number + 1)?;
        connection.client.write_all(&message)?;
    }
    let mut open = connections.len();
    while open > 0 {
        for token in epoll.wait()? {
            let connection = &mut connections[token / 2];
            if token % 2 == 1 {
                connection.server.read_exact(&mut message)?;
                connection.server.write_all(&message)?;
                continue;
            }
            connection.client.read_exact(&mut message)?;
            connection.left -= 1;
            if connection.left > 0 {
                connection.client.write_all(&message)?;
            } else {
                open -= 1;
            }
        }
    }
    Ok(())
}
