//! Which thread a goroutine is on: bound, always its own, whatever it calls; migrating, another one, and the runtime knows which.
//!
//! In release mode this is about the optimiser too, which takes the address of a thread-local once per function: a runtime that relied on
//! an address from before a switch would act on another thread's state.
#![expect(clippy::disallowed_macros, reason = "what becomes of thread-locals is what is looked at")]

use std::cell::Cell;
use std::hint;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use threadle::net::{TcpListener, TcpStream};
use threadle::sync::{Mutex, WaitGroup};
use threadle::{
    GoBuilder, block_on, blocking, chan, checkpoint, dump, go, metrics, no_switch, num_goroutines, procs, time,
    yield_now,
};
use threadle_tests::{Mode, both_modes, system};

static THREADS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static NUMBER: Cell<u64> = Cell::new(THREADS.fetch_add(1, SeqCst));
}

type Call = (&'static str, fn());

/// Calls that never switch, each with what it is called on.
const NON_SWITCHING: &[Call] = &[
    ("go", || drop(go(|| ()))),
    ("JoinHandle::is_finished", || {
        go(|| ()).is_finished();
    }),
    ("num_goroutines", || assert!(num_goroutines() > 0)),
    ("procs", || assert!(procs() > 0)),
    ("metrics", || {
        metrics();
    }),
    ("dump", || dump(&mut Vec::new()).expect("a Vec takes it")),
    ("chan::bounded", || drop(chan::bounded::<u8>(1))),
    ("try_send, try_recv, len", || {
        let (send, receive) = chan::bounded(1);
        send.try_send(1).expect("there is room");
        assert!(send.try_send(2).is_err());
        assert_eq!(receive.len(), 1);
        assert_eq!(receive.try_recv(), Ok(1));
        assert!(receive.try_recv().is_err());
    }),
    ("try_send to one that waits", || {
        let (send, receive) = chan::bounded(1);
        drop(go(move || receive.recv()));
        // Whether the other waits already, is yet to come, or is gone with its end of the channel.
        let (Ok(()) | Err(_)) = send.try_send(1);
    }),
    ("close", || assert!(chan::bounded::<u8>(1).0.close())),
    ("Mutex::try_lock, unlock", || {
        let mutex = Mutex::new(1);
        drop(mutex.try_lock().expect("it is free"));
    }),
    ("WaitGroup::add, done", || {
        let group = WaitGroup::new();
        group.add(1);
        group.done();
    }),
    ("drop of a socket", || drop(TcpListener::bind("127.0.0.1:0").expect("a port is free"))),
];

/// Calls that may switch, so made that most of them do.
const SWITCHING: &[Call] = &[
    ("yield_now", yield_now),
    ("checkpoint", checkpoint),
    ("sleep", || time::sleep(Duration::from_micros(100))),
    ("sleep_until", || time::sleep_until(Instant::now() + Duration::from_micros(100))),
    ("join", || go(yield_now).join().expect("it only yields")),
    ("recv", || {
        let (send, receive) = chan::bounded(1);
        drop(go(move || send.send(1)));
        assert_eq!(receive.recv(), Ok(1));
    }),
    ("send", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || receive.recv()));
        send.send(1).expect("it is received");
    }),
    ("recv_timeout", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        assert!(receive.recv_timeout(Duration::from_micros(50)).is_err());
    }),
    ("Mutex::lock", || {
        let mutex = Arc::new(Mutex::new(1));
        let (locked, lock) = chan::bounded(1);
        let holder = go({
            let mutex = Arc::clone(&mutex);
            move || {
                let _guard = mutex.lock();
                locked.send(()).expect("there is room");
                yield_now();
            }
        });
        lock.recv().expect("it locks");
        assert_eq!(*mutex.lock(), 1);
        holder.join().expect("it only yields");
    }),
    ("WaitGroup::wait", || {
        let group = WaitGroup::new();
        group.go(yield_now);
        group.wait();
    }),
    ("blocking", || blocking(|| ())),
    ("blocking, for longer", || blocking(|| spin(Duration::from_micros(100)))),
    ("block_on", || block_on(go(yield_now)).expect("it only yields")),
    ("TcpStream", || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let client = go(move || TcpStream::connect(address)?.write_all(b"x"));
        let (stream, _) = listener.accept().expect("somebody connects");
        let mut letter = [0];
        (&stream).read_exact(&mut letter).expect("a letter comes");
        client.join().expect("it does not panic").expect("it is read");
    }),
];

fn spin(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        hint::spin_loop();
    }
}

/// Goroutines that give the monitor and the thieves something to do while `body` runs.
fn under_pressure(body: impl FnOnce()) {
    let over = Arc::new(AtomicBool::new(false));
    // Longer than a slice, so it is flagged and detached; not for ever, because bound it holds up those on its thread.
    let hog = |_| {
        let over = Arc::clone(&over);
        go(move || {
            while !over.load(SeqCst) {
                spin(Duration::from_millis(12));
                time::sleep(Duration::from_millis(3));
            }
        })
    };
    let breeder = {
        let over = Arc::clone(&over);
        go(move || {
            while !over.load(SeqCst) {
                for _ in 0..100 {
                    drop(go(|| ()));
                }
                time::sleep(Duration::from_micros(500));
            }
        })
    };
    let hogs: Vec<_> = (0..2).map(hog).collect();
    body();
    over.store(true, SeqCst);
    for hog in hogs {
        hog.join().expect("a hog only spins");
    }
    breeder.join().expect("it only spawns");
}

