//! Programs of others that are installed here, or not.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Where a program is: on the path, or where Debian hides servers.
fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The program, or a line that says what was not tried for want of it; past the test's captured output.
pub(crate) fn peer(name: &str, untried: &str) -> Option<Command> {
    let program = found(name);
    if program.is_none() {
        skipped(&format!("{untried}: {name} is not installed"));
    }
    program.map(Command::new)
}

pub(crate) fn skipped(why: &str) {
    // A line that nobody reads is no failure.
    let _unread = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
