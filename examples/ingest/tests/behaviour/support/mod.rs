//! What the tests share: a client that speaks raw HTTP, stores that fail on
//! command, the service in this process, the real binary, and a watchdog.

pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod running;
pub(crate) mod stores;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::abort;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Aborts the test process if the test does not end within a minute and a half.
pub(crate) struct Watchdog {
    /// Its drop is what the watchdog waits for.
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn start() -> Self {
        let (alive, ended) = mpsc::channel();
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if ended.recv_timeout(Duration::from_secs(90)) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{name} hangs");
                abort();
            }
        });
        Self { _alive: alive }
    }
}

/// All lines of all objects under a folder, with how often each is there.
/// Files that are no objects (temporary ones, those of the S3 server) are passed over.
pub(crate) fn lines_under(folder: &Path) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for object in objects_under(folder) {
        let text = std::fs::read_to_string(&object).expect("an object is UTF-8");
        assert!(text.ends_with('\n'), "{} is cut off", object.display());
        for line in text.lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
    }
    lines
}

/// The paths of all objects under a folder.
pub(crate) fn objects_under(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut objects = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".jsonl") && !name.starts_with('.') {
                objects.push(path);
            }
        }
    }
    objects
}

/// A body with one payload that is told apart by its id.
pub(crate) fn body(id: impl std::fmt::Display) -> String {
    format!("{{\"version\": \"1\", \"token\": \"t\", \"data\": [ {{ \"id\": \"{id}\" }} ]}}")
}

/// The line that becomes of it.
pub(crate) fn line(id: impl std::fmt::Display) -> String {
    format!("{{\"id\":\"{id}\"}}")
}

/// A moment between two looks at something that will change.
#[expect(clippy::disallowed_methods, reason = "the test's own thread is no goroutine's")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}