/// Runs every call, often, in eight goroutines at once; `check` is given each call's name and itself.
fn in_eight_goroutines(rounds: usize, check: impl Fn(&str, fn()) + Copy + Send + 'static) {
    let caller = move |_| {
        go(move || {
            for _ in 0..rounds {
                for (name, call) in NON_SWITCHING.iter().chain(SWITCHING) {
                    check(name, *call);
                }
            }
        })
    };
    let callers: Vec<_> = (0..8).map(caller).collect();
    for caller in callers {
        caller.join().expect("its checks hold");
    }
}

#[test]
fn bound_goroutines_stay_on_their_thread() {
    let runtime = threadle::Builder::new().procs(2);
    Mode::Bound.run(runtime, || {
        under_pressure(|| {
            in_eight_goroutines(40, |name, call| {
                let (thread, number, place) = (system::thread_id(), NUMBER.get(), NUMBER.with(|cell| cell as *const _));
                call();
                assert_eq!(system::thread_id(), thread, "{name} changed the thread");
                assert_eq!(NUMBER.get(), number, "after {name} a thread-local is another thread's");
                assert_eq!(NUMBER.with(|cell| cell as *const _), place, "after {name} a thread-local has moved");
            });
        });
    });
}

#[test]
fn non_switching_calls_keep_the_thread_in_either_mode() {
    both_modes(2, |_| {
        under_pressure(|| {
            let caller = |_| {
                go(|| {
                    for _ in 0..40 {
                        for (name, call) in NON_SWITCHING {
                            let thread = system::thread_id();
                            call();
                            assert_eq!(system::thread_id(), thread, "{name} changed the thread");
                        }
                        yield_now();
                    }
                })
            };
            let callers: Vec<_> = (0..8).map(caller).collect();
            for caller in callers {
                caller.join().expect("its checks hold");
            }
        });
    });
}

/// Every call works after its goroutine has moved, within one function: the runtime has kept nothing of the thread it left.
#[test]
fn migrated_goroutines_are_known_to_the_runtime() {
    Mode::Migrating.run(threadle::Builder::new().procs(2), || {
        let moves = Arc::new(AtomicU64::new(0));
        under_pressure(|| {
            let caller = |_| {
                let moves = Arc::clone(&moves);
                go(move || {
                    let mut thread = system::thread_id();
                    let private = Mutex::new(0_u32);
                    let (send, receive) = chan::bounded(1);
                    for round in 0..300 {
                        *private.lock() += 1;
                        send.send(round).expect("there is room");
                        time::sleep(Duration::from_micros(20));
                        assert_eq!(receive.recv(), Ok(round));
                        let child = go(move || round + 1);
                        yield_now();
                        assert_eq!(child.join().expect("it only adds"), round + 1);
                        blocking(hint::spin_loop);
                        checkpoint();
                        let now = system::thread_id();
                        moves.fetch_add(u64::from(now != thread), SeqCst);
                        thread = now;
                    }
                    assert_eq!(*private.lock(), 300);
                })
            };
            let callers: Vec<_> = (0..16).map(caller).collect();
            for caller in callers {
                caller.join().expect("its checks hold");
            }
        });
        let moves = moves.load(SeqCst);
        println!("{moves} moves to another thread");
        assert!(moves >= 10, "only {moves} moves: this shows nothing");
    });
}

/// Nothing else ever runs on its thread, and what blocks there stops nobody.
#[test]
fn a_locked_goroutine_has_a_thread_of_its_own() {
    both_modes(1, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let (told, tell) = chan::bounded(1);
        let locked = GoBuilder::new().locked().go({
            let over = Arc::clone(&over);
            move || {
                let thread = system::thread_id();
                told.send(thread).expect("somebody asks");
                while !over.load(SeqCst) {
                    blocking(|| ());
                    time::sleep(Duration::from_micros(100));
                    yield_now();
                    assert_eq!(system::thread_id(), thread, "it has left its thread");
                }
            }
        });
        let its_thread = tell.recv().expect("it tells");
        let visitors: Vec<_> = (0..500)
            .map(|_| {
                go(move || {
                    assert_ne!(system::thread_id(), its_thread, "another runs on its thread");
                    yield_now();
                    assert_ne!(system::thread_id(), its_thread, "another runs on its thread");
                })
            })
            .collect();
        for visitor in visitors {
            visitor.join().expect("its checks hold");
        }
        over.store(true, SeqCst);
        locked.join().expect("its checks hold");
    });
}

#[test]
fn no_switch_lets_non_switching_calls_pass() {
    both_modes(2, |_| {
        under_pressure(|| {
            for _ in 0..20 {
                for (_, call) in NON_SWITCHING {
                    no_switch(call);
                }
                yield_now();
            }
        });
    });
}

#[test]
fn no_switch_catches_calls_that_switch() {
    both_modes(2, |_| {
        let waits: &[Call] = &[
            ("yield_now", yield_now),
            ("sleep", || time::sleep(Duration::from_millis(1))),
            ("join", || go(|| time::sleep(Duration::from_millis(1))).join().expect("it only sleeps")),
            ("recv", || {
                let (_send, receive) = chan::bounded::<u8>(0);
                receive.recv_timeout(Duration::from_millis(1)).expect_err("nobody sends");
            }),
            ("send", || {
                let (send, _receive) = chan::bounded::<u8>(0);
                send.send_timeout(1, Duration::from_millis(1)).expect_err("nobody receives");
            }),
            ("accept", || drop(TcpListener::bind("127.0.0.1:0").expect("a port is free").accept())),
        ];
        for (name, call) in waits {
            let caught = go(move || no_switch(call)).join();
            assert!(caught.is_err_and(|error| error.is_panic()), "{name} went unnoticed");
        }
    });
}
