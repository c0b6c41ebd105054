//! `kill -9` under load: what was acknowledged is in the store.

use std::path::Path;
use std::process::Command;

use crate::support::process::{Load, Serving, serve};
use crate::support::{Watchdog, line, lines_under, objects_under};
use ingest::demo::s3_server::{ACCESS_KEY, S3Server, SECRET_KEY};

/// Three lives of the service on one store, each killed in the midst of its work.
fn three_lives(command: &mut Command, folder: &Path) {
    let mut all_acked = Vec::new();
    for life in 0..3 {
        let mut serving = Serving::start(command);
        let load = Load::start(serving.address, 16, &format!("life-{life}"));
        load.wait_for(300);
        serving.kill();
        let (acked, sent) = load.end();
        assert!(serving.wait().status.code().is_none(), "it was killed");
        assert!(acked.len() >= 300 && acked.len() < sent, "it was killed at work");
        all_acked.extend(acked);
        let kept = lines_under(folder);
        for id in &all_acked {
            assert!(kept.contains_key(&line(id)), "{id} was acknowledged, and is lost");
        }
        // Nobody repeats a request, and no object takes another's name.
        assert!(kept.values().all(|&times| times == 1));
    }
    assert!(!objects_under(folder).is_empty());
}

#[test]
fn with_a_folder() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("dir:{}", folder.path().display());
    three_lives(serve().args(["--store", &store]), folder.path());
}

#[test]
fn with_s3() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path(), "bucket").unwrap();
    let mut command = serve();
    command
        .args(["--store", "s3://bucket/prefix", "--s3-endpoint", &server.endpoint()])
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    three_lives(&mut command, &folder.path().join("bucket"));
}
