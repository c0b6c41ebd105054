//! The floor answers with its figures, or serves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn all_round_trips_are_made() {
    for connections in ["1", "2", "10"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peer-floor"));
        command.args(["echo", "workers=2", "round_trips=500", &format!("connections={connections}")]);
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.contains("figure per_second ") && answer.contains("figure cpu_us "), "{answer}");
    }
}

#[test]
fn each_connection_is_accepted() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peer-floor"));
    command.args(["accept", "workers=2"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().expect("it starts");
    let mut address = String::new();
    let stdout = server.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut address).expect("it says where it listens");
    for byte in 0..10 {
        let mut client = TcpStream::connect(address.trim()).expect("it listens");
        client.set_read_timeout(Some(Duration::from_secs(60))).expect("that is long enough");
        client.write_all(&[byte]).expect("it reads");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).expect("it answers, and closes");
        assert_eq!(answer, [byte]);
    }
    drop(server.stdin.take());
    assert!(server.wait().expect("it is ours").success());
}
