//! Timers and descriptors are watched, whoever is inside a call.
#![expect(clippy::disallowed_methods, reason = "blocking the thread is what is looked at")]

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use threadle::net::TcpListener;
use threadle::{Builder, blocking, go, time};
use threadle_tests::{Mode, Watchdog};

/// How long the calls last if nobody ends them: what waits for the caller to watch again is late by most of it.
const LONG: Duration = Duration::from_secs(40);

/// What is late by less is not waiting for a caller, however busy the machine.
const BEARABLE: Duration = Duration::from_secs(20);

/// What goroutine 1 waits for, beginning before the calls and ending while they last; returns how late it was.
type Wait = (&'static str, fn() -> Duration);

const WAITS: &[Wait] = &[
    ("a timer", || {
        let due = Instant::now() + Duration::from_millis(600);
        time::sleep_until(due);
        due.elapsed()
    }),
    ("a socket", || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let writer = thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).expect("somebody accepts");
            thread::sleep(Duration::from_millis(600));
            stream.write_all(b"x").expect("somebody reads");
            Instant::now()
        });
        let (mut stream, _) = listener.accept().expect("somebody connects");
        stream.read_exact(&mut [0]).expect("a letter comes");
        let read = Instant::now();
        read.saturating_duration_since(writer.join().expect("it only writes"))
    }),
];

/// As many goroutines as said watch for a timer themselves, each on the M it was started on, and go from there into a call, one after the
/// other.
fn watched_while_away(mode: Mode, callers: u64, (what, wait): Wait) {
    let _watchdog = Watchdog::new(120);
    let (lateness, over_before) = mode.run(Builder::new().procs(2), || {
        let mut ends = Vec::new();
        let mut away = Vec::new();
        for number in 0..callers {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            away.push(go(move || {
                time::sleep(Duration::from_millis(30 + 40 * number));
                blocking(move || ended.recv_timeout(LONG))
            }));
            // Somebody else has to start it.
            thread::sleep(Duration::from_millis(2));
        }
        let lateness = wait();
        let over_before = away.iter().filter(|caller| caller.is_finished()).count();
        drop(ends);
        for caller in away {
            caller.join().expect("it only waits").expect_err("nobody says anything to it");
        }
        (lateness, over_before)
    });
    println!("{mode}, {callers} callers: {what} was late by {lateness:?}");
    assert!(lateness < BEARABLE, "{mode}, {callers} callers: {what} was late by {lateness:?}");
    assert_eq!(over_before, 0, "{mode}, {callers} callers: {what} came when calls were over");
}

fn watched(wait: Wait) {
    thread::scope(|scope| {
        for mode in Mode::BOTH {
            for callers in 1..=4 {
                scope.spawn(move || watched_while_away(mode, callers, wait));
            }
        }
    });
}

#[test]
fn timers_are_watched_while_the_watcher_is_in_a_call() {
    watched(WAITS[0]);
}

#[test]
fn sockets_are_watched_while_the_watcher_is_in_a_call() {
    watched(WAITS[1]);
}
