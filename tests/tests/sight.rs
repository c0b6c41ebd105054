//! Seeing inside: the dump, the metrics, the trace.

use std::fs::File;
use std::hint;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use threadle::sync::{Mutex, WaitGroup};
use threadle::{Builder, GoBuilder, blocking, chan, go, metrics, num_goroutines, time, yield_now};
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
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock();
        let locker = go({
            let mutex = Arc::clone(&mutex);
            move || drop(mutex.lock())
        });
        // Longer than any machine stands still; it is left to the end of the runtime.
        drop(go(|| time::sleep(Duration::from_secs(3_600))));
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
        assert!(dump.contains(&format!("    spawned at {}:{line}:", file!())), "no spawn site in:\n{dump}");
        drop(guard);
        drop(keep_open);
        group.done();
        assert!(receiver.join().expect("it does not panic").is_err());
        locker.join().expect("it only locks");
        waiter.join().expect("it only waits");
        assert!(!self::dump().contains("gatekeeper"), "a goroutine that has ended is not in the dump");
    });
}

/// The line of the program that called what waits, not one of ours: for each kind of wait.
#[test]
fn the_dump_has_the_line_that_waits() {
    both_modes(2, |mode| {
        let (keep_open, gate) = chan::bounded::<()>(0);
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock();
        let group = WaitGroup::new();
        group.add(1);
        let named = |name: &str| GoBuilder::new().name(name);
        let first = line!();
        #[rustfmt::skip]
        let waiters = [
            named("receives").go({ let gate = gate.clone(); move || _ = gate.recv() }),
            named("locks").go({ let mutex = Arc::clone(&mutex); move || drop(mutex.lock()) }),
            named("waits").go({ let group = group.clone(); move || group.wait() }),
            named("hopes").go(move || _ = gate.recv_timeout(Duration::from_secs(600))),
        ];
        for (at, name) in (first + 3..).zip(["receives", "locks", "waits", "hopes"]) {
            dump_with(&format!("{name:?} ["));
            let dump = dump_with(&format!("    waits at {}:{at}:", file!()));
            let (_, of_it) = dump.split_once(&format!("{name:?} [")).expect("it is there");
            let place = of_it.lines().nth(1).expect("a line follows");
            println!("{mode}: {name}: {place}");
            assert!(place.starts_with(&format!("    waits at {}:{at}:", file!())), "{dump}");
        }
        drop(guard);
        drop(keep_open);
        group.done();
        for waiter in waiters {
            waiter.join().expect("each only waits");
        }
    });
}

/// Short waits are shown in milliseconds, longer ones in seconds.
#[test]
fn the_dump_has_the_age_of_a_wait() {
    both_modes(1, |_| {
        let (keep_open, gate) = chan::bounded::<()>(0);
        let waiter = GoBuilder::new().name("gatekeeper").go(move || gate.recv());
        let age = |dump: &str| {
            let (_, age) = dump.split_once("\"gatekeeper\" [chan receive, ")?;
            let (number, rest) = age.split_once(' ')?;
            let unit = rest.split(|character: char| !character.is_ascii_alphabetic()).next()?;
            Some((number.parse::<f64>().ok()?, unit.to_owned()))
        };
        dump_with("\"gatekeeper\" [chan receive");
        time::sleep(Duration::from_millis(20));
        let dump = self::dump();
        let (milliseconds, unit) = age(&dump).unwrap_or_else(|| panic!("no age in:\n{dump}"));
        // On a machine that stops for a second meanwhile it is a longer one already.
        assert!(unit == "s" || (unit == "ms" && milliseconds >= 10.0), "{dump}");
        time::sleep(Duration::from_millis(1130));
        let dump = self::dump();
        let (seconds, unit) = age(&dump).unwrap_or_else(|| panic!("no age in:\n{dump}"));
        assert!(unit == "s" && (1.1..60.0).contains(&seconds), "{dump}");
        drop(keep_open);
        assert!(waiter.join().expect("it does not panic").is_err());
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
            let begun = Instant::now();
            mode.run(Builder::new().procs(2), || {
                for _ in 0..60 {
                    go(|| time::sleep(Duration::from_millis(20))).join().expect("it only sleeps");
                }
            });
            println!("intervals {}", begun.elapsed().as_secs_f64() / 0.1);
        },
        |mode, end| {
            let lines: Vec<&str> = end.succeeded().stderr.lines().filter(|line| line.starts_with("SCHED ")).collect();
            println!("{mode}: {lines:#?}");
            let most = end.number("intervals") as usize + 2;
            assert!((2..=most).contains(&lines.len()), "{mode}: in {most} intervals: {lines:#?}");
            assert!(lines.iter().all(|line| line.contains("procs=2")), "{mode}: {lines:#?}");
        },
    );
}

/// Nobody hears the trace, nor what else the runtime says: no reason to stop looking after its goroutines.
#[test]
fn a_stderr_that_takes_nothing_stops_nothing() {
    child::in_children(
        "a_stderr_that_takes_nothing_stops_nothing",
        |command| {
            let full = File::options().write(true).open("/dev/full").expect("Linux has it");
            command.env("THREADLE_TRACE", "sched=10").stderr(full);
        },
        |mode| {
            let (retaken, detached) = mode.run(Builder::new().procs(1), || {
                // For the trace to come often, and have failed.
                time::sleep(Duration::from_millis(100));
                let before = metrics();
                let (say, hear) = mpsc::channel();
                let other = go(move || say.send(7));
                assert_eq!(blocking(move || hear.recv()), Ok(7));
                other.join().expect("it does not panic").expect("somebody listens");
                let retaken = metrics().retaken - before.retaken;

                let heard = Arc::new(AtomicBool::new(false));
                let other = go({
                    let heard = Arc::clone(&heard);
                    move || heard.store(true, SeqCst)
                });
                while !heard.load(SeqCst) {
                    hint::spin_loop();
                }
                other.join().expect("it only stores");
                time::sleep(Duration::from_millis(100));
                (retaken, metrics().detached - before.detached)
            });
            println!("retaken {retaken}\ndetached {detached}");
        },
        |mode, end| {
            let (retaken, detached) = (end.succeeded().number("retaken"), end.number("detached"));
            println!("{mode}: retaken {retaken}, detached {detached}");
            assert!(retaken >= 1.0 && detached >= 1.0, "{mode}: retaken {retaken}, detached {detached}");
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
