//! Beginning and end of runtimes: several at once, many in a row, what is left behind.
#![expect(clippy::disallowed_macros, reason = "what becomes of thread-locals is what is looked at")]
#![expect(clippy::disallowed_methods, reason = "plain threads look on")]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use threadle::net::{TcpListener, TcpStream};
use threadle::{Builder, GoBuilder, chan, go, time, yield_now};
use threadle_tests::{Mode, Watchdog, child, scenario, system};

/// A bound and a migrating one pass a token to and fro, each over goroutines, timers and sockets of its own.
#[test]
fn two_runtimes_at_once() {
    let _watchdog = Watchdog::new(60);
    let (ping, pinged) = chan::bounded::<u32>(0);
    let (pong, ponged) = chan::bounded::<u32>(0);
    let work = || {
        let doubled: u32 =
            (0..10).map(|number| go(move || number * 2)).map(|half| half.join().expect("it only doubles")).sum();
        assert_eq!(doubled, 90);
        time::sleep(Duration::from_micros(200));
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            Mode::Bound.run(Builder::new().procs(2), || {
                for number in 0..200 {
                    work();
                    ping.send(number).expect("the other runtime listens");
                    assert_eq!(ponged.recv(), Ok(number));
                }
                ping.close();
            });
        });
        scope.spawn(|| {
            Mode::Migrating.run(Builder::new().procs(2), || {
                while let Ok(number) = pinged.recv() {
                    work();
                    pong.send(number).expect("the other runtime listens");
                }
            });
        });
    });
}

/// Inside a goroutine, `run` is a call that blocks: the others of the outer runtime go on.
#[test]
fn a_runtime_inside_a_goroutine() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let answer = mode.run(Builder::new().procs(1), || {
            let (send, receive) = chan::bounded(0);
            let outer = go(move || send.send(20));
            let inner = mode.run(Builder::new().procs(1), || {
                let half = go(|| 1);
                half.join().expect("it only returns") + receive.recv().expect("the outer runtime goes on")
            });
            outer.join().expect("it does not panic").expect("it was received");
            inner * 2
        });
        assert_eq!(answer, 42);
    }
}

/// Its monitor comes to sleep by a timer of its own.
fn a_runtime_that_rests(mode: Mode) {
    mode.run(Builder::new().procs(2), || time::sleep(Duration::from_millis(20)));
}

fn an_ordinary_runtime(mode: Mode) {
    mode.run(Builder::new().procs(2), || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let server = go(move || {
            let (mut stream, _) = listener.accept()?;
            let mut word = Vec::new();
            stream.read_to_end(&mut word).map(|_| word)
        });
        TcpStream::connect(address).and_then(|mut stream| stream.write_all(b"word")).expect("somebody accepts");
        assert_eq!(server.join().expect("it does not panic").expect("it was written to"), b"word");
        let workers: Vec<_> = (0..20).map(|_| go(|| time::sleep(Duration::from_millis(1)))).collect();
        for worker in workers {
            worker.join().expect("it only sleeps");
        }
    });
}

#[test]
fn two_hundred_runtimes_leave_no_thread_and_no_descriptor() {
    child::in_children(
        "two_hundred_runtimes_leave_no_thread_and_no_descriptor",
        |_| {},
        |mode| {
            let census =
                || (system::threads().expect("/proc is there"), system::descriptors().expect("/proc is there"));
            for _ in 0..5 {
                an_ordinary_runtime(mode);
            }
            let before = census();
            for _ in 0..200 {
                an_ordinary_runtime(mode);
            }
            for _ in 0..20 {
                a_runtime_that_rests(mode);
            }
            // A thread that was joined may be in the list for a moment yet.
            let deadline = Instant::now() + Duration::from_secs(10);
            while (census().0 > before.0 || census().1 > before.1) && Instant::now() < deadline {
                thread::yield_now();
            }
            let after = census();
            println!("threads {}\ndescriptors {}", after.0 as i64 - before.0 as i64, after.1 as i64 - before.1 as i64);
        },
        |mode, end| {
            let more = (end.succeeded().number("threads"), end.number("descriptors"));
            assert!(
                more.0 <= 0.0 && more.1 <= 0.0,
                "{mode}: {} threads, {} descriptors more than before",
                more.0,
                more.1
            );
        },
    );
}

