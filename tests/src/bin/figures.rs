//! The figures that a test cannot decide on a machine it shares: each measured in a process of its own, printed beside its bound.
//!
//! ```text
//! cargo run --release -p threadle-tests --bin figures              all of them
//! cargo run --release -p threadle-tests --bin figures -- --check   and exit 1 if one is past its bound
//! cargo run --release -p threadle-tests --bin figures -- hogs      those with "hogs" in their name
//! ```
//!
//! One that cannot be measured is an error in any case.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use threadle::Builder;
use threadle_tests::scenario::{self, Contended, Lateness, Use};
use threadle_tests::{Mode, Watchdog, child, system};

/// One figure: its name, its unit, how much of it is good, which modes have it, and how it is measured.
struct Figure {
    name: &'static str,
    unit: &'static str,
    bound: f64,
    modes: &'static [Mode],
    measure: fn(Mode) -> f64,
}

const BOTH: &[Mode] = &Mode::BOTH;
const BOUND: &[Mode] = &[Mode::Bound];
const MIGRATING: &[Mode] = &[Mode::Migrating];

const MILLION: usize = 1_000_000;

const FIGURES: &[Figure] = &[
    figure("a million parked, each", "KiB", 4.88, BOTH, |mode| scenario::park_many(mode, MILLION).kib_each),
    figure("a million parked, mappings", "", 1000.0, BOTH, |mode| scenario::park_many(mode, MILLION).mappings as f64),
    figure("64 x 20 blocking calls of 10 ms", "ms", 240.0, BOTH, |mode| millis(scenario::overlap(mode, true).elapsed)),
    figure("the same unannounced", "ms", 600.0, MIGRATING, |mode| millis(scenario::overlap(mode, false).elapsed)),
    figure("4 hogs, 2 processors, mean lateness", "ms", 1.0, BOTH, |mode| mean(scenario::sleep_among_hogs(mode, 2, 4))),
    figure("1 hog, 1 processor, mean lateness", "ms", 1.0, BOTH, |mode| mean(scenario::sleep_among_hogs(mode, 1, 1))),
    figure("a hog that holds up others, report after", "ms", 1000.0, BOUND, |_| report_of_a_hog()),
    figure("at rest, switches in 5 s", "", 0.0, BOTH, switches),
    figure("run returns with hogs spinning", "ms", 1000.0, BOTH, |mode| {
        millis(scenario::end_with_hogs(mode, 3).elapsed)
    }),
    figure("ping-pong across threads", "%", 1.0, BOTH, |mode| 100.0 * crossings(mode)),
    figure("fresh peer of a computing goroutine", "us", 100.0, BOTH, |mode| {
        micros(scenario::fresh_peer_of_a_computing_goroutine(mode, 501).lateness.median())
    }),
    figure("woken peer of a computing goroutine", "us", 1000.0, MIGRATING, |_| {
        micros(scenario::woken_peer_of_a_computing_goroutine(501).lateness.median())
    }),
    figure("a million fresh, a sleeper's lateness", "ms", 10.0, BOTH, |mode| {
        millis(scenario::sleep_in_a_storm(mode, MILLION).max())
    }),
    // What a thread of one's own costs.
    figure("locked, spawned by a locked one : by main", "", 2.0, BOTH, |mode| {
        median_of_nine(|| {
            seconds(scenario::spawn_locked(mode, true, 200)) / seconds(scenario::spawn_locked(mode, false, 200))
        })
    }),
    figure("ping-pong with a locked goroutine", "us", 30.0, BOTH, |mode| {
        median_of_nine(|| micros(scenario::talk_to_a_locked_one(mode, 2_000)) / 2_000.0)
    }),
    figure("cancel a context with 100 000 children", "ms", 100.0, BOTH, |mode| {
        median_of_nine(|| millis(scenario::cancel_children(mode, 100_000)))
    }),
    figure("reset + stop, received from, 100 000 standing", "ns", 60.0, BOTH, |mode| {
        reset_and_stop(mode, Use::Received)
    }),
    figure("reset + stop, calls, 100 000 standing", "ns", 200.0, BOTH, |mode| reset_and_stop(mode, Use::Calls)),
    figure("mutex, 8 for 2 s, mean : least served", "", 2.0, BOTH, |mode| {
        median_of(3, || scenario::mean_to_least_served(mode, Contended::Mutex))
    }),
    figure("semaphore, 8 for 2 s, mean : least served", "", 2.0, BOTH, |mode| {
        median_of(3, || scenario::mean_to_least_served(mode, Contended::Semaphore))
    }),
    figure("writers, 8 for 2 s, mean : least served", "", 2.0, BOTH, |mode| {
        median_of(3, || scenario::mean_to_least_served(mode, Contended::Writers))
    }),
    // What staying on one thread costs.
    figure("echo, 100 connections, bound : migrating", "", 1.15, BOUND, |_| {
        ratio(|mode| scenario::echo(mode, 100, 100_000))
    }),
    figure("echo, 1000 connections, bound : migrating", "", 1.15, BOUND, |_| {
        ratio(|mode| scenario::echo(mode, 1000, 100_000))
    }),
    figure("ping-pong, bound : migrating", "", 1.10, BOUND, |_| ratio(|mode| scenario::ping_pong(mode, 200_000))),
    figure("ping-pong after 1000 detaches : before", "", 1.10, BOTH, after_detaches),
    figure("skynet, bound : migrating", "", 1.05, BOUND, |_| ratio(|mode| scenario::skynet(mode, MILLION as u64))),
    figure("fib(24), bound : migrating", "", 1.05, BOUND, |_| ratio(|mode| scenario::fib(mode, 24))),
];

