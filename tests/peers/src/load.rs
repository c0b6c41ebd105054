//! Programs that only serve: their clients are here, the same for all, so that of a difference nothing is the client's.

use std::io;
use std::process::Command;
use std::time::Duration;

use peer_measure::cpu_time_of;

use crate::answer::Answer;
use crate::connect;
use crate::serve::Server;
use crate::wrk;

/// What a server is put under.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Load {
    /// Connections of one byte each, so many in all and so many at once.
    Connections { count: u64, at_once: usize },
    /// wrk, with so many connections, for so many seconds.
    Requests { connections: u64, seconds: u64 },
}

/// What a server has done meanwhile.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Served {
    pub(crate) count: f64,
    pub(crate) per_second: f64,
}

impl Load {
    /// That for `program`, if it is a server, at the size that its own arguments tell.
    ///
    /// # Panics
    ///
    /// If they tell none.
    pub(crate) fn of(program: &str, arguments: &[String]) -> Option<Load> {
        let number = |key: &str| {
            let value = arguments.iter().find_map(|argument| argument.strip_prefix(key)?.strip_prefix('='));
            let number = value.and_then(|value| value.parse::<u64>().ok());
            number.unwrap_or_else(|| panic!("{program}: {key}=NUMBER is missing"))
        };
        match program {
            "accept" => Some(Load::Connections { count: number("connections"), at_once: number("at_once") as usize }),
            "http" => Some(Load::Requests { connections: number("connections"), seconds: number("seconds") }),
            _ => None,
        }
    }

    /// Starts `server`, puts the load on it, and ends it.
    pub(crate) fn put_on(self, server: Command, limit: Duration) -> Answer {
        let server = match Server::start(server, limit) {
            Ok(server) => server,
            Err(answer) => return answer,
        };
        let figures = self.figures(&server, limit);
        // How the server ended says more than what its clients made of that.
        server.end(limit).and(figures).unwrap_or_else(|failure| failure)
    }

    fn figures(self, server: &Server, limit: Duration) -> Result<Answer, Answer> {
        let cpu = || cpu_time_of(server.process()).map_err(|error| died("the server's CPU time", &error));
        let before = cpu()?;
        let served = match self {
            Load::Connections { count, at_once } => {
                connect::all(server.address(), count, at_once, limit).map_err(|error| died("a connection", &error))?
            }
            Load::Requests { connections, seconds } => wrk::ask(server.address(), connections, seconds, limit)?,
        };
        let cpu = (cpu()? - before).as_secs_f64();
        let figures = [
            ("per_second", served.per_second),
            ("per_cpu_second", served.count / cpu),
            ("cpu_us", cpu * 1e6 / served.count),
        ];
        Ok(Answer::Figures(figures.map(|(key, figure)| (key.to_owned(), figure)).into()))
    }
}

fn died(of: &str, error: &io::Error) -> Answer {
    Answer::Died(format!("{of}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::Load;
    use crate::answer::Answer;
    use crate::program::{Scale, arguments};
    use crate::rows::ROWS;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);
    const LOAD: Load = Load::Connections { count: 50, at_once: 8 };

    fn put_on(script: &str) -> Answer {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        LOAD.put_on(command, LONG)
    }

    #[test]
    fn the_rows_tell_how_much() {
        let loads = ROWS.iter().filter_map(|row| Load::of(row.program, &arguments(row.sizes, Scale::Quick)));
        let expected =
            [Load::Connections { count: 5_000, at_once: 64 }, Load::Requests { connections: 256, seconds: 1 }];
        assert_eq!(loads.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_server_has_its_figures() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let serving = thread::spawn(move || {
            for _ in 0..50 {
                let (mut stream, _) = listener.accept().expect("a client connects");
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("the client sends one");
                stream.write_all(&byte).expect("the client reads it");
            }
        });
        // The process that is measured waits for its own end, and the thread above serves for it.
        let Answer::Figures(figures) = put_on(&format!("echo {address}; cat")) else { panic!("it is served") };
        assert_eq!(figures.keys().collect::<Vec<_>>(), ["cpu_us", "per_cpu_second", "per_second"]);
        assert!(figures["per_second"] > 0.0);
        serving.join().expect("each client has come");
    }

    #[test]
    fn a_server_that_crashes_is_told_by_its_own_words() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let Answer::Died(why) = put_on(&format!("echo {address}; echo no more sockets >&2; exit 3")) else {
            panic!("nobody listens");
        };
        assert_eq!(why, "exit status: 3: no more sockets");
        let Answer::Died(why) = put_on(&format!("echo {address}; cat")) else { panic!("nobody listens") };
        assert!(why.starts_with("a connection: "), "{why}");
    }
}
