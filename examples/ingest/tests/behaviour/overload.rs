//! A full queue, and a store that fails.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::support::client::Answer;
use crate::support::running::{Running, config};
use crate::support::stores::{Failing, Gate, PanickingOnce};
use crate::support::{Watchdog, body, line, pause};
use ingest::config::{Ack, Config, Overload};

/// Few places: one job with the worker, one with the dispatcher, two in the queue.
const PLACES: usize = 4;

fn narrow(overload: Overload, queue_wait: Duration) -> Config {
    Config { workers: 1, queue: 2, batch_payloads: 1, overload, queue_wait, ..config() }
}

/// Clients that post one payload each, at once.
fn post_all(running: &Running, count: usize) -> mpsc::Receiver<(usize, Answer)> {
    let (tell, told) = mpsc::channel();
    for id in 0..count {
        let (tell, mut client) = (tell.clone(), running.client());
        thread::spawn(move || tell.send((id, client.post(&body(id)))));
    }
    told
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.json()["error"].as_str().is_some_and(|why| why.contains("queue")));
}

/// Twenty requests against a closed gate: those without a place are refused, the others stored once it opens.
fn those_without_a_place_are_refused(config: Config) {
    let gate = Arc::new(Gate::closed());
    let running = Running::with(config, &gate);
    let answers = post_all(&running, 20);
    for _ in 0..20 - PLACES {
        assert_refused(&answers.recv().expect("an answer").1);
    }
    gate.open();
    let mut expected: Vec<String> = Vec::new();
    for (id, answer) in answers {
        match answer.status {
            200 => expected.push(line(id)),
            _ => assert_refused(&answer),
        }
    }
    assert!(!expected.is_empty());
    expected.sort();
    let stopped = running.stop();
    assert!(stopped.in_time);
    assert_eq!(stopped.totals.accepted + stopped.totals.refused, 20);
    let mut kept = gate.kept.lines();
    kept.sort();
    assert_eq!(kept, expected);
}

#[test]
fn shed() {
    let _watchdog = Watchdog::start();
    those_without_a_place_are_refused(narrow(Overload::Shed, Duration::from_secs(3600)));
}

#[test]
fn wait_is_bounded() {
    let _watchdog = Watchdog::start();
    those_without_a_place_are_refused(narrow(Overload::Wait, Duration::from_millis(50)));
}

#[test]
fn wait_waits() {
    let _watchdog = Watchdog::start();
    let gate = Arc::new(Gate::closed());
    let running = Running::with(narrow(Overload::Wait, Duration::from_secs(3600)), &gate);
    let answers = post_all(&running, 20);
    gate.begun.recv().expect("the first upload");
    gate.open();
    assert!(answers.iter().all(|(_, answer)| answer.status == 200));
    assert!(running.stop().in_time);
    assert_eq!(gate.kept.lines().len(), 20);
}

#[test]
fn passing_faults_are_ridden_out() {
    let _watchdog = Watchdog::start();
    let store = Arc::new(Failing::temporarily(3));
    let running = Running::with(Config { store_attempts: 4, ..config() }, &store);
    assert_eq!(running.client().post(&body("in the end")).status, 200);
    let totals = running.stop().totals;
    assert_eq!((totals.retries, totals.stored, totals.objects), (3, 1, 1));
    assert_eq!(store.kept.lines(), [line("in the end")]);
}

#[test]
fn a_failing_store_is_503_after_retries() {
    let _watchdog = Watchdog::start();
    let store = Arc::new(Failing::temporarily(usize::MAX));
    let running = Running::with(Config { store_attempts: 2, ..config() }, &store);
    let answer = running.client().post(&body("never"));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(store.attempts.load(Ordering::Relaxed), 2);
    let totals = running.stop().totals;
    assert_eq!((totals.stored, totals.refused, totals.accepted), (0, 1, 0));
}

#[test]
fn what_cannot_succeed_is_not_repeated() {
    let _watchdog = Watchdog::start();
    let store = Arc::new(Failing::permanently());
    let running = Running::with(config(), &store);
    assert_eq!(running.client().post(&body("never")).status, 503);
    assert_eq!(store.attempts.load(Ordering::Relaxed), 1);
    assert!(running.stop().in_time);
}

