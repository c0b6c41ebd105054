use std::io;
use std::net::SocketAddr;

use peer_measure::{Request, Span, figure, raise_descriptor_limit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Bytes of a message.
const MESSAGE: usize = 64;

pub async fn run(request: Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    let address = server().await?;
    exchange(&request, address).await
}

pub async fn server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client connects");
            tokio::spawn(answer(stream));
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("it is a TCP socket");
    let mut message = [0; MESSAGE];
    while stream.read_exact(&mut message).await.is_ok() {
        stream.write_all(&message).await.expect("the client reads");
    }
}

/// All connections together make their round trips; the time counts from when all are connected.
pub async fn exchange(request: &Request, address: SocketAddr) -> io::Result<()> {
    let connections: usize = request.number("connections");
    let each = request.number::<usize>("round_trips") / connections;
    let (connected, mut all_connected) = mpsc::channel(connections);
    let (begin, begun) = watch::channel(());
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let (connected, mut begun) = (connected.clone(), begun.clone());
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.set_nodelay(true).expect("it is a TCP socket");
            connected.send(()).await.expect("there is room");
            begun.changed().await.expect_err("it is closed when all are connected");
            let mut message = [7; MESSAGE];
            for _ in 0..each {
                stream.write_all(&message).await.expect("the server reads");
                stream.read_exact(&mut message).await.expect("the server answers");
            }
        });
    }
    for _ in 0..connections {
        all_connected.recv().await.expect("each client says so");
    }
    let span = Span::begin();
    drop(begin);
    clients.join_all().await;
    let made = (connections * each) as f64;
    figure("per_second", made / span.elapsed().as_secs_f64());
    figure("cpu_us", span.cpu().as_secs_f64() * 1e6 / made);
    Ok(())
}
