//! The real binary as a child process, and clients that load it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::client::Client;
use super::{body, pause};

/// A running `ingest serve`.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    stderr: thread::JoinHandle<String>,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `ingest serve` on a free port; the caller adds the store.
pub(crate) fn serve() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingest"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--linger", "2"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

impl Serving {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_reading(command, true)
    }

    /// With an stderr that is closed after its first line.
    pub(crate) fn start_unheard(command: &mut Command) -> Self {
        Self::start_reading(command, false)
    }

    fn start_reading(command: &mut Command, to_the_end: bool) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("the first line");
        let address = line.split("listening on ").nth(1).and_then(|rest| rest.split(',').next());
        let address = address.unwrap_or_else(|| panic!("not started: {line}")).parse().expect("an address");
        if !to_the_end {
            drop(stderr);
            return Self { child, address, stderr: thread::spawn(String::new) };
        }
        let stderr = thread::spawn(move || {
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).expect("UTF-8");
            rest
        });
        Self { child, address, stderr }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a running child");
    }

    /// Any other signal.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own: a kill(1) is not everywhere.
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.expect("there is a shell").success());
    }

    pub(crate) fn wait(mut self) -> Ended {
        let mut stdout = String::new();
        self.child.stdout.take().expect("a pipe").read_to_string(&mut stdout).expect("UTF-8");
        let status = self.child.wait().expect("a child");
        Ended { status, stdout, stderr: self.stderr.join().expect("its reader") }
    }
}

/// Clients that post payload after payload until the service is gone.
pub(crate) struct Load {
    threads: Vec<thread::JoinHandle<()>>,
    sent: Arc<AtomicUsize>,
    acked: Arc<Mutex<BTreeSet<String>>>,
}

impl Load {
    /// Ids begin with `name`, so that several loads never send the same.
    pub(crate) fn start(address: SocketAddr, clients: usize, name: &str) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let acked = Arc::new(Mutex::new(BTreeSet::new()));
        let threads = (0..clients)
            .map(|client| {
                let (sent, acked, name) = (Arc::clone(&sent), Arc::clone(&acked), name.to_owned());
                thread::spawn(move || {
                    let mut connection = Client::connect(address);
                    for count in 0.. {
                        let id = format!("{name}-{client}-{count}");
                        sent.fetch_add(1, Ordering::Relaxed);
                        match connection.try_post(&body(&id)) {
                            Ok(answer) if answer.status == 200 => {
                                acked.lock().unwrap().insert(id);
                            }
                            Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        Self { threads, sent, acked }
    }

    /// Waits until so many payloads were acknowledged.
    pub(crate) fn wait_for(&self, count: usize) {
        while self.acked.lock().unwrap().len() < count {
            assert!(self.threads.iter().any(|thread| !thread.is_finished()), "every client has stopped");
            pause();
        }
    }

    /// Waits until every client has lost its connection. The ids acknowledged, and how many were sent.
    pub(crate) fn end(self) -> (BTreeSet<String>, usize) {
        for client in self.threads {
            client.join().expect("a client");
        }
        let acked = std::mem::take(&mut *self.acked.lock().unwrap());
        (acked, self.sent.load(Ordering::Relaxed))
    }
}
