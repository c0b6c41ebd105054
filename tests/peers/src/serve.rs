//! A program that serves: it says where it listens, and ends when its standard input does.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::answer::{Answer, parse};
use crate::run::{does_not_start, finish};

/// A server in a process of its own.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it, and waits at most `limit` until it says where it listens.
    ///
    /// # Errors
    ///
    /// What it has answered instead.
    pub(crate) fn start(mut command: Command, limit: Duration) -> Result<Server, Answer> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(does_not_start)?;
        let (said, line) = mpsc::channel();
        let stdout = child.stdout.take();
        thread::spawn(move || {
            let mut first = String::new();
            let read = stdout.map_or(Ok(0), |stdout| BufReader::new(stdout).read_line(&mut first));
            // Nobody listens any more where the limit has passed.
            let _ = said.send(read.map(|_| first));
        });
        let line = match line.recv_timeout(limit) {
            Ok(line) => line.map_err(|error| Answer::Died(format!("its output: {error}"))),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Answer::Hung(limit.as_secs())),
        };
        match line.map(|line| line.trim().parse().map_err(|_| line)) {
            Ok(Ok(address)) => Ok(Server { child, address }),
            Ok(Err(line)) => Err(end(child, limit).map_or_else(|failure| failure, |()| parse(&line))),
            Err(failure) => {
                // It has had its time: whatever comes of killing it, that it was silent is what there is to tell.
                let _ = end(child, Duration::ZERO);
                Err(failure)
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go, and waits at most `limit` for its end.
    ///
    /// # Errors
    ///
    /// If it does not end, or not well.
    pub(crate) fn end(self, limit: Duration) -> Result<(), Answer> {
        end(self.child, limit)
    }
}

fn end(mut child: Child, limit: Duration) -> Result<(), Answer> {
    drop(child.stdin.take());
    let ended = finish(child, limit).map_err(|error| Answer::Died(format!("its end: {error}")));
    ended.flatten().map(drop)
}

#[cfg(test)]
mod tests {
    use super::Server;
    use crate::answer::Answer;
    use std::process::Command;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);

    fn start(script: &str, limit: Duration) -> Result<Server, Answer> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Server::start(command, limit)
    }

    #[test]
    fn it_serves_until_it_is_let_go() {
        let server = start("echo 127.0.0.1:80; exec cat", LONG).expect("it says where it listens");
        assert_eq!(server.address(), ([127, 0, 0, 1], 80).into());
        assert_eq!(server.end(LONG), Ok(()));
    }

    #[test]
    fn an_absence_has_its_reason() {
        let absent = start("echo absent it runs no futures", LONG).expect_err("it does not listen");
        assert_eq!(absent, Answer::Absent("it runs no futures".to_owned()));
    }

    #[test]
    fn what_does_not_listen_is_told() {
        let Err(Answer::Died(why)) = start("echo no port >&2; exit 3", LONG) else { panic!("it does not listen") };
        assert_eq!(why, "exit status: 3: no port");
        let Err(Answer::Died(why)) = start("echo over there; exec cat", LONG) else { panic!("that is no address") };
        assert!(why.contains("over there"), "{why}");
        let silent = start("exec sleep 1000", Duration::from_secs(1)).expect_err("it says nothing");
        assert_eq!(silent, Answer::Hung(1));
    }

    #[test]
    fn how_it_ends_is_told() {
        let server =
            start("echo 127.0.0.1:80; cat; echo no stack >&2; exit 101", LONG).expect("it says where it listens");
        assert_eq!(server.end(LONG), Err(Answer::Died("exit status: 101: no stack".to_owned())));
        let server = start("echo 127.0.0.1:80; exec sleep 1000", LONG).expect("it says where it listens");
        assert_eq!(server.end(Duration::from_secs(1)), Err(Answer::Hung(1)));
    }
}
