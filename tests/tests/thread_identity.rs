//! Which thread a goroutine is on: bound, always its own, whatever it calls; migrating, another one, and the runtime knows which.
//!
//! In release mode this is about the optimiser too, which takes the address of a thread-local once per function: a runtime that relied on
//! an address from before a switch would act on another thread's state.
//!
//! And who switches: bound, a call that switches comes back on the same thread, so that the thread tells nothing. There the runtime's own
//! counts do.
#![expect(clippy::disallowed_macros, reason = "what becomes of thread-locals is what is looked at")]

#[path = "thread_identity/calls.rs"]
mod calls;

use std::cell::{Cell, RefCell};
use std::hint::{self, black_box};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Once};
use std::time::Duration;

use calls::{Call, non_switching, switching};
use threadle::net::TcpListener;
use threadle::sync::Mutex;
use threadle::{GoBuilder, JoinHandle, blocking, chan, checkpoint, dump, go, metrics, no_switch, time, yield_now};
use threadle_tests::pressure::{spin, under_pressure};
use threadle_tests::{Mode, Watchdog, both_modes, system};

static THREADS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static NUMBER: Cell<u64> = Cell::new(THREADS.fetch_add(1, SeqCst));
}

/// Runs every call in eight goroutines at once, those that may switch often; `check` is given each call's name and itself.
fn in_eight_goroutines(rounds: usize, check: impl Fn(&str, Box<dyn FnOnce()>) + Copy + Send + 'static) {
    let caller = move |_| {
        go(move || {
            for (name, _, prepare) in non_switching() {
                let prepared = prepare();
                check(name, prepared.call);
                (prepared.after)();
            }
            for _ in 0..rounds {
                for (name, call) in switching() {
                    check(name, Box::new(*call));
                }
            }
        })
    };
    let callers: Vec<_> = (0..8).map(caller).collect();
    for caller in callers {
        caller.join().expect("its checks hold");
    }
}

