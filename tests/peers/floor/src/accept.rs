//! Threads that wait in `accept` on one listener, and of the system calls only those that cannot be left out: a connection is accepted, read
//! once, written once and closed. Its byte comes with it, so that hardly a read waits.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;

use peer_measure::{Request, Server};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Server::serves(listener.local_addr()?)?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..request.workers()).map(|_| scope.spawn(|| serve(&listener))).collect();
        threads.into_iter().try_for_each(|done| done.join().expect("it does not panic"))
    })
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    let mut byte = [0];
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut byte)?;
        stream.write_all(&byte)?;
    }
}
