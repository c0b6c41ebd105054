//! Seeing inside: the dump, the metrics, the trace.

use std::time::Duration;

use threadle::sync::{Mutex, WaitGroup};
use threadle::{Builder, GoBuilder, chan, go, metrics, num_goroutines, time, yield_now};
use threadle_tests::{both_modes, child};

fn dump() -> String {
    let mut text = Vec::new();
    threadle::dump(&mut text).expect("a Vec takes it");
    String::from_utf8(text).expect("a dump is text")
}

/// Waits for the dump to say `text`: a goroutine that has announced its wait has not parked yet.
fn dump_with(text: &str) -> String {
    loop {
        let dump = dump();
        if dump.contains(text) {
            return dump;
        }
        yield_now();
    }
}

#[test]
fn the_dump_has_reason_name_and_spawn_site() {
    both_modes(2, |_| {
        let (keep_open, gate) = chan::bounded::<()>(0);
        let line = line!() + 1;
        let receiver = GoBuilder::new().name("gatekeeper").go(move || gate.recv());
        let mutex = std::sync::Arc::new(Mutex::new(()));
        let guard = mutex.lock();
        let locker = go({
            let mutex = std::sync::Arc::clone(&mutex);
            move || drop(mutex.lock())
        });
        let sleeper = go(|| time::sleep(Duration::from_millis(300)));
        let group = WaitGroup::new();
        group.add(1);
        let waiter = go({
            let group = group.clone();
            move || group.wait()
        });
        for reason in ["sync.Mutex.lock", "sleep", "sync.WaitGroup.wait", "chan receive"] {
            dump_with(reason);
        }
        let dump = dump_with("gatekeeper");
        assert!(dump.contains(&format!("{}:{line}", file!())), "no spawn site in:\n{dump}");
        drop(guard);
        drop(keep_open);
        group.done();
        assert!(receiver.join().expect("it does not panic").is_err());
        locker.join().expect("it only locks");
        sleeper.join().expect("it only sleeps");
        waiter.join().expect("it only waits");
        assert!(!self::dump().contains("gatekeeper"), "a goroutine that has ended is not in the dump");
    });
}

#[test]
fn the_number_of_goroutines_goes_up_and_down() {
    both_modes(2, |_| {
        assert_eq!(num_goroutines(), 1);
        let (hold, gate) = chan::bounded::<()>(0);
        let handles: Vec<_> = (0..100)
            .map(|_| gate.clone())
            .map(|gate| go(move || gate.recv().expect_err("nothing is ever sent")))
            .collect();
        assert_eq!(num_goroutines(), 101);
        drop(hold);
        for handle in handles {
            handle.join().expect("it only waits");
        }
        assert_eq!(num_goroutines(), 1);
    });
}

#[test]
fn procs_and_metrics_agree_with_the_builder() {
    both_modes(3, |_| {
        assert_eq!(threadle::procs(), 3);
        let before = metrics();
        for _ in 0..100 {
            go(|| ()).join().expect("it only ends");
        }
        let after = metrics();
        assert!(after.spawned - before.spawned >= 100, "{before:?} {after:?}");
    });
}

/// Go's `schedtrace` line, at the interval that was asked for.
#[test]
fn the_trace_prints_lines() {
    child::in_children(
        "the_trace_prints_lines",
        |command| {
            command.env("THREADLE_TRACE", "sched=100");
        },
        |mode| {
            mode.run(Builder::new().procs(2), || {
                for _ in 0..40 {
                    go(|| time::sleep(Duration::from_millis(20))).join().expect("it only sleeps");
                }
            });
        },
        |mode, end| {
            let lines: Vec<&str> = end.succeeded().stderr.lines().filter(|line| line.starts_with("SCHED ")).collect();
            println!("{mode}: {lines:#?}");
            assert!((2..=12).contains(&lines.len()), "{mode}: in 800 ms, at 100 ms each: {lines:#?}");
            assert!(lines.iter().all(|line| line.contains("procs=2")), "{mode}: {lines:#?}");
        },
    );
}

#[test]
fn the_number_of_processors_comes_from_the_environment() {
    child::in_children(
        "the_number_of_processors_comes_from_the_environment",
        |command| {
            command.env("THREADLE_PROCS", "5");
        },
        |mode| println!("procs {}", mode.run(Builder::new(), threadle::procs)),
        |_, end| assert_eq!(end.succeeded().number("procs"), 5.0),
    );
}
