//! Nobody reads what the service has to say.

use std::fs;

use crate::support::client::Client;
use crate::support::process::{Serving, serve};
use crate::support::{Watchdog, body, line, lines_under};

/// The only worker complains twice to a closed stderr, and works on.
#[test]
fn complaints_kill_no_worker() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let store = format!("dir:{}", root.display());
    let serving = Serving::start_unheard(serve().args(["--store", &store, "--workers", "1"]));
    // A file in the folder's place: nothing can be stored.
    fs::remove_dir(&root).unwrap();
    fs::write(&root, "").unwrap();
    let mut client = Client::connect(serving.address);
    assert_eq!(client.post(&body("refused")).status, 503);
    fs::remove_file(&root).unwrap();
    assert_eq!(client.post(&body("kept")).status, 200);
    assert_eq!(lines_under(&root).into_keys().collect::<Vec<_>>(), [line("kept")]);
    serving.signal("TERM");
    let ended = serving.wait();
    assert!(ended.status.success());
    assert!(ended.stdout.contains("2 requests, 1 accepted, 1 refused"), "{}", ended.stdout);
}