/// Seconds for every call there is, many times over, under pressure: a slow machine may take its time, a hang is to be seen.
const PATIENCE: u64 = 300;

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn bound_goroutines_stay_on_their_thread() {
    let _watchdog = Watchdog::new(PATIENCE);
    let runtime = threadle::Builder::new().procs(2);
    Mode::Bound.run(runtime, || {
        under_pressure(|| {
            in_eight_goroutines(8, |name, call| {
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
fn non_switching_calls_keep_the_thread() {
    let _watchdog = Watchdog::new(PATIENCE);
    Mode::Migrating.run(threadle::Builder::new().procs(2), || {
        under_pressure(|| {
            let caller = |_| {
                go(|| {
                    for _ in 0..5 {
                        for (name, _, prepare) in non_switching() {
                            let prepared = prepare();
                            let thread = system::thread_id();
                            (prepared.call)();
                            assert_eq!(system::thread_id(), thread, "{name} changed the thread");
                            (prepared.after)();
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

/// Lets everybody else run until they wait or have ended, and the runtime has counted that: on one processor, whose queue the caller goes
/// to the end of, it has when the caller runs again.
fn settle() {
    loop {
        yield_now();
        let mut text = Vec::new();
        dump(&mut text).expect("a Vec takes it");
        let text = String::from_utf8_lossy(&text);
        if !text.contains(" [runnable") && text.matches(" [running").count() == 1 {
            return yield_now();
        }
    }
}

/// A goroutine that has taken the caller's only processor and keeps it, without a call, until it is told to end.
struct Usurper {
    over: Arc<AtomicBool>,
    goroutine: JoinHandle<()>,
}

impl Usurper {
    fn let_it_take_over() -> Usurper {
        let (begun, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let goroutine = go({
            let (begun, over) = (Arc::clone(&begun), Arc::clone(&over));
            move || {
                begun.store(true, SeqCst);
                while !over.load(SeqCst) {
                    hint::spin_loop();
                }
            }
        });
        while !begun.load(SeqCst) {
            hint::spin_loop();
        }
        Usurper { over, goroutine }
    }

    fn end(self) {
        self.over.store(true, SeqCst);
        self.goroutine.join().expect("it only spins");
    }
}

/// How often a goroutine gave way in `call`, and how often one was put on a thread.
fn switches_in(call: impl FnOnce()) -> (u64, u64) {
    let before = metrics();
    call();
    let after = metrics();
    let gave_way = |metrics: &threadle::Metrics| metrics.parks + metrics.yields + metrics.preempted;
    (gave_way(&after) - gave_way(&before), after.runs - before.runs)
}

/// Nobody else runs but whom the call makes ready, and those run once and give way to nobody; so what is counted beyond is the caller's.
/// Each call is made twice: with the processor, and when the caller has lost it, which a call that looks at it would heed.
#[test]
fn non_switching_calls_do_not_switch() {
    both_modes(1, |mode| {
        for (name, readies, prepare) in non_switching() {
            for usurped in [false, true] {
                let prepared = prepare();
                settle();
                let usurper = usurped.then(Usurper::let_it_take_over);
                let (gave_way, runs) = switches_in(prepared.call);
                if let Some(usurper) = usurper {
                    usurper.end();
                }
                (prepared.after)();
                let case = format!("{mode}: {name}{}", if usurped { ", the processor lost" } else { "" });
                assert_eq!(gave_way, 0, "{case}: somebody gave way");
                assert!(runs <= *readies, "{case}: {runs} were put on a thread, {readies} were made ready");
            }
        }
    });
}

/// The test above would notice.
#[test]
fn calls_that_switch_are_counted() {
    both_modes(1, |mode| {
        let calls: &[(bool, Call)] = &[
            (false, ("yield_now", yield_now)),
            (false, ("sleep", || time::sleep(Duration::from_micros(100)))),
            (true, ("yield_now", yield_now)),
            (true, ("checkpoint", checkpoint)),
        ];
        for (usurped, (name, call)) in calls {
            settle();
            let usurper = usurped.then(Usurper::let_it_take_over);
            let (gave_way, runs) = switches_in(call);
            if let Some(usurper) = usurper {
                usurper.end();
            }
            assert!(gave_way + runs > 0, "{mode}: {name} (the processor lost: {usurped}) went uncounted");
        }
    });
}

/// Every call works after its goroutine has moved, within one function: the runtime has kept nothing of the thread it left.
#[test]
fn migrated_goroutines_are_known_to_the_runtime() {
    let _watchdog = Watchdog::new(PATIENCE);
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
            for _ in 0..5 {
                for (_, _, prepare) in non_switching() {
                    let prepared = prepare();
                    no_switch(prepared.call);
                    (prepared.after)();
                }
                yield_now();
            }
        });
    });
}

thread_local!(static REFUSED_AT: RefCell<Option<String>> = const { RefCell::new(None) });

/// Where the last panic of this thread came from, if anything was refused since it was asked last. Not inlined: the caller may be on
/// another thread the next time.
#[inline(never)]
fn refused_at() -> Option<String> {
    black_box(REFUSED_AT.take())
}

/// From here on `no_switch`'s panics are noted in place of being printed; others go the way they went.
fn note_what_is_refused() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match (info.payload_as_str(), info.location()) {
            (Some(text), Some(at)) if text.contains("inside no_switch") => REFUSED_AT.set(Some(at.to_string())),
            _ => before(info),
        }));
    });
}

/// The list's calls, each of which may switch, need not all wait. Where one has to, it is refused, and the panic names the line that made
/// the call: a line of these suites, or one of std where it was std that made it (`read_exact`, an iterator's adaptor); not one inside the
/// runtime, where whatever lies between wants a `#[track_caller]`.
#[test]
fn no_switch_names_the_line_of_every_call_that_would_switch() {
    let _watchdog = Watchdog::new(PATIENCE);
    note_what_is_refused();
    for mode in Mode::BOTH {
        let refused = mode.run(threadle::Builder::new().procs(2), || {
            let (mut refused, mut here) = (0, 0);
            for (name, call) in switching() {
                let caught = panic::catch_unwind(|| no_switch(call));
                let Some(at) = refused_at() else { continue };
                assert!(caught.is_err(), "{mode}: {name} swallowed it");
                let made_here = at.starts_with("tests/tests/thread_identity/");
                assert!(made_here || at.contains("/library/"), "{mode}: {name}: {at}");
                here += usize::from(made_here);
                refused += 1;
            }
            (refused, here)
        });
        println!("{mode}: {refused:?}");
        assert!(refused.0 > 40 && refused.1 * 10 > refused.0 * 9, "{mode}: of {refused:?}");
    }
}

#[test]
fn no_switch_catches_calls_that_switch() {
    both_modes(2, |_| {
        let waits: &[Call] = &[
            ("yield_now", yield_now),
            // None could be over before it has begun, however slow the machine.
            ("sleep", || time::sleep(LONG)),
            ("join", || {
                let (_send, receive) = chan::bounded::<u8>(0);
                go(move || receive.recv_timeout(LONG)).join().expect("it only waits").expect_err("in vain");
            }),
            ("recv", || {
                let (_send, receive) = chan::bounded::<u8>(0);
                receive.recv_timeout(LONG).expect_err("nobody sends");
            }),
            ("send", || {
                let (send, _receive) = chan::bounded::<u8>(0);
                send.send_timeout(1, LONG).expect_err("nobody receives");
            }),
            ("a name's look-up", calls::outside::look_a_name_up),
            ("fs", calls::outside::write_sync_and_read_a_file),
            ("accept", || drop(TcpListener::bind("127.0.0.1:0").expect("a port is free").accept())),
        ];
        for (name, call) in waits {
            let caught = go(move || no_switch(call)).join();
            assert!(caught.is_err_and(|error| error.is_panic()), "{name} went unnoticed");
        }
    });
}