/// `figures` has the bound of one second; without letting hogs go it is for ever.
#[test]
fn run_returns_while_hogs_spin() {
    child::in_children(
        "run_returns_while_hogs_spin",
        |_| {},
        |mode| {
            let shutdown = scenario::end_with_hogs(mode, 3);
            println!("seconds {}\nleft {}", shutdown.elapsed.as_secs_f64(), shutdown.left);
        },
        |mode, end| {
            let seconds = end.succeeded().number("seconds");
            assert!(seconds < 20.0, "{mode}: run returned after {seconds} s");
            // One more that was to end may be late where the hogs, or others, have the machine.
            let left = end.number("left");
            assert!((3.0..=4.0).contains(&left), "{mode}: three hogs keep three threads, and {left} were left");
        },
    );
}

static UNBORROWED: AtomicBool = AtomicBool::new(false);

struct Borrowed(RefCell<Vec<u8>>);

impl Drop for Borrowed {
    fn drop(&mut self) {
        UNBORROWED.store(true, SeqCst);
    }
}

thread_local! {
    static OF_THE_THREAD: Borrowed = const { Borrowed(RefCell::new(Vec::new())) };
}

/// Bound, a goroutine is abandoned inside a borrow of a thread-local: its thread, and so the thread-local, stays.
#[test]
fn an_abandoned_borrow_of_a_thread_local_stays_valid() {
    let end = child::in_child(
        "an_abandoned_borrow_of_a_thread_local_stays_valid",
        |_| {},
        || {
            let before = system::threads().expect("/proc is there");
            Mode::Bound.run(Builder::new().procs(2), || {
                let (borrowed, borrow) = chan::bounded::<()>(1);
                let (keep_open, gate) = chan::bounded::<()>(0);
                drop(go(move || {
                    OF_THE_THREAD.with(|local| {
                        let mut letters = local.0.borrow_mut();
                        borrowed.send(()).expect("there is room");
                        let _keep_open = keep_open;
                        gate.recv().expect("it is never reached");
                        letters.push(1);
                    });
                }));
                borrow.recv().expect("it borrows");
            });
            thread::sleep(Duration::from_millis(300));
            let more = || system::threads().expect("/proc is there") - before;
            // One that was joined may be in the list for a moment yet.
            let patience = Instant::now() + Duration::from_secs(10);
            while more() > 2 && Instant::now() < patience {
                thread::yield_now();
            }
            let more = more();
            println!("dropped {}\nthreads {more}", u8::from(UNBORROWED.load(SeqCst)));
        },
    );
    assert_eq!(end.succeeded().number("dropped"), 0.0, "the thread-local is gone, the borrow is not");
    assert!(
        (1.0..=2.0).contains(&end.number("threads")),
        "the threads of goroutine 1 and of the borrower, or the one of both"
    );
}

/// A channel that outlives a runtime passes its abandoned receiver by.
#[test]
fn a_channel_passes_over_abandoned_receivers() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let (send, receive) = chan::bounded::<u8>(1);
        mode.run(Builder::new().procs(2), || {
            for _ in 0..3 {
                let receive = receive.clone();
                drop(go(move || receive.recv()));
            }
            until_waiting(3, "chan receive");
        });
        send.send(8).expect("there is a receiver: this one");
        assert_eq!(receive.recv(), Ok(8), "{mode}: the value went to somebody who is no more");
        // And to the living of another runtime.
        let living = thread::spawn({
            let receive = receive.clone();
            move || mode.run(Builder::new().procs(1), move || receive.recv())
        });
        send.send(9).expect("somebody receives");
        assert_eq!(living.join().expect("it does not panic"), Ok(9));
    }
}

/// Receives while it is dropped.
struct ReceivesInItsDrop(chan::Receiver<u32>);

impl Drop for ReceivesInItsDrop {
    fn drop(&mut self) {
        unreachable!("{:?} came after the end of the runtime", self.0.recv());
    }
}

/// Waits with its thread, because it unwinds or is polled.
fn receive_in_place(unwinds: bool, receive: chan::Receiver<u32>) {
    if unwinds {
        let _receives = ReceivesInItsDrop(receive);
        std::panic::resume_unwind(Box::new("without a word on stderr"));
    }
    threadle::block_on(std::future::poll_fn(|_| -> std::task::Poll<()> {
        unreachable!("{:?} came after the end of the runtime", receive.recv())
    }));
}

/// The kernel says that the thread sleeps.
fn sleeps(thread: i32) -> bool {
    let line = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).expect("the thread is there");
    line.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

