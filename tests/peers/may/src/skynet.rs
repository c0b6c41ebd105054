use std::io;

use may::go;
use may::sync::mpsc;
use peer_measure::{Request, Span, figure, milliseconds};

pub fn run(request: &Request) -> io::Result<()> {
    let leaves: u64 = request.number("leaves");
    let span = Span::begin();
    let (send, receive) = mpsc::channel();
    go!(move || branch(0, leaves, &send));
    let sum = receive.recv().map_err(io::Error::other)?;
    figure("ms", milliseconds(span.elapsed()));
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    Ok(())
}

fn branch(first: u64, leaves: u64, parent: &mpsc::Sender<u64>) {
    if leaves == 1 {
        return parent.send(first).expect("the parent receives");
    }
    let (send, receive) = mpsc::channel();
    let each = leaves / 10;
    for child in 0..10 {
        let send = send.clone();
        go!(move || branch(first + child * each, each, &send));
    }
    drop(send);
    parent.send(receive.iter().sum()).expect("the parent receives");
}
