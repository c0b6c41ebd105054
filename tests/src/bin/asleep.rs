//! Programs in which all goroutines fall asleep, for good or not, for the suite `deadlock`: a test harness has threads of its own, and what
//! is said depends on whether there are others.
//!
//! `asleep MODE CASE`

#![expect(clippy::disallowed_methods, reason = "plain threads and bare calls are part of it")]

use std::io::{self, Read};
use std::panic;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use threadle::net::TcpListener;
use threadle::sync::Mutex;
use threadle::{Builder, Deadlock, blocking, chan, go, time, yield_now};
use threadle_tests::Mode;

/// Long enough for a report that is not to come: it would after 50 ms.
const A_WHILE: Duration = Duration::from_millis(400);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mode = Mode::from_name(&arguments[1]).expect("a mode");
    let builder = Builder::new().procs(2);
    match arguments[2].as_str() {
        "default" => mode.run(builder, stuck),
        "ignored" => mode.run(builder.deadlock(Deadlock::Ignore), || waits_for_a_thread(A_WHILE)),
        "abort" => mode.run(builder.deadlock(Deadlock::Abort), stuck),
        "thread, default" => mode.run(builder, || waits_for_a_thread(A_WHILE)),
        "thread, reported" => mode.run(builder.deadlock(Deadlock::Report), || waits_for_a_thread(8 * A_WHILE)),
        "timer" => mode.run(strict(builder), || {
            go(|| time::sleep(A_WHILE)).join().expect("it only sleeps");
            let (_open, receive) = chan::bounded::<()>(0);
            assert!(receive.recv_timeout(A_WHILE).is_err());
        }),
        "call" => mode.run(strict(builder), || {
            blocking(|| thread::sleep(A_WHILE));
            // With others at home on the thread, who wait for the one that is in the call.
            let (send, receive) = chan::bounded(0);
            let caller = go(move || {
                blocking(|| thread::sleep(A_WHILE));
                send.send(())
            });
            receive.recv().expect("it sends");
            caller.join().expect("it does not panic").expect("main received");
        }),
        "bare call" => mode.run(strict(builder), || {
            go(|| thread::sleep(A_WHILE)).join().expect("it only sleeps");
        }),
        "descriptor" => mode.run(strict(builder), || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            println!("port {}", listener.local_addr().expect("it has one").port());
            let (mut stream, _) = go(move || listener.accept()).join().expect("no panic").expect("somebody connects");
            stream.read_exact(&mut [0]).expect("a byte comes");
        }),
        "after a bare call" => mode.run(strict(builder), || {
            // Its P is taken while it is away, and everybody else is asleep when it comes to wait: the last to do so has none.
            let yields = go(|| (0..200).for_each(|_| yield_now()));
            let (send, never) = chan::bounded::<()>(0);
            let last = go(move || {
                thread::sleep(A_WHILE);
                send.send(()).expect_err("nobody receives");
            });
            yields.join().expect("it only yields");
            last.join().expect("it waits for ever");
            drop(never);
        }),
        "in place" => mode.run(strict(builder), || {
            struct Waits(chan::Receiver<()>);
            impl Drop for Waits {
                fn drop(&mut self) {
                    self.0.recv().expect_err("nobody sends");
                }
            }
            let (_open, receive) = chan::bounded(0);
            let unwinds = go(move || {
                let _waits = Waits(receive);
                panic::resume_unwind(Box::new("on its way"));
            });
            drop(unwinds.join());
        }),
        "two runtimes" => {
            // One waits for the other, which has a timer first, and then nothing.
            let (send, receive) = chan::bounded(0);
            let (open, never) = chan::bounded::<()>(0);
            // What one of them is before the other is there is not the question: a call under way is no deadlock.
            let both = Barrier::new(2);
            let both_are_there = || blocking(|| both.wait().is_leader());
            thread::scope(|scope| {
                let never_too = never.clone();
                scope.spawn(move || {
                    mode.run(strict(Builder::new().procs(1)), || {
                        both_are_there();
                        receive.recv().expect("the other runtime's goroutine sends");
                        println!("alive");
                        never_too.recv()
                    })
                });
                scope.spawn(move || {
                    mode.run(strict(builder), || {
                        both_are_there();
                        time::sleep(A_WHILE);
                        send.send(()).expect("the other runtime's goroutine receives");
                        never.recv()
                    })
                });
            });
            drop(open);
        }
        other => panic!("no such case: {other}"),
    }
    println!("done");
}

fn strict(builder: Builder) -> Builder {
    builder.deadlock(Deadlock::Abort)
}

/// Each waits for the other.
fn stuck() {
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let (_open, never) = chan::bounded::<()>(0);
    let _held = (a.lock(), b.lock());
    let other = go(move || never.recv());
    println!("asleep");
    drop(other.join());
    drop(a.lock());
}

fn waits_for_a_thread(time: Duration) {
    let (send, receive) = chan::bounded(0);
    let sender = thread::spawn(move || {
        thread::sleep(time);
        send.send(7).map_err(io::Error::other)
    });
    assert_eq!(receive.recv(), Ok(7));
    blocking(|| sender.join()).expect("it does not panic").expect("main received");
}