#[test]
fn one_failing_part_fails_the_request() {
    let _watchdog = Watchdog::start();
    // Three payloads in three objects; one attempt each, and the first fails.
    let store = Arc::new(Failing::temporarily(1));
    let config = Config { batch_payloads: 1, store_attempts: 1, ..config() };
    let running = Running::with(config, &store);
    assert_eq!(running.client().post("{\"data\":[1,2,3]}").status, 503);
    assert!(running.stop().in_time);
    assert_eq!(store.kept.lines().len(), 2);
}

#[test]
fn what_was_acknowledged_as_queued_is_retried_until_it_is_kept() {
    let _watchdog = Watchdog::start();
    // More failures than attempts.
    let store = Arc::new(Failing::temporarily(5));
    let config = Config { ack: Ack::Queued, store_attempts: 1, ..config() };
    let running = Running::with(config, &store);
    let answer = running.client().post(&body("promised"));
    assert_eq!((answer.status, answer.json()["queued"].as_u64()), (200, Some(1)));
    let stopped = running.stop();
    assert!(stopped.in_time);
    assert_eq!((stopped.totals.stored, stopped.totals.dropped, stopped.totals.retries), (1, 0, 5));
    assert_eq!(store.kept.lines(), [line("promised")]);
}

#[test]
fn what_has_to_be_dropped_is_counted() {
    let _watchdog = Watchdog::start();
    let store = Arc::new(Failing::temporarily(usize::MAX));
    let config = Config { ack: Ack::Queued, drain: Duration::from_millis(300), ..config() };
    let running = Running::with(config, &store);
    assert_eq!(running.client().post("{\"data\":[1,2]}").status, 200);
    assert_eq!(running.stop().totals.dropped, 2);
}

/// Puts that hang at the cutoff end nowhere: their payloads are counted, like those that still wait for a worker.
#[test]
fn what_hangs_at_the_cutoff_is_counted_as_dropped() {
    let _watchdog = Watchdog::start();
    let gate = Arc::new(Gate::closed());
    let drain = Duration::from_millis(300);
    let config = Config { ack: Ack::Queued, workers: 2, batch_payloads: 2, drain, ..config() };
    let running = Running::with(config, &gate);
    let mut client = running.client();
    // In two puts, with the dispatcher, and in the queue.
    for id in 0..7 {
        assert_eq!(client.post(&body(id)).status, 200);
    }
    gate.begun.recv().expect("a put has begun");
    gate.begun.recv().expect("another one, too");
    let stopped = running.stop();
    assert!(!stopped.in_time);
    assert_eq!((stopped.totals.stored, stopped.totals.dropped), (0, 7));
}

/// Nobody was told that these are kept, so nothing is dropped, however late it is.
#[test]
fn what_nobody_was_promised_is_not_dropped() {
    let _watchdog = Watchdog::start();
    let gate = Arc::new(Gate::closed());
    let running = Running::with(Config { drain: Duration::from_millis(300), ..config() }, &gate);
    let mut client = running.client();
    // It is not waited for: its connection ends with the process.
    thread::spawn(move || client.try_post(&body("unanswered")));
    gate.begun.recv().expect("the put has begun");
    let stopped = running.stop();
    assert!(!stopped.in_time);
    assert_eq!((stopped.totals.accepted, stopped.totals.dropped), (0, 0));
}

#[test]
fn a_panic_in_an_upload_costs_that_batch_and_no_worker() {
    let _watchdog = Watchdog::start();
    for ack in [Ack::Stored, Ack::Queued] {
        let store = Arc::new(PanickingOnce::default());
        let running = Running::with(Config { ack, workers: 1, ..config() }, &store);
        let mut client = running.client();
        let first = client.post(&body("first")).status;
        assert_eq!(first, if ack == Ack::Stored { 503 } else { 200 });
        while store.attempts.load(Ordering::SeqCst) == 0 {
            pause();
        }
        assert_eq!(client.post(&body("second")).status, 200);
        let stopped = running.stop();
        assert!(stopped.in_time);
        assert_eq!(store.kept.lines(), [line("second")]);
        assert_eq!(stopped.totals.dropped, u64::from(ack == Ack::Queued));
    }
}
