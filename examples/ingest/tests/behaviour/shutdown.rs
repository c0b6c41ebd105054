//! SIGTERM and SIGINT under load.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use crate::support::client::Client;
use crate::support::process::{Ended, Load, Serving, serve};
use crate::support::running::{Running, config};
use crate::support::stores::Gate;
use crate::support::{Watchdog, body, line, lines_under, pause};
use ingest::config::{Ack, Config};
use ingest::demo::s3_server::{ACCESS_KEY, S3Server, SECRET_KEY};

/// Loads the service, leaves half-sent requests beside the load, and sends a signal.
fn end_by(signal: &str, command: &mut Command) -> (BTreeSet<String>, Ended) {
    let serving = Serving::start(command);
    let mut half_sent: Vec<Client> = (0..10)
        .map(|n| {
            let mut client = Client::connect(serving.address);
            let half = ["POST / HTTP/1.1\r\nho", "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\n{"];
            client.send(half[n % 2]).unwrap();
            client
        })
        .collect();
    let load = Load::start(serving.address, 16, signal);
    load.wait_for(300);
    serving.signal(signal);
    let (acked, _sent) = load.end();
    for client in &mut half_sent {
        assert!(client.is_closed());
    }
    let address = serving.address;
    let ended = serving.wait();
    assert!(Client::try_connect(address).is_err(), "it accepts no more");
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(!ended.stdout.contains("not finished"), "{}", ended.stdout);
    (acked, ended)
}

#[test]
fn sigterm_with_a_folder() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("dir:{}", folder.path().display());
    let (acked, ended) = end_by("TERM", serve().args(["--store", &store]));
    let kept = lines_under(folder.path());
    assert!(acked.iter().all(|id| kept.contains_key(&line(id))));
    assert!(ended.stdout.contains(&format!("{} payloads in", kept.len())), "{}", ended.stdout);
}

#[test]
fn sigint_with_s3_and_acknowledged_as_queued() {
    let _watchdog = Watchdog::start();
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path(), "bucket").unwrap();
    let mut command = serve();
    command
        .args(["--store", "s3://bucket/prefix", "--s3-endpoint", &server.endpoint(), "--ack", "queued"])
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    let (acked, _ended) = end_by("INT", &mut command);
    let kept = lines_under(&folder.path().join("bucket"));
    assert!(acked.iter().all(|id| kept.contains_key(&line(id))));
}

/// Requests that have a handler when the order comes are stored and answered.
fn what_was_begun_is_finished(ack: Ack) {
    let gate = Arc::new(Gate::closed());
    let config = Config { workers: 2, batch_payloads: 1, ack, ..config() };
    let running = Running::with(config, &gate);
    let clients: Vec<_> = (0..20)
        .map(|id| {
            let mut client = running.client();
            thread::spawn(move || {
                let answer = client.post(&body(id));
                assert_eq!(answer.status, 200);
                assert!(client.is_closed());
            })
        })
        .collect();
    let mut health = running.client();
    // Two with the workers, one with the dispatcher.
    while health.request("GET", "/healthz").json()["queued"] != 17 {
        pause();
    }
    running.order_stop();
    // An idle connection is closed at once; those with a request live on.
    assert!(health.is_closed());
    assert!(Client::try_connect(running.address).is_err());
    gate.open();
    for client in clients {
        client.join().expect("a client");
    }
    let stopped = running.stop();
    assert!(stopped.in_time);
    assert_eq!((stopped.totals.stored, stopped.totals.refused), (20, 0));
    assert_eq!(gate.kept.lines().len(), 20);
}

#[test]
fn stored_requests_are_answered() {
    let _watchdog = Watchdog::start();
    what_was_begun_is_finished(Ack::Stored);
}

#[test]
fn queued_requests_are_stored() {
    let _watchdog = Watchdog::start();
    what_was_begun_is_finished(Ack::Queued);
}

/// A store that takes the object and never answers: what was promised is lost when the drain time is over, and the process says so.
#[test]
fn a_put_that_hangs_at_the_end_is_told_and_fails_the_process() {
    let _watchdog = Watchdog::start();
    // Connections are taken by the backlog, and never looked at.
    let black_hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", black_hole.local_addr().unwrap());
    for (ack, status, dropped) in [("queued", 1, "1 dropped"), ("stored", 0, "0 dropped")] {
        let mut command = serve();
        command
            .args(["--store", "s3://bucket/prefix", "--s3-endpoint", &endpoint, "--drain", "1", "--ack", ack])
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        let serving = Serving::start(&mut command);
        let mut client = Client::connect(serving.address);
        let posted = thread::spawn(move || client.try_post(&body("promised")).map(|answer| answer.status));
        // The put is on its way: somebody connects to the store.
        drop(black_hole.accept().map(std::mem::forget));
        serving.signal("TERM");
        let ended = serving.wait();
        assert_eq!(ended.status.code(), Some(status), "{ack}: {}", ended.stderr);
        assert!(ended.stdout.contains(dropped) && ended.stdout.contains("not finished within 1s"), "{}", ended.stdout);
        let answer = posted.join().expect("the client");
        assert_eq!(answer.ok(), (ack == "queued").then_some(200), "{ack}");
    }
}
