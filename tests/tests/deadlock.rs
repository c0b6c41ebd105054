//! All goroutines are asleep: when that is said, and when not. The programs are in `src/bin/asleep.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use threadle_tests::{Mode, Watchdog};

const REPORT: &str = "all goroutines are asleep - deadlock!";

fn start(mode: Mode, case: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_asleep"))
        .args([mode.name(), case])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Runs the case in either mode, side by side, and shows how each ended: output, and what it said on stderr.
fn in_both_modes(case: &str, check: impl Fn(&Output, &str)) {
    let _watchdog = Watchdog::new(90);
    let running = Mode::BOTH.map(|mode| (mode, start(mode, case)));
    for (mode, child) in running {
        let output = child.wait_with_output().expect("it is our child");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("{mode}, {case}: {}\n{}\n{stderr}", output.status, String::from_utf8_lossy(&output.stdout));
        check(&output, &stderr);
    }
}

fn ends_well_in_silence(case: &str) {
    in_both_modes(case, |output, stderr| {
        assert!(output.status.success());
        assert_eq!(stderr, "");
    });
}

fn is_reported_and_aborted(case: &str, reports: impl Fn(&str)) {
    in_both_modes(case, |output, stderr| {
        assert_eq!(output.status.signal(), Some(libc::SIGABRT));
        assert_eq!(stderr.matches(REPORT).count(), 1);
        reports(stderr);
    });
}

/// No thread is left that could wake somebody: it is said by default, once, and the process stays.
#[test]
fn it_is_reported_by_default_where_it_is_certain() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let mut child = start(mode, "default");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut report = String::new();
        while report.matches("spawned at").count() < 2 {
            assert_ne!(stderr.read_line(&mut report).expect("stderr is readable"), 0, "{mode}: it ended:\n{report}");
        }
        assert!(report.starts_with(&format!("threadle: {REPORT}")), "{report}");
        assert!(report.contains("there is no other thread"), "{report}");
        assert!(report.contains("goroutine 1 \"main\" [join"), "{report}");
        assert!(report.contains("goroutine 2 [chan receive"), "{report}");
        // Nor is it said again.
        thread::scope(|scope| {
            let rest = scope.spawn(|| {
                let mut rest = String::new();
                stderr.read_to_string(&mut rest).expect("stderr is readable");
                rest
            });
            #[expect(clippy::disallowed_methods, reason = "a plain thread")]
            thread::sleep(Duration::from_millis(300));
            assert!(child.try_wait().expect("it is our child").is_none(), "{mode}: it ended by itself");
            child.kill().expect("it is our child");
            assert_eq!(rest.join().expect("it reads"), "");
        });
        child.wait().expect("it is our child");
    }
}

#[test]
fn the_process_ends_where_that_is_wanted() {
    is_reported_and_aborted("abort", |stderr| {
        assert!(stderr.contains("goroutine 1 \"main\" [join"));
        assert!(stderr.contains("src/bin/asleep.rs:"));
    });
}

#[test]
fn an_armed_timer_is_no_deadlock() {
    ends_well_in_silence("timer");
}

#[test]
fn a_call_under_way_is_no_deadlock() {
    ends_well_in_silence("call");
}

#[test]
fn a_call_that_nobody_announced_is_no_deadlock() {
    ends_well_in_silence("bare call");
}

#[test]
fn who_waits_for_a_descriptor_is_not_in_a_deadlock() {
    let _watchdog = Watchdog::new(60);
    let mut children = Mode::BOTH.map(|mode| start(mode, "descriptor"));
    let opened = children.each_mut().map(|child| {
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout is readable");
        let port: u16 = line.trim().strip_prefix("port ").and_then(|port| port.parse().ok()).expect("it says its port");
        (port, stdout)
    });
    let wait = || {
        #[expect(clippy::disallowed_methods, reason = "a plain thread, while which the child is to say nothing")]
        thread::sleep(Duration::from_millis(400));
    };
    wait();
    let mut streams = opened.each_ref().map(|(port, _)| TcpStream::connect(("127.0.0.1", *port)).expect("it listens"));
    wait();
    for stream in &mut streams {
        stream.write_all(&[1]).expect("it reads");
    }
    for child in children {
        let output = child.wait_with_output().expect("it is our child");
        assert_eq!((output.status.success(), String::from_utf8_lossy(&output.stderr).as_ref()), (true, ""));
    }
}

/// A plain thread may be about anything: nothing is said unless it was asked for.
#[test]
fn other_threads_make_it_uncertain() {
    ends_well_in_silence("thread, default");
    ends_well_in_silence("ignored");
    in_both_modes("thread, reported", |output, stderr| {
        assert!(output.status.success());
        assert_eq!(stderr.matches(REPORT).count(), 1);
        assert!(stderr.contains("only one of 1 other threads could still wake somebody"));
    });
}

/// The last to fall asleep had lost its P, so that nothing comes to idle then.
#[test]
fn it_is_seen_also_when_the_last_had_no_processor() {
    is_reported_and_aborted("after a bare call", |stderr| assert!(stderr.contains("[chan send")));
}

#[test]
fn who_waits_in_place_sleeps_as_well() {
    is_reported_and_aborted("in place", |stderr| assert!(stderr.contains("goroutine 1 \"main\" [join")));
}

/// Neither is stuck while the other can do something.
#[test]
fn runtimes_are_looked_at_together() {
    in_both_modes("two runtimes", |output, stderr| {
        assert!(String::from_utf8_lossy(&output.stdout).contains("alive"));
        assert_eq!(output.status.signal(), Some(libc::SIGABRT));
        assert_eq!(stderr.matches(REPORT).count(), 1);
    });
}
