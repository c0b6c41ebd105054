//! What is kept, and how: batches, objects, folders, S3, both acknowledgements.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::support::running::{Running, config};
use crate::support::stores::Gate;
use crate::support::{Watchdog, body, line, lines_under, objects_under, pause};
use ingest::config::{Ack, Config, StoreUrl};
use ingest::demo::s3_server::S3Server;

fn to_folder(folder: &Path) -> Config {
    Config { store: StoreUrl::Dir(folder.join("a/b")), ..config() }
}

fn to_s3(server: &S3Server, prefix: &str) -> Config {
    Config {
        store: StoreUrl::S3 { bucket: "bucket".to_owned(), prefix: prefix.to_owned() },
        s3_endpoint: Some(server.endpoint()),
        s3_keys: Some(server.keys()),
        ..config()
    }
}

/// Eight clients, fifty payloads each.
fn store_four_hundred(config: Config, folder: &Path) {
    let acked_as = config.ack;
    let running = Running::start(config);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let mut connection = running.client();
            thread::spawn(move || {
                for count in 0..50 {
                    let answer = connection.post(&body(format!("{client}-{count}")));
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("a client");
    }
    let expected: BTreeMap<String, usize> =
        (0..8).flat_map(|client| (0..50).map(move |count| (line(format!("{client}-{count}")), 1))).collect();
    if acked_as == Ack::Stored {
        assert_eq!(lines_under(folder), expected, "acknowledged means stored");
    }
    let stopped = running.stop();
    assert!(stopped.in_time);
    assert_eq!((stopped.totals.accepted, stopped.totals.stored, stopped.totals.dropped), (400, 400, 0));
    assert_eq!(lines_under(folder), expected);
    assert_eq!(objects_under(folder).len() as u64, stopped.totals.objects);
}

#[test]
fn in_a_folder() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    store_four_hundred(to_folder(folder.path()), folder.path());
    // Again, into the same folder's hour: nothing is overwritten.
    let before = objects_under(folder.path()).len();
    let running = Running::start(to_folder(folder.path()));
    assert_eq!(running.client().post(&body("later")).status, 200);
    assert!(running.stop().in_time);
    assert_eq!(objects_under(folder.path()).len(), before + 1);
}

#[test]
fn in_a_folder_acknowledged_as_queued() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    store_four_hundred(Config { ack: Ack::Queued, ..to_folder(folder.path()) }, folder.path());
}

#[test]
fn in_s3() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path(), "bucket").unwrap();
    let prefixed = folder.path().join("bucket/some/prefix");
    std::fs::create_dir_all(&prefixed).unwrap();
    store_four_hundred(to_s3(&server, "some/prefix"), &prefixed);
}

#[test]
fn in_s3_acknowledged_as_queued() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path(), "bucket").unwrap();
    store_four_hundred(Config { ack: Ack::Queued, ..to_s3(&server, "") }, &folder.path().join("bucket"));
}

#[test]
fn payloads_gather_while_no_worker_is_free() {
    let _watchdog = Watchdog::start();
    let gate = Arc::new(Gate::closed());
    let config = Config { workers: 1, linger: Duration::ZERO, batch_payloads: 4, queue: 100, ..config() };
    let running = Running::with(config, &gate);
    let first = {
        let mut client = running.client();
        thread::spawn(move || client.post(&body("first")).status)
    };
    gate.begun.recv().expect("the first upload");
    let start = Arc::new(Barrier::new(9));
    let others: Vec<_> = (0..9)
        .map(|id| {
            let (mut client, start) = (running.client(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                client.post(&body(id)).status
            })
        })
        .collect();
    // The dispatcher holds one to four of the nine; the others wait in the queue.
    let mut health = running.client();
    while health.request("GET", "/healthz").json()["queued"].as_u64() < Some(5) {
        pause();
    }
    gate.open();
    assert_eq!(first.join().unwrap(), 200);
    assert!(others.into_iter().all(|other| other.join().unwrap() == 200));
    let totals = running.stop().totals;
    let sizes: Vec<usize> = gate.kept.objects().iter().map(|object| object.lines().count()).collect();
    assert_eq!((totals.stored, sizes.iter().sum()), (10, 10));
    // Those that waited left together.
    assert_eq!(sizes.iter().max(), Some(&4), "{sizes:?}");
}

#[test]
fn one_object_a_payload() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Config { batch_payloads: 1, ..to_folder(folder.path()) });
    let answer = running.client().post("{\"data\":[{\"a\": 1}, 2 ,\n\"three\"]}");
    assert_eq!((answer.status, answer.json()["stored"].as_u64()), (200, Some(3)));
    assert_eq!(objects_under(folder.path()).len(), 3);
    assert_eq!(running.stop().totals.objects, 3);
    let lines: Vec<String> = lines_under(folder.path()).into_keys().collect();
    assert_eq!(lines, ["\"three\"", "2", "{\"a\":1}"]);
}

#[test]
fn a_large_request_is_split() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let config = Config { batch_payloads: 100, batch_bytes: 500, ..to_folder(folder.path()) };
    let running = Running::start(config);
    let payloads: Vec<String> = (0..200).map(|n| format!("{{\"number\":{n}}}")).collect();
    let answer = running.client().post(&format!("{{\"data\":[{}]}}", payloads.join(", ")));
    assert_eq!(answer.json()["stored"], 200);
    assert!(running.stop().in_time);
    assert_eq!(lines_under(folder.path()).len(), 200);
    for object in objects_under(folder.path()) {
        assert!(object.metadata().unwrap().len() <= 500);
    }
}

#[test]
fn nothing_to_keep() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(to_folder(folder.path()));
    let answer = running.client().post("{\"version\":1,\"data\":[]}");
    assert_eq!((answer.status, answer.json()["stored"].as_u64()), (200, Some(0)));
    assert_eq!(running.stop().totals.objects, 0);
}
