//! The floor answers with its figures.

use std::process::Command;

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