const fn figure(
    name: &'static str,
    unit: &'static str,
    bound: f64,
    modes: &'static [Mode],
    measure: fn(Mode) -> f64,
) -> Figure {
    Figure { name, unit, bound, modes, measure }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn median_of_nine(measure: impl FnMut() -> f64) -> f64 {
    median_of(9, measure)
}

fn median_of(runs: usize, measure: impl FnMut() -> f64) -> f64 {
    let mut figures: Vec<f64> = std::iter::repeat_with(measure).take(runs).collect();
    figures.sort_by(f64::total_cmp);
    figures[runs / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn reset_and_stop(mode: Mode, used: Use) -> f64 {
    median_of_nine(|| micros(scenario::reset_and_stop(mode, used, 100_000, 300_000)) * 1e3)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn mean(lateness: Lateness) -> f64 {
    millis(lateness.mean())
}

/// The median pair of five: bound, a pair that was split at its birth stays so.
fn crossings(mode: Mode) -> f64 {
    median_of(5, || scenario::crossings(mode, 2, 100_000))
}

/// The medians of nine runs each, in one runtime.
fn after_detaches(mode: Mode) -> f64 {
    let median = || {
        let mut times: Vec<_> = (0..9).map(|_| scenario::ping_pong_here(100_000)).collect();
        times.sort();
        times[4].as_secs_f64()
    };
    mode.run(Builder::new().procs(2), || {
        let before = median();
        scenario::detach_many(1000);
        median() / before
    })
}

/// Bound mode's time to migrating mode's, the median of nine pairs of runs, each pair in the other order than the one before.
fn ratio(time: impl Fn(Mode) -> Duration) -> f64 {
    let one = |round: usize| {
        let first = Mode::BOTH[round % 2];
        let second = Mode::BOTH[1 - round % 2];
        let (first, second) = ((first, time(first)), (second, time(second)));
        let (bound, migrating) = if first.0 == Mode::Bound { (first.1, second.1) } else { (second.1, first.1) };
        bound.as_secs_f64() / migrating.as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..9).map(one).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// From the hog's first word to the first line that names its spawn site.
fn report_of_a_hog() -> f64 {
    let mut child = again(&["--held-up"]).stderr(Stdio::piped()).spawn().expect("this program starts again");
    let mut begun = None;
    let mut reported = None;
    for line in BufReader::new(child.stderr.take().expect("stderr is piped")).lines() {
        let line = line.expect("stderr is readable");
        if line == "hog: begins" {
            begun = Some(Instant::now());
        } else if line.contains("hogs.rs:") && reported.is_none() {
            reported = begun.map(|begun| begun.elapsed());
        }
    }
    child.wait().expect("the child is ours");
    reported.map_or(f64::INFINITY, millis)
}

fn switches(mode: Mode) -> f64 {
    let mut child = again(&["--rest", mode.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("stdout is readable");
    let switches = scenario::switches_at_rest(child.id(), Duration::from_secs(5)).expect("/proc is there");
    drop(child.stdin.take());
    child.wait().expect("the child is ours");
    switches as f64
}

fn again(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(arguments);
    command
}

fn measured(name: &str, mode: Mode) -> Option<f64> {
    let output = again(&["--measure", name, mode.name()]).stderr(Stdio::inherit()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn report(filter: &str, check: bool) -> io::Result<ExitCode> {
    let (mut past, mut failed) = (0, 0);
    println!("{:<44} {:<9} {:>10} {:>10}", "figure", "mode", "measured", "bound");
    for figure in FIGURES.iter().filter(|figure| figure.name.contains(filter)) {
        if figure.name.starts_with("a million parked") && !system::has_cheap_guards()? {
            println!("{:<44} SKIPPED: before Linux 6.13 a million guards do not fit", figure.name);
            continue;
        }
        for mode in figure.modes {
            let (figure_text, verdict) = match measured(figure.name, *mode) {
                Some(value) if value <= figure.bound => (format!("{value:.2}"), ""),
                Some(value) => {
                    past += 1;
                    (format!("{value:.2}"), "  PAST")
                }
                None => {
                    failed += 1;
                    ("none".to_owned(), "  FAILED")
                }
            };
            println!("{:<44} {:<9} {figure_text:>10} {:>10} {}{verdict}", figure.name, mode, figure.bound, figure.unit);
        }
    }
    Ok(if failed > 0 || (check && past > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mode = |name| Mode::from_name(name).ok_or_else(|| io::Error::other(format!("no mode is called {name}")));
    match words[..] {
        ["--measure", name, in_mode] => {
            let _watchdog = Watchdog::new(120);
            let figure = FIGURES.iter().find(|figure| figure.name == name);
            let figure = figure.ok_or_else(|| io::Error::other(format!("no figure is called {name}")))?;
            println!("{}", (figure.measure)(mode(in_mode)?));
        }
        ["--held-up"] => {
            scenario::hold_up_main(Mode::Bound, Duration::from_secs(2));
        }
        ["--rest", in_mode] => scenario::rest(mode(in_mode)?, child::ready_to_be_observed),
        [] => return report("", false),
        ["--check"] => return report("", true),
        [filter] => return report(filter, false),
        ["--check", filter] | [filter, "--check"] => return report(filter, true),
        _ => return Err(io::Error::other("arguments: [--check] [PART-OF-A-NAME]")),
    }
    Ok(ExitCode::SUCCESS)
}
