//! The fixtures' programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// In release mode, built once for all tests.
static PROGRAMS: LazyLock<BTreeMap<String, PathBuf>> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--release", "--package", "threadle-audit-fixtures", "--message-format=json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "the fixtures do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .expect("cargo speaks UTF-8")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("cargo speaks JSON"))
        .filter_map(|message| {
            let program = PathBuf::from(message["executable"].as_str()?);
            Some((message["target"]["name"].as_str()?.to_owned(), program))
        })
        .collect()
});

/// Where the program of this name is.
pub(crate) fn path(name: &str) -> &'static Path {
    &PROGRAMS[name]
}

/// The program of this name.
pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("cargo built it")
}
