//! The demo in small, in both modes.

use std::process::Command;

use crate::support::Watchdog;

fn demo(more: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_ingest"))
        .args(["demo", "--seconds", "2", "--rate", "400", "--connections", "16", "--json"])
        .args(more)
        .output()
        .expect("the binary");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let last = text.lines().last().expect("a last line");
    let figures: serde_json::Value = serde_json::from_str(last).expect("one JSON object");
    for (key, expected) in [("sent", 800), ("acked", 800), ("stored", 800), ("lost", 0)] {
        assert_eq!(figures[key], expected, "{key} of {last}");
    }
    for key in ["objects", "bytes", "rps", "p50_ms", "p99_ms", "max_ms"] {
        assert!(figures[key].as_f64().is_some_and(|value| value > 0.0), "{key} of {last}");
    }
    assert_eq!(figures.as_object().map(serde_json::Map::len), Some(10));
    // For people alone: whose a stall was.
    for line in ["store's put   p50 ", "  its server  p50 "] {
        let worst = text.lines().find(|found| found.starts_with(line)).and_then(|found| found.split("max ").nth(1));
        let worst = worst.and_then(|worst| worst.strip_suffix(" ms")).and_then(|worst| worst.parse::<f64>().ok());
        assert!(worst.is_some_and(|worst| worst > 0.0), "{line} of {text}");
    }
}

#[test]
fn bound() {
    let _watchdog = Watchdog::start();
    demo(&[]);
}

#[test]
fn migrating() {
    let _watchdog = Watchdog::start();
    demo(&["--migrating"]);
}

#[test]
fn one_object_a_payload() {
    let _watchdog = Watchdog::start();
    demo(&["--batch-payloads", "1", "--ack", "queued"]);
}

#[test]
fn fails_when_nothing_is_acknowledged() {
    let _watchdog = Watchdog::start();
    let refused = ["--seconds", "1", "--rate", "1", "--max-body", "10"];
    let output = Command::new(env!("CARGO_BIN_EXE_ingest")).arg("demo").args(refused).output().expect("the binary");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("acknowledged  0 (1 refused, 0 failed)\n"), "{text}");
}
