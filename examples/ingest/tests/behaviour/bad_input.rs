//! Every kind of bad input, and the odd but good ones beside it.

use std::sync::Arc;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::running::{Running, config};
use crate::support::stores::Failing;
use crate::support::{Watchdog, body, line};
use ingest::config::Config;

fn service() -> (Running, Arc<Failing>) {
    let store = Arc::new(Failing::temporarily(0));
    (Running::with(Config { max_body: 1000, ..config() }, &store), store)
}

/// A request after which nothing must be in the store, unless the test says so.
fn nothing_kept(running: Running, store: &Failing) {
    assert!(running.stop().in_time);
    assert_eq!(store.kept.lines(), Vec::<String>::new());
}

#[test]
fn other_methods_and_paths() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    let mut client = running.client();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = client.request(method, "/");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        assert!(answer.json()["error"].is_string());
    }
    let answer = client.request("POST", "/healthz");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(client.request("POST", "/elsewhere").status, 404);
    assert_eq!(client.request("GET", "/favicon.ico").status, 404);
    let health = client.request("GET", "/healthz");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    nothing_kept(running, &store);
}

#[test]
fn bodies_that_are_no_payloads_are_told_where() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    let mut client = running.client();
    for (bad, line, path) in [
        ("", 1, "."),
        ("hello", 1, "."),
        ("[1,2]", 1, "."),
        ("{\"version\":\"1\",\"token\":\"t\"}", 1, "."),
        ("{\"version\":\"1\",\n\"data\":{}}", 2, "data"),
        ("{\"version\":{},\"data\":[]}", 1, "version"),
        ("{\"token\":3,\"data\":[]}", 1, "token"),
        ("{\"data\":[1,\n2,\n{\"a\":1,}]}", 3, "data[2]"),
        ("{\"data\":[1]", 1, "."),
        ("{\"data\":[1]} and more", 1, "."),
        ("{\"data\":[\"\u{1}\"]}", 1, "data[0]"),
    ] {
        let answer = client.post(bad);
        assert_eq!(answer.status, 400, "{bad}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let told = answer.json();
        assert_eq!(told["line"], line, "{bad}: {told}");
        assert_eq!(told["path"], path, "{bad}: {told}");
        assert!(told["column"].is_u64() && told["error"].is_string(), "{bad}: {told}");
    }
    nothing_kept(running, &store);
}

#[test]
fn too_large_with_a_length() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    // The client sends all of it before it reads, and must see the answer nevertheless.
    let mut client = running.client();
    let answer = client.post(&body("x".repeat(300_000)));
    assert_eq!((answer.status, answer.json()["limit"].as_u64()), (413, Some(1000)));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed());
    nothing_kept(running, &store);
}

#[test]
fn too_large_in_chunks() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    let mut client = running.client();
    client.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..11 {
        client.send(format!("64\r\n{}\r\n", "x".repeat(100))).unwrap();
    }
    // There is no last chunk: the limit alone ends it.
    assert_eq!(client.answer().unwrap().status, 413);
    assert!(client.is_closed());
    nothing_kept(running, &store);
}

#[test]
fn expect_continue() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    let mut client = running.client();
    let good = body("patient");
    let head = |length: usize| {
        format!("POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n")
    };
    client.send(head(good.len())).unwrap();
    assert_eq!(client.answer().unwrap().status, 100);
    client.send(&good).unwrap();
    assert_eq!(client.answer().unwrap().status, 200);
    // One that is too large is refused before it is sent.
    client.send(head(2000)).unwrap();
    assert_eq!(client.answer().unwrap().status, 413);
    assert!(running.stop().in_time);
    assert_eq!(store.kept.lines(), [line("patient")]);
}

#[test]
fn length_and_chunks_at_once() {
    let _watchdog = Watchdog::start();
    let (running, _store) = service();
    let good = body("smuggled");
    let chunked = format!("{:x}\r\n{good}\r\n0\r\n\r\n", good.len());
    for headers in
        ["content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 4"]
    {
        let mut client = running.client();
        client.send(format!("POST / HTTP/1.1\r\nhost: test\r\n{headers}\r\n\r\n{chunked}")).unwrap();
        let answer = client.answer().unwrap();
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{headers}");
        // What the other reading of the lengths takes for a second request is never answered.
        assert!(client.is_closed());
    }
    assert!(running.stop().in_time);
}

#[test]
fn what_is_no_http() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    for bad in [
        "nonsense\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: four\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nho st: test\r\n\r\n",
    ] {
        let mut client = running.client();
        client.send(bad).unwrap();
        assert_eq!(client.answer().unwrap().status, 400, "{bad}");
        assert!(client.is_closed());
    }
    // Chunks that are none: there is nobody to answer any more.
    let mut client = running.client();
    client.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").unwrap();
    assert!(client.answer().is_err());
    nothing_kept(running, &store);
}

#[test]
fn keep_alive_pipelining_and_chunks() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    let mut client = running.client();
    client.send_post(&body("first")).unwrap();
    client.send_post(&body("second")).unwrap();
    let half = body("in-chunks");
    let (left, right) = half.split_at(11);
    client
        .send(format!(
            "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{left}\r\n{:x};ext=1\r\n{right}\r\n0\r\ntrailer: x\r\n\r\n",
            left.len(),
            right.len(),
        ))
        .unwrap();
    for _ in 0..3 {
        let answer = client.answer().unwrap();
        assert_eq!((answer.status, answer.json()["stored"].as_u64()), (200, Some(1)));
    }
    assert!(running.stop().in_time);
    let mut lines = store.kept.lines();
    lines.sort();
    assert_eq!(lines, [line("first"), line("in-chunks"), line("second")]);
}

#[test]
fn half_open_requests_cost_nobody_anything() {
    let _watchdog = Watchdog::start();
    let (running, store) = service();
    let half_sent: Vec<Client> = (0..200)
        .map(|n| {
            let mut client = running.client();
            client
                .send(match n % 4 {
                    0 => "",
                    1 => "POST / HT",
                    2 => "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 500\r\n\r\n{\"data\":",
                    _ => "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"d",
                })
                .unwrap();
            client
        })
        .collect();
    let mut client = running.client();
    for id in 0..20 {
        assert_eq!(client.post(&body(id)).status, 200);
    }
    assert_eq!(client.request("GET", "/healthz").json()["queued"], 0);
    // They are cut when the service stops, and do not hold it up.
    assert!(running.stop().in_time);
    for mut client in half_sent {
        assert!(client.is_closed());
    }
    assert_eq!(store.kept.lines().len(), 20);
}

#[test]
fn slow_senders_are_cut() {
    let _watchdog = Watchdog::start();
    let store = Arc::new(Failing::temporarily(0));
    let config = Config { read_timeout: Duration::from_millis(100), ..config() };
    let running = Running::with(config, &store);
    let mut silent = running.client();
    let mut in_head = running.client();
    let _late = in_head.send("POST / HTTP/1.1\r\nhost:");
    assert!(silent.is_closed());
    // hyper says 408 or nothing.
    let _said = in_head.answer();
    assert!(in_head.is_closed());
    // One that is itself kept from sending its head in time is cut like the silent one: then another.
    let in_body = || {
        let mut in_body = running.client();
        in_body.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 50\r\n\r\n{").ok()?;
        let status = in_body.answer().ok()?.status;
        assert!(in_body.is_closed());
        Some(status)
    };
    assert_eq!((0..20).find_map(|_| in_body()), Some(408));
    nothing_kept(running, &store);
}
