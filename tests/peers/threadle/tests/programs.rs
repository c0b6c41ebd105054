//! Each program answers with its figures, in both modes. How good they are is not looked at here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

const PROGRAMS: &[(&str, &[&str], &[&str])] = &[
    ("blocking", &["goroutines=8", "calls=2", "call_ms=1"], &["ms"]),
    ("bounded", &["values=4000", "senders=4", "receivers=4", "capacity=128"], &["ns"]),
    ("connections", &["connections=10", "round_trips=200"], &["per_second", "cpu_us"]),
    ("echo", &["connections=10", "round_trips=200"], &["per_second", "cpu_us"]),
    ("fib", &["n=10"], &["ms"]),
    ("hogs", &["hogs=1", "sleeps=3"], &["lateness_ms"]),
    ("mutex", &["goroutines=8", "locks=8000"], &["ns"]),
    ("parked", &["goroutines=500"], &["bytes", "start_s", "wake_s"]),
    ("ping-pong", &["rounds=500"], &["ns"]),
    ("read", &["operations=500"], &["ns", "added_ns"]),
    ("select", &["values=300"], &["ns"]),
    ("skynet", &["leaves=1000"], &["ms"]),
    ("sleeps", &["goroutines=500", "longest_ms=20"], &["cpu_s", "lateness_ms"]),
    ("spawn", &["goroutines=2000"], &["ns"]),
    ("ticker", &["parked=10", "ticks=3"], &["cpu_percent"]),
    ("timer", &["standing=100", "operations=500"], &["armed_ns", "unwatched_ns"]),
    ("waiters", &["waiters=10", "values=500"], &["ns"]),
    ("yield", &["goroutines=10", "yields=1000"], &["ns"]),
];

fn answers(mode: &str) {
    for (program, sizes, figures) in PROGRAMS {
        println!("{program}, {mode}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_peer-threadle"));
        command.arg(program).args(*sizes).args(["workers=2", &format!("mode={mode}")]);
        let output = command.output().expect("it starts");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program}: {}\n{stderr}", output.status);
        let mut answered: Vec<&str> = stdout.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let mut figures = figures.to_vec();
        answered.sort_unstable();
        figures.sort_unstable();
        assert_eq!(answered, figures, "{program}: {stdout}");
    }
}

#[test]
fn each_program_answers_in_bound_mode() {
    answers("bound");
}

#[test]
fn each_program_answers_in_migrating_mode() {
    answers("migrating");
}

/// Servers, what a client of each sends, and how it is answered.
const SERVERS: &[(&str, &str, &str, &str)] = &[
    ("accept", "x", "x", ""),
    (
        "http",
        "GET / HTTP/1.1\r\nhost: me\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "\r\n\r\nhello, world\n",
    ),
];

fn serves(mode: &str) {
    for (program, question, begin, end) in SERVERS {
        println!("{program}, {mode}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_peer-threadle"));
        command.arg(program).args(["workers=2", &format!("mode={mode}")]);
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut address = String::new();
        let stdout = server.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut address).expect("it says where it listens");
        for _ in 0..3 {
            let mut client = TcpStream::connect(address.trim()).expect("it listens");
            client.set_read_timeout(Some(Duration::from_secs(60))).expect("that is long enough");
            client.write_all(question.as_bytes()).expect("it reads");
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("it answers, and closes");
            assert!(answer.starts_with(begin) && answer.ends_with(end), "{program}: {answer:?}");
        }
        drop(server.stdin.take());
        assert!(server.wait().expect("it is ours").success(), "{program}");
    }
}

#[test]
fn each_server_serves_in_bound_mode() {
    serves("bound");
}

#[test]
fn each_server_serves_in_migrating_mode() {
    serves("migrating");
}

#[test]
fn what_is_not_there_is_said() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peer-threadle"));
    let output = command.args(["teleport", "workers=2", "mode=bound"]).output().expect("it starts");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("absent "));
}
