//! tungstenite over our stream, in plain blocking code: a goroutine a websocket.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example websocket_echo
//! 20 clients, 200 messages, every one came back
//! ```
//!
//! With `serve ADDRESS` it serves until it is killed.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use threadle::go;
use threadle::net::{TcpListener, TcpStream};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, accept_with_config, client};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CLIENTS: usize = 20;
const MESSAGES: usize = 10;

fn serve(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        go(move || echo(stream));
    }
}

fn echo(stream: TcpStream) -> Fallible<()> {
    stream.set_nodelay(true)?;
    // For the request that opens it; what follows may take its time.
    stream.set_deadline(Some(Instant::now() + Duration::from_secs(5)));
    let limits = WebSocketConfig::default().max_message_size(Some(1 << 20));
    let mut socket = accept_with_config(stream, Some(limits)).map_err(|error| error.to_string())?;
    socket.get_ref().set_deadline(None);
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message)?,
            // Pings are answered, and an end is confirmed, in the next read.
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn ask(address: SocketAddr, number: usize) -> Fallible<usize> {
    let stream = TcpStream::connect(address)?;
    let (mut socket, _response) = client(format!("ws://{address}/"), stream).map_err(|error| error.to_string())?;
    let mut returned = 0;
    for message in 0..MESSAGES {
        let text = format!("message {message} of client {number}");
        socket.send(Message::text(text.as_str()))?;
        returned += usize::from(socket.read()?.into_text()?.as_str() == text);
    }
    socket.close(None)?;
    // Until the other end has closed, too.
    while socket.read().is_ok() {}
    Ok(returned)
}

fn main() -> Fallible<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    threadle::run(|| match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            go(move || serve(&listener));
            let clients: Vec<_> = (0..CLIENTS).map(|number| go(move || ask(address, number))).collect();
            let mut returned = 0;
            for client in clients {
                returned += client.join()??;
            }
            let verdict = if returned == CLIENTS * MESSAGES { "every one came back" } else { "some are missing" };
            println!("{CLIENTS} clients, {returned} messages, {verdict}");
            Ok(())
        }
        ["serve", address] => {
            let listener = TcpListener::bind(address)?;
            println!("listening on {}", listener.local_addr()?);
            serve(&listener);
            Ok(())
        }
        _ => Err("usage: websocket_echo [serve ADDRESS]".into()),
    })
}
