//! What one put costs in CPU time: `cargo bench -p ingest --bench put`.
//!
//! The S3 server is one plain thread that reads a request and sends a canned answer, so that what is measured is the client: OpenDAL,
//! signing, checksum, hyper, our sockets, the scheduler. CPU time is the kernel's, of every thread but the server's, divided by the puts.
//! `docs/decisions/ingest-store-client.md` quotes it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ingest::config::Keys;
use ingest::store::Store;
use ingest::store::key::KeyMaker;
use ingest::store::s3::{S3Store, Settings};

const PUTS: u32 = 20_000;
const SERVER: &str = "canned-s3";

fn main() -> io::Result<()> {
    let server = start_server()?;
    for size in [200, 20_000] {
        let (wall, cpu) = threadle::run(|| measure(server, size))?;
        let each = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(PUTS);
        println!("{size:6} bytes: {:5.1} us CPU a put, {:5.1} us from call to return", each(cpu), each(wall));
    }
    Ok(())
}

/// Wall time and CPU time of all puts.
fn measure(server: SocketAddr, size: usize) -> io::Result<(Duration, Duration)> {
    let endpoint = format!("http://{server}");
    let keys = Keys { access: "key".to_owned(), secret: "secret".to_owned() };
    let store = S3Store::open(&Settings {
        bucket: "bucket",
        prefix: "prefix",
        endpoint: Some(&endpoint),
        keys: Some(&keys),
        timeout: Duration::from_secs(10),
    })?;
    let names = KeyMaker::new();
    let object = Bytes::from(vec![b'x'; size]);
    let put = |count: u32| (0..count).try_for_each(|_| store.put(&names.next(), object.clone()));
    put(1000).map_err(io::Error::other)?; // connects, warms up
    let (begun, cpu_before) = (Instant::now(), cpu_of_clients()?);
    put(PUTS).map_err(io::Error::other)?;
    Ok((begun.elapsed(), cpu_of_clients()?.saturating_sub(cpu_before)))
}

/// CPU time of all threads of this process but the server's.
fn cpu_of_clients() -> io::Result<Duration> {
    let mut by_name: HashMap<String, u64> = HashMap::new();
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let name = std::fs::read_to_string(task.join("comm"))?.trim().to_owned();
        let ran = std::fs::read_to_string(task.join("schedstat"))?;
        let nanoseconds = ran.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0);
        *by_name.entry(name).or_default() += nanoseconds;
    }
    by_name.remove(SERVER);
    Ok(Duration::from_nanos(by_name.into_values().sum()))
}

fn start_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::Builder::new().name(SERVER.to_owned()).spawn(move || {
        for stream in listener.incoming() {
            // A client that has left.
            let _ended = stream.and_then(answer_all);
        }
    })?;
    Ok(address)
}

fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if is_whole(&buffer[..filled]) {
            filled = 0;
            stream.write_all(b"HTTP/1.1 200 OK\r\netag: \"0\"\r\ncontent-length: 0\r\n\r\n")?;
        }
    }
}

/// Whether head and body of one request are there.
fn is_whole(bytes: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = request.parse(bytes) else {
        return false;
    };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    bytes.len() >= head + length.unwrap_or(0)
}
