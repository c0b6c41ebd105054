//! Each program answers with its figures, in both modes. How good they are is not looked at here.

use std::process::Command;

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

#[test]
fn what_is_not_there_is_said() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peer-threadle"));
    let output = command.args(["teleport", "workers=2", "mode=bound"]).output().expect("it starts");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("absent "));
}