/// As an abandoned receiver that had left its stack, so is one that waits in place.
#[test]
fn a_channel_passes_over_abandoned_receivers_that_wait_in_place() {
    for mode in Mode::BOTH {
        for unwinds in [true, false] {
            let _watchdog = Watchdog::new(60);
            let (send, receive) = chan::bounded(0);
            let abandoned = mode.run(Builder::new().procs(2), || {
                let thread = Arc::new(AtomicI32::new(0));
                let (seen, receive) = (Arc::clone(&thread), receive.clone());
                // On a thread of its own: in bound mode it would hold up main.
                let waiter = GoBuilder::new().locked().go(move || {
                    seen.store(system::thread_id(), SeqCst);
                    receive_in_place(unwinds, receive);
                });
                // From there on it may run, and then it sleeps in the channel: nothing else of its way is contended.
                while thread.load(SeqCst) == 0 || !sleeps(thread.load(SeqCst)) {
                    time::sleep(Duration::from_millis(1));
                }
                waiter
            });
            assert!(abandoned.join().expect_err("it waits for ever").is_abandoned(), "{mode}, unwinds: {unwinds}");
            assert!(send.try_send(1).is_err(), "{mode}, unwinds {unwinds}: an abandoned receiver took a value with it");
            let outside = thread::spawn(move || receive.recv());
            send.send(2).expect("somebody outside receives");
            assert_eq!(outside.join().expect("it only receives"), Ok(2), "{mode}, unwinds: {unwinds}");
        }
    }
}

/// A socket of one runtime that a goroutine of another waits for: when that one ends, it takes no event with it.
#[test]
fn a_socket_passes_over_abandoned_readers() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        mode.run(Builder::new().procs(2), || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let mut peer =
                TcpStream::connect(listener.local_addr().expect("a listener has an address")).expect("it listens");
            let (stream, _) = listener.accept().expect("somebody connects");
            let abandoned: Vec<_> = mode.run(Builder::new().procs(2), || {
                let readers = (0..2).map(|_| {
                    let stream = stream.clone();
                    go(move || (&stream).read(&mut [0]))
                });
                let readers = readers.collect();
                until_waiting(2, "IO wait");
                readers
            });
            let reader = go(move || (&stream).read(&mut [0]));
            until_waiting(1, "IO wait");
            peer.write_all(b"x").expect("there is room");
            // One event, and the two of the other runtime stand before it in the queue.
            assert_eq!(reader.join().expect("it only reads").expect("a letter comes"), 1, "{mode}");
            for one in abandoned {
                assert!(one.join().expect_err("it waits for ever").is_abandoned(), "{mode}");
            }
        });
    }
}

/// Until so many of this runtime's goroutines wait for that reason.
fn until_waiting(many: usize, reason: &str) {
    let reason = format!(" [{reason}");
    while dump_of_this_runtime().matches(&reason).count() < many {
        yield_now();
    }
}

fn dump_of_this_runtime() -> String {
    let mut text = Vec::new();
    threadle::dump(&mut text).expect("a Vec takes it");
    String::from_utf8(text).expect("a dump is text")
}

#[test]
fn draining_waits_for_the_others() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let done = Arc::new(AtomicUsize::new(0));
        mode.run(Builder::new().procs(2).drain(Duration::from_secs(30)), || {
            for number in 0..50 {
                let done = Arc::clone(&done);
                drop(go(move || {
                    time::sleep(Duration::from_millis(number));
                    done.fetch_add(1, SeqCst);
                }));
            }
        });
        assert_eq!(done.load(SeqCst), 50, "{mode}");
    }
}

#[test]
fn draining_ends_when_its_time_is_over() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let handle = mode.run(Builder::new().procs(2).drain(Duration::from_millis(50)), || {
            let (keep_open, gate) = chan::bounded::<()>(0);
            go(move || {
                let _keep_open = keep_open;
                gate.recv()
            })
        });
        assert!(handle.join().expect_err("it is never woken").is_abandoned());
    }
}

/// A stream must belong to a runtime. Where there is none no connection is taken, so that none is lost.
#[test]
fn accepting_outside_a_runtime_panics_and_takes_nothing() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        mode.run(Builder::new().procs(2), || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let address = listener.local_addr().expect("a listener has an address");
            let client = TcpStream::connect(address).expect("it listens");
            let outside = listener.clone();
            let panic = thread::spawn(move || outside.accept()).join().expect_err("it panics");
            let message = panic.downcast_ref::<String>().expect("panics with a text");
            assert!(message.contains("threadle::run"), "{mode}: {message}");
            let (_, peer) = listener.accept().expect("the connection is still there");
            assert_eq!(peer, client.local_addr().expect("it is connected"), "{mode}");
        });
    }
}

#[test]
fn going_outside_a_runtime_panics() {
    let payload = std::panic::catch_unwind(|| go(|| ())).expect_err("there is no runtime");
    let message = payload.downcast_ref::<String>().map_or("", String::as_str);
    assert!(message.contains("threadle::run"), "{message:?}");
}
