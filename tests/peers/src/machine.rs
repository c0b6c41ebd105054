//! What it runs on.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::build::{self, Built};
use crate::run::output;
use crate::wrk;

/// Pages of this size, whatever the kernel makes of them.
const PAGE: usize = 4096;

/// Writes to `bytes` of memory, or to as much as the machine has free, and gives it back: a page that the machine's host has not backed yet
/// costs several times what it costs later, and would count for whoever comes first. Returns how much it was.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub(crate) fn touch_memory(bytes: u64) -> io::Result<u64> {
    const PIECE: usize = 64 << 20;
    // Some is left for the others on the machine.
    let pieces = bytes.min(kib("MemAvailable")? * 1024 / 5 * 4) as usize / PIECE;
    let mut touched = Vec::with_capacity(pieces);
    for _ in 0..pieces {
        let mut piece = vec![0u8; PIECE];
        piece.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        touched.push(std::hint::black_box(piece));
    }
    Ok((pieces * PIECE) as u64)
}

fn kib(field: &str) -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == field)
        .and_then(|(_, value)| value.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("/proc/meminfo has no {field}")))
}

/// How many of the machine's CPUs others keep busy at this moment, by looking for a second in which this process does nothing.
///
/// # Errors
///
/// If `/proc` cannot be read.
#[expect(clippy::disallowed_methods, reason = "this process has no goroutines")]
pub(crate) fn busy_cpus() -> io::Result<f64> {
    const LOOK: Duration = Duration::from_secs(1);
    let before = busy_ticks()?;
    std::thread::sleep(LOOK);
    // A hundred ticks are a second on every Linux that is configured as Linux is.
    Ok((busy_ticks()? - before) as f64 / 100.0)
}

/// Ticks that all CPUs together have not been idle.
fn busy_ticks() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    let numbers = text.lines().next().unwrap_or_default().split_whitespace().skip(1).map(str::parse::<u64>);
    let all: Vec<u64> = numbers.collect::<Result<_, _>>().map_err(io::Error::other)?;
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
    Ok(all.iter().take(8).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, ticks)| ticks).sum())
}

/// The machine, what was compared, and when, a line each.
pub(crate) fn describe(built: &Built) -> Vec<(&'static str, String)> {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
    };
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = kib("MemTotal").map_or_else(|error| error.to_string(), |kib| format!("{} GiB", kib >> 20));
    let cpu = read("/proc/cpuinfo").and_then(|text| {
        let model = text.lines().find(|line| line.starts_with("model name"))?;
        Some(model.split_once(':')?.1.trim().to_owned())
    });
    let commit = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(build::root())
        .output()
        .ok()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let unknown = || "unknown".to_owned();
    vec![
        ("date", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_else(unknown)),
        ("CPU", format!("{cpus} x {}", cpu.unwrap_or_else(unknown))),
        ("memory", memory),
        ("kernel", read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown)),
        ("threadle", commit.filter(|commit| !commit.is_empty()).unwrap_or_else(unknown)),
        ("compared with", versions(built)),
        ("HTTP's client", wrk::version().unwrap_or_else(|| wrk::MISSING.to_owned())),
        ("compiler", said("rustc", &["--version"]).unwrap_or_else(unknown)),
    ]
}

/// What each of the others says of itself.
fn versions(built: &Built) -> String {
    let versions = built.iter().filter(|(peer, _)| !peer.is_ours()).map(|(peer, program)| match program {
        Ok(path) => format!("{peer}: {}", version(path)),
        Err(_) => format!("{peer}: missing"),
    });
    versions.collect::<Vec<_>>().join("; ")
}

fn version(program: &Path) -> String {
    let mut command = Command::new(program);
    command.arg("version");
    match output(command, Duration::from_secs(10)) {
        Ok(text) => text.trim().strip_prefix("version ").unwrap_or("it does not say").to_owned(),
        Err(failure) => format!("{failure:?}"),
    }
}
