//! Many connections: how many there can be, what an idle one costs in memory, how fast they are accepted, and what a round trip costs in
//! system calls (run it under `strace -c -f`). Run by `ci/connections.sh`.
//!
//! ```text
//! connections one N        server and clients in one process
//! connections two N        the clients in a second process
//! connections echo N M     M round trips over N connections in one process, and nothing else: for strace
//! ```
//! Decides that all are served, and that an idle connection costs at most 8 KiB in a release build, the server's goroutine and its stack
//! included; in one process with both of its ends. The rest is printed.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, chan, go, num_goroutines, time};
use threadle_tests::{Mode, scenario, system};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// What an idle connection may cost.
const MOST_BYTES: f64 = 8.0 * 1024.0;

/// What the process needs besides connections.
const SPARE: usize = 100;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<usize>().ok());
    match (arguments.first().map(String::as_str), number(1), number(2)) {
        (Some("one"), Some(wanted), None) => both_modes(|mode| one_process(mode, wanted)),
        (Some("two"), Some(wanted), None) => both_modes(|mode| two_processes(mode, wanted)),
        (Some("echo"), Some(connections), Some(round_trips)) => both_modes(|mode| {
            let took = scenario::echo(mode, connections, round_trips);
            println!("{mode}: {:.0} round trips a second", round_trips as f64 / took.as_secs_f64());
            Ok(())
        }),
        (Some("clients"), Some(wanted), None) => clients(wanted, &arguments[2..].concat()),
        _ => Err("usage: connections one N | two N | echo N M".into()),
    }
}

/// In the mode that the environment names, or in both; memory is measured in a process for each, since the second mode would find the
/// first one's stacks warm.
fn both_modes(body: impl Fn(Mode) -> Outcome) -> Outcome {
    let named = std::env::var("CONNECTIONS_MODE").ok().and_then(|name| Mode::from_name(&name));
    Mode::BOTH.into_iter().filter(|mode| named.is_none_or(|named| named == *mode)).try_for_each(body)
}

/// Until the goroutines of connections whose clients are gone have ended, and closed what the next mode needs.
fn closed() {
    // This one and the one that accepts.
    while num_goroutines() > 2 {
        time::sleep(Duration::from_millis(1));
    }
}

/// As many connections as are wanted, or as the limit of descriptors lets there be with `each` descriptors for one.
fn possible(wanted: usize, each: usize) -> io::Result<usize> {
    let limit = system::limit_descriptors(wanted * each + SPARE)?;
    let possible = wanted.min(limit.saturating_sub(SPARE) / each);
    if possible < wanted {
        println!("REDUCED to {possible} connections from {wanted}: the limit of descriptors is {limit}");
    }
    Ok(possible)
}

fn memory_kib() -> io::Result<u64> {
    Ok(system::status_kib("self", "VmRSS")? + system::status_kib("self", "VmPTE")?)
}

/// A server with a goroutine a connection, each of which answers and waits.
struct Server {
    address: SocketAddr,
    accepted: chan::Receiver<()>,
}

impl Server {
    fn start(connections: usize) -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, accepted) = chan::bounded(connections);
        go(move || {
            for stream in listener.incoming().flatten() {
                let tell = tell.clone();
                go(move || {
                    // Nobody counts any more: never mind.
                    let _ = tell.send(());
                    drop(tell);
                    echo(stream)
                });
            }
        });
        Ok(Server { address, accepted })
    }

    /// How long it took until so many were accepted.
    fn await_all(&self, connections: usize) -> Result<Duration, chan::RecvError> {
        let begun = Instant::now();
        (0..connections).try_for_each(|_| self.accepted.recv())?;
        Ok(begun.elapsed())
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut message = [0; 64];
    loop {
        stream.read_exact(&mut message)?;
        stream.write_all(&message)?;
    }
}

fn ask_all(clients: &[TcpStream]) -> io::Result<()> {
    let mut message = [7; 64];
    clients.iter().try_for_each(|mut client| client.write_all(&message))?;
    clients.iter().try_for_each(|mut client| client.read_exact(&mut message))
}

fn one_process(mode: Mode, wanted: usize) -> Outcome {
    let connections = possible(wanted, 2)?;
    mode.run(Builder::new().procs(2), || {
        let before = memory_kib()?;
        let server = Server::start(connections)?;
        let connecting = go({
            let address = server.address;
            move || (0..connections).map(|_| TcpStream::connect(address)).collect::<io::Result<Vec<_>>>()
        });
        let took = server.await_all(connections)?;
        let clients = connecting.join()??;
        ask_all(&clients)?;
        time::sleep(Duration::from_millis(50));
        let each = (memory_kib()? - before) as f64 * 1024.0 / connections as f64;
        report(mode, "one process", connections, each, took);
        drop(clients);
        closed();
        check(each)
    })
}

fn two_processes(mode: Mode, wanted: usize) -> Outcome {
    let connections = possible(wanted, 1)?;
    mode.run(Builder::new().procs(2), || {
        let before = memory_kib()?;
        let server = Server::start(connections)?;
        let mut peer = Command::new(std::env::current_exe()?)
            .args(["clients", &connections.to_string(), &server.address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let took = server.await_all(connections)?;
        // All have been answered.
        let mut line = String::new();
        let mut answers = BufReader::new(peer.stdout.take().ok_or("its output is piped")?);
        threadle::blocking(|| answers.read_line(&mut line))?;
        time::sleep(Duration::from_millis(50));
        let each = (memory_kib()? - before) as f64 * 1024.0 / connections as f64;
        report(mode, "two processes", connections, each, took);
        drop(peer.stdin.take());
        let status = threadle::blocking(|| peer.wait())?;
        closed();
        if line.trim() != "answered" || !status.success() {
            return Err(format!("the clients ended with {status}").into());
        }
        check(each)
    })
}

fn check(each: f64) -> Outcome {
    if !cfg!(debug_assertions) && each > MOST_BYTES {
        return Err(format!("an idle connection costs {each:.0} bytes, more than {MOST_BYTES:.0}").into());
    }
    Ok(())
}

/// The second process: connects, asks once, and waits until its input ends.
fn clients(wanted: usize, address: &str) -> Outcome {
    let address: SocketAddr = address.parse()?;
    let connections = possible(wanted, 1)?;
    Mode::Bound.run(Builder::new().procs(1), || {
        let clients = (0..connections).map(|_| TcpStream::connect(address)).collect::<io::Result<Vec<_>>>()?;
        ask_all(&clients)?;
        println!("answered");
        io::stdout().flush()?;
        threadle::blocking(|| io::stdin().read(&mut [0]))?;
        Ok(())
    })
}

fn report(mode: Mode, how: &str, connections: usize, each: f64, took: Duration) {
    println!(
        "{mode}, {how}: {connections} connections, {each:.0} bytes each when idle, accepted {:.0} a second",
        connections as f64 / took.as_secs_f64()
    );
}
