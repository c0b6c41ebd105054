//! A chat over TCP: one goroutine, the room, owns the list of guests and hears of everything through channels, so nothing is locked. Each
//! guest has two more, one that reads his lines and one that writes to him.
//!
//! Three guests come, each says one line, and all leave when they have heard all three.
//!
//! ```text
//! $ cargo run -p threadle-examples --example chat
//! ann heard ann, bob, cid
//! bob heard ann, bob, cid
//! cid heard ann, bob, cid
//! ```

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use threadle::chan::{self, Receiver, Sender};
use threadle::net::{TcpListener, TcpStream};
use threadle::{go, select};

const GUESTS: [&str; 3] = ["ann", "bob", "cid"];

/// What the room hears of.
struct Doors {
    entered: Sender<(SocketAddr, Sender<String>)>,
    said: Sender<String>,
    left: Sender<SocketAddr>,
}

/// Passes every line on to every guest, once all have come, and ends when the last has left.
fn room(entered: &Receiver<(SocketAddr, Sender<String>)>, said: &Receiver<String>, left: &Receiver<SocketAddr>) {
    let mut guests = HashMap::new();
    let mut early = Vec::new();
    let mut gone = 0;
    while gone < GUESTS.len() {
        select! {
            recv(entered) -> guest => guests.extend(guest),
            recv(said) -> line => early.extend(line),
            recv(left) -> address => {
                gone += 1;
                if let Ok(address) = address {
                    guests.remove(&address);
                }
            }
        }
        if guests.len() + gone == GUESTS.len() {
            for line in early.drain(..) {
                for guest in guests.values() {
                    // To one who is just leaving nothing is sent; the room hears of that soon.
                    let _left = guest.send(line.clone());
                }
            }
        }
    }
}

fn welcome(stream: &TcpStream, doors: &Doors) -> io::Result<()> {
    let address = stream.peer_addr()?;
    let listened = listen(stream, address, doors);
    // However it ended, the room is told.
    doors.left.send(address).map_err(io::Error::other)?;
    listened
}

fn listen(stream: &TcpStream, address: SocketAddr, doors: &Doors) -> io::Result<()> {
    // Unbounded: one guest that reads slowly must not keep the room from the others.
    let (send, lines) = chan::unbounded::<String>();
    let writer = stream.clone();
    go(move || lines.into_iter().try_for_each(|line| writeln!(&writer, "{line}")));
    doors.entered.send((address, send)).map_err(io::Error::other)?;
    for line in BufReader::new(stream).lines() {
        doors.said.send(line?).map_err(io::Error::other)?;
    }
    Ok(())
}

fn guest(name: &str, address: SocketAddr) -> io::Result<String> {
    let stream = TcpStream::connect(address)?;
    writeln!(&stream, "{name}")?;
    let mut heard: Vec<String> = BufReader::new(&stream).lines().take(GUESTS.len()).collect::<io::Result<_>>()?;
    heard.sort();
    Ok(format!("{name} heard {}", heard.join(", ")))
}

fn main() -> io::Result<()> {
    threadle::run(|| {
        let ((entered, coming), (said, lines), (left, going)) = (chan::bounded(0), chan::bounded(0), chan::bounded(0));
        let room = go(move || room(&coming, &lines, &going));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        go(move || {
            for stream in listener.incoming().take(GUESTS.len()) {
                let doors = Doors { entered: entered.clone(), said: said.clone(), left: left.clone() };
                go(move || match stream.and_then(|stream| welcome(&stream, &doors)) {
                    Ok(()) => {}
                    Err(error) => eprintln!("a guest is lost: {error}"),
                });
            }
        });
        for guest in GUESTS.map(|name| go(move || guest(name, address))) {
            println!("{}", guest.join().map_err(io::Error::other)??);
        }
        room.join().map_err(io::Error::other)
    })
}
