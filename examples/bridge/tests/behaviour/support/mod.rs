//! Programs: the examples, and those of others.

mod found;

pub(crate) use found::{peer, skipped};

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// No machine is so slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

fn example(name: &str) -> Command {
    // The examples are built beside this test: target/PROFILE/deps/behaviour-HASH, target/PROFILE/examples/NAME.
    let mut program = std::env::current_exe().expect("a test has a file");
    program.pop();
    program.pop();
    Command::new(program.join("examples").join(name))
}

/// The lines of the `text` block at the top of an example, after the command.
pub(crate) fn promised(name: &str) -> Vec<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    let source = std::fs::read_to_string(file).expect("the example is there");
    let block = source.lines().skip_while(|line| !line.starts_with("//! $ ")).skip(1);
    let lines = block.map_while(|line| line.strip_prefix("//! ")).take_while(|line| !line.starts_with("```"));
    let lines: Vec<_> = lines.map(str::to_owned).collect();
    assert!(!lines.is_empty(), "{name} promises nothing");
    lines
}

/// Runs an example to its end: the lines that it printed.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Vec<String> {
    let mut command = example(name);
    command.args(arguments);
    lines(&output(command))
}

pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Runs a program to its end: what it printed.
pub(crate) fn output(mut command: Command) -> String {
    let child = dies_with_us(&mut command).stdin(Stdio::null()).output();
    let end = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (text, errors) = (String::from_utf8_lossy(&end.stdout), String::from_utf8_lossy(&end.stderr));
    assert!(end.status.success(), "{command:?}: {}\n{text}{errors}", end.status);
    text.into_owned()
}

/// A test that is killed leaves no servers behind.
fn dies_with_us(command: &mut Command) -> &mut Command {
    let end_with_parent = || {
        // SAFETY: a system call without memory of ours, which may be made between fork and exec.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes that one call; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(end_with_parent) }
}

/// A server that ends when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// An example that says on its first line where it listens.
    pub(crate) fn example(name: &str, arguments: &[&str]) -> Server {
        let mut command = example(name);
        dies_with_us(command.args(arguments)).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        Server { child, address: address.unwrap_or_else(|| panic!("{command:?} said {line:?}")) }
    }

    /// A server of others, told to listen at `address`; ready when it accepts.
    pub(crate) fn other(mut command: Command, address: SocketAddr) -> Server {
        dies_with_us(&mut command).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(end) = child.try_wait().expect("it is ours") {
                panic!("{command:?} ended: {end}");
            }
            assert!(begun.elapsed() < PATIENCE, "{command:?} does not listen at {address}");
            pause();
        }
        Server { child, address }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_none()
    }

    /// A connection to it, on which nothing waits for ever.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("it is a socket");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to do.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own thread, outside any runtime")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// An address that nobody uses, a moment ago. Below the ports that the system gives to whoever asks for any, connections among them: none
/// of those comes in between.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    let given_to_anybody = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end = given_to_anybody.split_whitespace().next().and_then(|port| port.parse().ok()).unwrap_or(32_768);
    let ports = u16::max(end, FIRST + 1_000) - FIRST;
    // Where several of these suites run at once each begins elsewhere.
    let begin = (std::process::id() * 97 % u32::from(ports)) as u16;
    let tried = std::iter::repeat_with(|| FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % ports) % ports);
    let mut free = tried.take(usize::from(ports)).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    free.next().and_then(|listener| listener.local_addr().ok()).expect("a port is free")
}

/// A folder that is gone afterwards.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("threadle-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain name").to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).expect("there is room");
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in a temporary folder.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// Marsaglia's xorshift64*, seeded by `THREADLE_SEED` or the clock; the seed is printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(name: &str) -> Random {
        let given = std::env::var("THREADLE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
            now.as_nanos() as u64
        });
        println!("{name}: THREADLE_SEED={seed}");
        Random(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize % bound
    }
}
