use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::Request;

/// A second process of this program that serves, so that each side has a process' descriptors for itself. It ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts this program again as `PROGRAM KEY=NUMBER ..`, with the numbers of `request`, and waits until it says where it listens.
    ///
    /// # Errors
    ///
    /// If it does not start, or ends without saying.
    pub fn start(request: &Request, program: &str) -> io::Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(request.arguments_for(program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("stdout is not piped"))?;
        let said = BufReader::new(stdout).read_line(&mut line);
        let address =
            said.and_then(|_| line.trim().parse().map_err(|_| io::Error::other(format!("no address: {line:?}"))));
        match address {
            Ok(address) => Ok(Server { child, address }),
            Err(error) => {
                drop(Server { child, address: SocketAddr::from(([0, 0, 0, 0], 0)) });
                Err(error)
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// In the second process: says where it listens, and ends it when the first one has let go.
    ///
    /// # Errors
    ///
    /// If no thread can be had.
    pub fn serves(address: SocketAddr) -> io::Result<()> {
        println!("{address}");
        std::thread::Builder::new().name("until the client ends".to_owned()).spawn(|| {
            let ended = io::stdin().read(&mut [0]);
            std::process::exit(i32::from(ended.is_err()));
        })?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("the server's process: {error}");
        }
    }
}
